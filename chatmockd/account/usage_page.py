"""Asks ChatGPT what the account has used of its plan."""

from __future__ import annotations

from chatmockd.account.asking import Asking
from chatmockd.account.identity import Identity
from chatmockd.core.limits import Limits, from_usage
from chatmockd.core.page_urls import usage_urls
from chatmockd.outbound import Unreachable


async def ask_limits(
    asking: Asking, upstream_url: str, now: float
) -> tuple[Identity, Limits]:
    """
    The limits as they are now, and whose they are.

    @param now: Unix time.
    @raise NotSignedIn: We are not let in.
    @raise Unreachable: There is no usable answer.
    """
    why = "there is no such page"
    for url in usage_urls(upstream_url):
        identity, answered = await asking.get(url)
        if answered.status == 200:
            limits = from_usage(answered.body, now)
            if limits is not None:
                return identity, limits
            why = "the answer says nothing about limits"
        else:
            why = f"the answer is {answered.status}"
            if answered.status not in (403, 404, 405):
                break
    raise Unreachable(why)
