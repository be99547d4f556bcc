"""Signing in from a machine without a browser: a code to type on another one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from chatmockd.account.auth_file import Login
from chatmockd.account.issuer import Issuer, IssuerFailed
from chatmockd.account.login import PATIENCE
from chatmockd.account.sign_in import SignInFailed, keep
from chatmockd.outbound import Answered

_BEGIN = "/api/accounts/deviceauth/usercode"
_POLL = "/api/accounts/deviceauth/token"
_NOT_YET = frozenset({403, 404})  # what the issuer answers until the user has agreed
_SLOWEST = 60.0  # seconds between two questions, whatever the issuer wants


class _Begun(msgspec.Struct):
    device_auth_id: str
    user_code: str | None = None
    usercode: str | None = None
    interval: str | int | float | None = None


class _Agreed(msgspec.Struct):
    authorization_code: str
    code_verifier: str


async def sign_in(
    clock: IReactorTime,
    issuer: Issuer,
    file: Path,
    *,
    show: Callable[[str, str], None],
) -> Login:
    """
    Have somebody sign in elsewhere, and save the tokens.

    @param file: Where they go.
    @param show: Gets the URL to open and the code to type there.
    @raise ChatmockdError: Nobody signed in.
    """
    begun = await _begin(issuer)
    user_code = begun.user_code or begun.usercode or ""
    if not re.fullmatch("[A-Za-z0-9-]{1,32}", user_code):
        raise IssuerFailed(f"{issuer.url}{_BEGIN} sent no code to type.")
    show(f"{issuer.url}/codex/device", user_code)
    agreed = await _agreed(clock, issuer, begun, user_code)
    grant = await issuer.exchange(
        agreed.authorization_code,
        agreed.code_verifier,
        f"{issuer.url}/deviceauth/callback",
    )
    return await keep(file, grant, clock)


async def _begin(issuer: Issuer) -> _Begun:
    answer = await issuer.post(_BEGIN, {"client_id": issuer.client_id})
    if answer.status != 200:
        raise issuer.refusal(_BEGIN, answer)
    try:
        return msgspec.json.decode(answer.body, type=_Begun)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise IssuerFailed(f"{issuer.url}{_BEGIN} sent no code to type.") from None


async def _agreed(
    clock: IReactorTime, issuer: Issuer, begun: _Begun, user_code: str
) -> _Agreed:
    """Ask again and again until the user has agreed."""
    asked = {"device_auth_id": begun.device_auth_id, "user_code": user_code}
    pause = _pause(begun.interval)
    end = clock.seconds() + PATIENCE
    while clock.seconds() < end:
        await deferLater(clock, pause)
        try:
            answer = await issuer.post(_POLL, asked)
        except IssuerFailed:
            # The user is typing; the network may be back when he is done.
            continue
        if answer.status == 200:
            return _decoded(issuer, answer)
        if answer.status not in _NOT_YET and answer.status < 500:
            raise issuer.refusal(_POLL, answer)
    raise SignInFailed(f"Nobody typed the code within {PATIENCE / 60:g} minutes.")


def _decoded(issuer: Issuer, answer: Answered) -> _Agreed:
    try:
        return msgspec.json.decode(answer.body, type=_Agreed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise IssuerFailed(f"{issuer.url}{_POLL} sent no code.") from None


def _pause(interval: str | int | float | None) -> float:
    try:
        seconds = float(interval or 5)
    except (ValueError, OverflowError):
        seconds = 5.0
    return min(max(seconds, 1.0), _SLOWEST) if seconds == seconds else 5.0
