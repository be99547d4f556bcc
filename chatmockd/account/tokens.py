"""What signs us in upstream: an API key, or the tokens of a ChatGPT login.

Read at each use, so that a login while the daemon runs takes effect. Nothing here logs,
and no error names a secret.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from chatmockd.errors import CredentialsMissing

# The claim under which OpenAI's tokens carry account facts (source: Codex).
_CLAIM = "https://api.openai.com/auth"


class Credentials(Protocol):
    """Where the headers that sign us in come from."""

    def headers(self) -> dict[str, str]:
        """
        The headers for one upgrade.

        @raise CredentialsMissing: There is nothing usable to sign in with.
        """


class FixedKey:
    """One bearer that is known from the start."""

    def __init__(self, key: str) -> None:
        self._key = key

    def headers(self) -> dict[str, str]:
        """See L{Credentials.headers}."""
        return {"Authorization": _bearer(self._key, "the fixed key")}


class ApiKey:
    """An OpenAI API key: from C{upstream.api_key_file}, else C{OPENAI_API_KEY}."""

    def __init__(self, file: str, environ: Mapping[str, str]) -> None:
        self._file = _place(file) if file else None
        self._environ = environ

    def headers(self) -> dict[str, str]:
        """See L{Credentials.headers}."""
        if self._file is not None:
            try:
                key = self._file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as problem:
                raise CredentialsMissing(
                    f"The API key file {self._file} (upstream.api_key_file) cannot be "
                    f"read: {_reason(problem)}."
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
        return {"Authorization": _bearer(key, source)}


class ChatGptLogin:
    """
    The C{auth.json} that a ChatMock or Codex login writes.

    Looked for in C{CHATGPT_LOCAL_HOME}, C{CODEX_HOME}, C{~/.chatgpt-local} and
    C{~/.codex}; the first that exists counts.
    """

    def __init__(self, environ: Mapping[str, str], home: Path) -> None:
        named = [environ.get("CHATGPT_LOCAL_HOME"), environ.get("CODEX_HOME")]
        folders = [_place(folder) for folder in named if folder]
        folders += [_place(home / ".chatgpt-local"), _place(home / ".codex")]
        self._files = [folder / "auth.json" for folder in folders]

    def headers(self) -> dict[str, str]:
        """See L{Credentials.headers}."""
        for file in self._files:
            try:
                text = file.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as problem:
                raise CredentialsMissing(
                    f"{file} cannot be read: {_reason(problem)}."
                ) from None
            return _headers_of_login(text, file)
        places = ", ".join(str(file) for file in self._files)
        raise CredentialsMissing(
            "Not signed in to ChatGPT: run `codex login` or `chatmock login`, which "
            f"write auth.json. Looked for: {places}."
        )


def _place(path: str | Path) -> Path:
    """C{path}, made independent of where the daemon changes to in the background."""
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        # There is no such user; reading the file will say that it does not exist.
        return Path(path).absolute()


class _Tokens(msgspec.Struct):
    access_token: str | None = None
    id_token: str | None = None
    account_id: str | None = None


class _Login(msgspec.Struct):
    tokens: _Tokens | None = None


def _headers_of_login(text: bytes, file: Path) -> dict[str, str]:
    try:
        login = msgspec.json.decode(text, type=_Login)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CredentialsMissing(
            f"{file} is not a login: sign in again with `codex login`."
        ) from None
    tokens = login.tokens
    if tokens is None or not tokens.access_token:
        raise CredentialsMissing(
            f"{file} holds no ChatGPT tokens: sign in with `codex login`."
        )
    headers = {"Authorization": _bearer(tokens.access_token, f"the token in {file}")}
    account = (
        tokens.account_id
        or _account_claim(tokens.id_token)
        or _account_claim(tokens.access_token)
    )
    if account:
        headers["ChatGPT-Account-ID"] = _header_value(account, f"account in {file}")
    return headers


def _account_claim(token: str | None) -> str | None:
    """The account id inside a JWT, whose signature is the server's to check."""
    parts = (token or "").split(".")
    if len(parts) != 3:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = msgspec.json.decode(payload, type=dict[str, object])
    except (ValueError, msgspec.DecodeError, RecursionError):
        return None
    auth = claims.get(_CLAIM)
    account = auth.get("chatgpt_account_id") if isinstance(auth, dict) else None
    return account if isinstance(account, str) else None


def _bearer(key: str, source: str) -> str:
    return f"Bearer {_header_value(key, source)}"


def _header_value(value: str, source: str) -> str:
    """C{value}, if it cannot end its header line: Autobahn does not look."""
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise CredentialsMissing(
            f"{source[0].upper()}{source[1:]} contains characters that no credential "
            "has; write it again."
        )
    return value


def _reason(problem: Exception) -> str:
    if isinstance(problem, OSError):
        return os.strerror(problem.errno or 0)
    return "it is not text"
