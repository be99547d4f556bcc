"""Asks the upstream over HTTP what it knows about the account that is signed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from chatmockd._version import __version__
from chatmockd.account.identity import Identity, identity_of
from chatmockd.errors import CredentialsMissing
from chatmockd.outbound import Answered, Outbound, Unreachable

_TIMEOUT = 15.0  # seconds


class SignsIn(Protocol):
    """What signs us in, and gets us in again."""

    async def headers(self) -> dict[str, str]:
        """
        The headers for one call.

        @raise CredentialsMissing: There is nothing usable to sign in with.
        """

    async def renewed(self, refused: Mapping[str, str]) -> dict[str, str] | None:
        """What to try instead of headers that were refused; None if nothing else."""


class NotSignedIn(Exception):
    """The upstream does not let us in; the message says why."""


class Asking:
    """Calls as the account."""

    def __init__(
        self,
        outbound: Outbound,
        credentials: SignsIn,
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
        try:
            return await self._credentials.headers()
        except CredentialsMissing as problem:
            raise NotSignedIn(str(problem)) from None

    async def _renewed(self, refused: dict[str, str]) -> dict[str, str] | None:
        try:
            return await self._credentials.renewed(refused)
        except CredentialsMissing as problem:
            raise NotSignedIn(str(problem)) from None


__all__ = ["Answered", "Asking", "NotSignedIn", "SignsIn", "Unreachable"]
