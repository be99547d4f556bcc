"""The server that issues tokens: its endpoints, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import msgspec

from chatmockd.errors import ChatmockdError, UpstreamError
from chatmockd.outbound import Answered, Outbound, Unreachable

_SCOPE = "openid profile email offline_access"


class IssuerFailed(UpstreamError):
    """It could not be asked, or did not make sense; later it may."""

    code = "token_issuer_failed"


class IssuerRefused(ChatmockdError):
    """
    It said no, and will say it again.

    @ivar said: Its code for why, such as C{invalid_grant}; its sentences are not
        repeated, for they may quote the token.
    """

    status = 401
    type = "authentication_error"
    code = "token_issuer_refused"

    def __init__(self, url: str, status: int, said: str | None) -> None:
        why = f"{status}, {said}" if said else str(status)
        super().__init__(f"{url} refused: {why}.")
        self.answered = status
        self.said = said


@dataclass(frozen=True)
class Grant:
    """The tokens of one answer; None where it brought none."""

    access_token: str = field(repr=False)
    id_token: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)


class _Granted(msgspec.Struct):
    access_token: str | None = None
    id_token: str | None = None
    refresh_token: str | None = None


class Issuer:
    """One issuer, and the application as which we ask it."""

    def __init__(self, url: str, client_id: str, outbound: Outbound) -> None:
        self.url = url.rstrip("/")
        self.client_id = client_id
        self._outbound = outbound

    def authorize_url(
        self, *, redirect_uri: str, challenge: str, state: str, originator: str
    ) -> str:
        """Where the browser goes to sign in."""
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": _SCOPE,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "id_token_add_organizations": "true",
            "codex_cli_simplified_flow": "true",
            "state": state,
            "originator": originator,
        }
        return f"{self.url}/oauth/authorize?{urlencode(query)}"

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> Grant:
        """
        The tokens for an authorization code.

        @raise IssuerFailed: It could not be asked.
        @raise IssuerRefused: The code is not good.
        """
        answer = await self._call(
            "/oauth/token",
            "application/x-www-form-urlencoded",
            urlencode(
                {
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": redirect_uri,
                    "client_id": self.client_id,
                    "code_verifier": verifier,
                }
            ).encode(),
        )
        return self._grant(answer)

    async def refresh(self, refresh_token: str) -> Grant:
        """
        The tokens for a refresh token, which is worth nothing afterwards.

        @raise IssuerFailed: It could not be asked.
        @raise IssuerRefused: The refresh token is not good.
        """
        answer = await self.post(
            "/oauth/token",
            {
                "client_id": self.client_id,
                "grant_type": "refresh_token",
                "refresh_token": refresh_token,
                "scope": "openid profile email",
            },
        )
        return self._grant(answer)

    async def revoke(self, refresh_token: str) -> None:
        """
        Have the token, and what came of it, refused from now on.

        @raise IssuerFailed: It could not be asked.
        @raise IssuerRefused: It does not do so.
        """
        answer = await self.post(
            "/oauth/revoke",
            {
                "token": refresh_token,
                "token_type_hint": "refresh_token",
                "client_id": self.client_id,
            },
        )
        if not 200 <= answer.status < 300:
            raise self.refusal("/oauth/revoke", answer)

    async def post(self, path: str, body: Mapping[str, str]) -> Answered:
        """
        Ask with JSON.

        @raise IssuerFailed: There is no answer.
        """
        return await self._call(path, "application/json", msgspec.json.encode(body))

    def refusal(self, path: str, answer: Answered) -> IssuerFailed | IssuerRefused:
        """What an answer is that does not grant what was asked for."""
        url = f"{self.url}{path}"
        said = _code_in(answer.body)
        if 400 <= answer.status < 500 and answer.status not in (408, 425, 429):
            # A proxy's own page is no word of the issuer's.
            if said is not None:
                return IssuerRefused(url, answer.status, said)
        return IssuerFailed(f"{url} answered with {answer.status}.")

    async def _call(self, path: str, kind: str, body: bytes) -> Answered:
        url = f"{self.url}{path}"
        headers = {"Content-Type": kind, "Accept": "application/json"}
        try:
            return await self._outbound.call("POST", url, headers=headers, body=body)
        except Unreachable as problem:
            raise IssuerFailed(f"Cannot reach {url}: {problem}") from None

    def _grant(self, answer: Answered) -> Grant:
        if answer.status != 200:
            raise self.refusal("/oauth/token", answer)
        try:
            granted = msgspec.json.decode(answer.body, type=_Granted)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            granted = _Granted()
        token = granted.access_token
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise IssuerFailed(f"{self.url}/oauth/token sent no tokens.")
        return Grant(token, granted.id_token or None, granted.refresh_token or None)


def _code_in(body: bytes) -> str | None:
    """C{error}, C{error.code} or C{code} of an answer, if it looks like a code."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    inner = said.get("error")
    found = inner.get("code") if isinstance(inner, dict) else inner
    for code in (found, said.get("code")):
        if isinstance(code, str) and re.fullmatch("[a-z0-9_.-]{1,64}", code):
            return code
    return None
