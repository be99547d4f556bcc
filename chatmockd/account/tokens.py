"""What signs us in upstream, and the simplest of it: an API key.

Read at each use, so that a new key takes effect while the daemon runs. Nothing here
logs, and no error names a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from chatmockd.account.auth_file import absolute, reason
from chatmockd.errors import CredentialsMissing


class Credentials(Protocol):
    """Where the headers that sign us in come from."""

    async def headers(self) -> dict[str, str]:
        """
        The headers for one upgrade or request.

        @raise CredentialsMissing: There is nothing usable to sign in with.
        @raise ChatmockdError: There will be, but just now it cannot be had.
        """

    async def renewed(self, refused: Mapping[str, str]) -> dict[str, str] | None:
        """
        Other headers, after the upstream answered C{refused} with 401.

        @return: What to try once more with; None when there is nothing else to try.
        @raise ChatmockdError: As for L{headers}.
        """


class FixedKey:
    """One bearer that is known from the start."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def headers(self) -> dict[str, str]:
        """See L{Credentials.headers}."""
        return {"Authorization": bearer(self._key, "the fixed key")}

    async def renewed(self, refused: Mapping[str, str]) -> None:
        """See L{Credentials.renewed}: there is no other."""


class ApiKey:
    """An OpenAI API key: from C{upstream.api_key_file}, else C{OPENAI_API_KEY}."""

    def __init__(self, file: str, environ: Mapping[str, str]) -> None:
        self._file = absolute(file) if file else None
        self._environ = environ

    async def headers(self) -> dict[str, str]:
        """See L{Credentials.headers}."""
        if self._file is not None:
            try:
                key = self._file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as problem:
                why = reason(problem) if isinstance(problem, OSError) else "not text"
                raise CredentialsMissing(
                    f"The API key file {self._file} (upstream.api_key_file) cannot be "
                    f"read: {why}."
                ) from None
            source = f"the file {self._file}"
        else:
            key = self._environ.get("OPENAI_API_KEY", "").strip()
            source = "OPENAI_API_KEY"
        if not key:
            raise CredentialsMissing(
                "No OpenAI API key: set OPENAI_API_KEY in the daemon's environment, or "
                "name a file that holds the key in upstream.api_key_file."
            )
        return {"Authorization": bearer(key, source)}

    async def renewed(self, refused: Mapping[str, str]) -> dict[str, str] | None:
        """See L{Credentials.renewed}: the key may have been replaced meanwhile."""
        headers = await self.headers()
        return None if headers.items() <= refused.items() else headers


def bearer(key: str, source: str) -> str:
    """
    C{key} as the value of C{Authorization}.

    @raise CredentialsMissing: It is not fit for a header.
    """
    return f"Bearer {header_value(key, source)}"


def header_value(value: str, source: str) -> str:
    """
    C{value}, if it cannot end its header line: Autobahn does not look.

    @param source: Where it comes from, for the error.
    @raise CredentialsMissing: It could.
    """
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise CredentialsMissing(
            f"{source[0].upper()}{source[1:]} contains characters that no credential "
            "has; write it again."
        )
    return value
