"""What signs HTTP requests in: the credentials, and better ones after a 401."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from chatmockd.account.tokens import Credentials


class SignIn(Protocol):
    """Where the headers that sign a request in come from."""

    async def headers(self) -> dict[str, str]:
        """
        The headers for one request.

        @raise ChatmockdError: There is nothing usable to sign in with.
        """

    async def renewed(self, refused: Mapping[str, str]) -> dict[str, str] | None:
        """
        Better headers than those which were refused with 401; None when there are none.

        @raise ChatmockdError: There is no signing in any more.
        """


class Unrenewed:
    """
    Credentials that are read at each use, and are all that there is.

    Another login may have been written since they were read, which is better.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def headers(self) -> dict[str, str]:
        """See L{SignIn.headers}."""
        return self._credentials.headers()

    async def renewed(self, refused: Mapping[str, str]) -> dict[str, str] | None:
        """See L{SignIn.renewed}."""
        headers = self._credentials.headers()
        return None if headers == refused else headers
