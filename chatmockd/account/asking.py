"""Asks the upstream over HTTP what it knows about the account that is signed in."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from chatmockd._version import __version__
from chatmockd.account.identity import Identity, identity_of
from chatmockd.account.tokens import Credentials
from chatmockd.errors import ChatmockdError, CredentialsMissing
from chatmockd.outbound import Answered, Outbound, Unreachable

T = TypeVar("T")

_TIMEOUT = 15.0  # seconds


class NotSignedIn(Exception):
    """The upstream does not let us in; the message says why."""


class Asking:
    """Calls as the account."""

    def __init__(
        self,
        outbound: Outbound,
        credentials: Credentials,
        upstream_url: str,
        *,
        originator: str = "",
        user_agent: str = "",
    ) -> None:
        """
        @param upstream_url: Where turns go; an account is one only with its upstream.
        @param originator: As what we ask; C{""} for what we are.
        """
        us = f"chatmockd/{__version__}"
        self._outbound = outbound
        self._credentials = credentials
        self._upstream_url = upstream_url
        self._standing = {
            "Accept": "application/json",
            "User-Agent": user_agent or us,
            "originator": originator or us,
        }

    async def identity(self) -> Identity:
        """
        Who we are.

        @raise NotSignedIn: Nobody.
        @raise Unreachable: Our tokens could not be renewed.
        """
        return identity_of(await self._headers(), self._upstream_url)

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> tuple[Identity, Answered]:
        """
        What is at C{url}, and for whom.

        @raise NotSignedIn: The upstream does not let us in, even with new tokens.
        @raise Unreachable: There is no answer.
        """
        signed_in = await self._headers()
        answered = await self._call(url, signed_in, headers)
        if answered.status == 401:
            renewed = await self._renewed(signed_in)
            if renewed is not None:
                signed_in = renewed
                answered = await self._call(url, signed_in, headers)
        if answered.status == 401:
            raise NotSignedIn("the upstream refused the credentials (401)")
        return identity_of(signed_in, self._upstream_url), answered

    async def _call(
        self, url: str, signed_in: Mapping[str, str], more: Mapping[str, str] | None
    ) -> Answered:
        headers = {**self._standing, **signed_in, **(more or {})}
        return await self._outbound.call("GET", url, headers=headers, timeout=_TIMEOUT)

    async def _headers(self) -> dict[str, str]:
        return await _explained(self._credentials.headers())

    async def _renewed(self, refused: dict[str, str]) -> dict[str, str] | None:
        return await _explained(self._credentials.renewed(refused))


async def _explained(asking: Coroutine[Any, Any, T]) -> T:
    """What credentials come to, in our terms."""
    try:
        return await asking
    except CredentialsMissing as problem:
        raise NotSignedIn(str(problem)) from None
    except ChatmockdError as problem:
        # Whoever renews them could not.
        raise Unreachable(str(problem)) from None
