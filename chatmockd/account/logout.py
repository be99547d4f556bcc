"""Signing out: the issuer is told, and the tokens are deleted either way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from twisted.internet.interfaces import IReactorTime

from chatmockd.account.auth_file import places, read
from chatmockd.account.issuer import Issuer, IssuerFailed, IssuerRefused
from chatmockd.account.sign_in import forget
from chatmockd.errors import ChatmockdError


@dataclass(frozen=True)
class SignedOut:
    """
    Who was signed in, and is no more.

    @ivar email: None where the tokens do not tell.
    @ivar not_revoked: Why the issuer will accept the tokens on, if it will.
    """

    file: Path
    email: str | None
    not_revoked: ChatmockdError | None


async def sign_out(
    clock: IReactorTime, issuer: Issuer, environ: Mapping[str, str], home: Path
) -> SignedOut | None:
    """
    End the login that counts.

    @return: None when nobody is signed in.
    @raise ChatmockdError: The file cannot be read or written; nothing has changed.
    """
    for file in places(environ, home):
        login = read(file)
        if login is None:
            continue
        if not (login.access_token or login.refresh_token or login.id_token):
            return None
        problem: ChatmockdError | None = None
        if login.refresh_token:
            try:
                await issuer.revoke(login.refresh_token)
            except (IssuerFailed, IssuerRefused) as found:
                problem = found
        await forget(file, clock)
        return SignedOut(file, login.email, problem)
    return None
