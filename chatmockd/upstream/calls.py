"""Calls to the upstream that are no turns: one request, one answer."""

from __future__ import annotations

from chatmockd.account.tokens import Credentials
from chatmockd.core.profile import PROFILES
from chatmockd.errors import UpstreamUnreachable
from chatmockd.outbound import Answered, Outbound, Unreachable
from chatmockd.settings import Settings
from chatmockd.upstream.answers import refused_answer
from chatmockd.upstream.handshake import Address, Introduction

# For an operator who waits for turns for ever, too: nobody sees a call getting on.
_LONGEST = 3600.0


class Calls:
    """Makes them, signed in."""

    def __init__(
        self, settings: Settings, outbound: Outbound, credentials: Credentials
    ) -> None:
        self._profile = PROFILES[settings.upstream.profile]
        self._address = Address.of(settings.upstream_url)
        self._introduction = Introduction.of(settings.upstream)
        self._timeout = settings.upstream.idle_timeout_s or _LONGEST
        self._outbound = outbound
        self._credentials = credentials

    async def post(self, below: str, body: bytes) -> bytes:
        """
        C{POST} something to a path below that of turns.

        @return: The body of the answer.
        @raise ChatmockdError: There was none, or it is a refusal.
        """
        own = {
            **self._profile.http_headers,
            **self._introduction.headers(self._profile),
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": self._introduction.user_agent,
        }
        url = self._address.http_url(below)
        credentials = await self._credentials.headers()
        answered = await self._call(url, own | credentials, body)
        if answered.status == 401:
            renewed = await self._credentials.renewed(credentials)
            if renewed is not None:
                answered = await self._call(url, own | renewed, body)
        if answered.status != 200:
            raise refused_answer(
                str(self._address), answered.status, answered.headers, answered.body
            )
        return answered.body

    async def _call(self, url: str, headers: dict[str, str], body: bytes) -> Answered:
        try:
            return await self._outbound.call(
                "POST", url, headers=headers, body=body, timeout=self._timeout
            )
        except Unreachable as problem:
            raise UpstreamUnreachable(
                str(self._address), *_phase_and_cause(str(problem))
            ) from None


def _phase_and_cause(problem: str) -> tuple[str, str]:
    phase, _, cause = problem.partition(": ")
    return (phase, cause) if cause else ("request", phase)
