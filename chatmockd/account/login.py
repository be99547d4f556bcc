"""Signing in with a browser: authorization code and PKCE, over a loopback port."""

from __future__ import annotations

import base64
import errno
import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError

from chatmockd.account.auth_file import Login
from chatmockd.account.callback import PATH, Callback, CallbackSite
from chatmockd.account.issuer import Issuer
from chatmockd.account.sign_in import SignInFailed, keep

PORT = 1455  # the one that the issuer knows this application by
PATIENCE = 900.0  # seconds for somebody to sign in

_FLUSH = 2.0  # seconds for the browser to get its page


class PortTaken(SignInFailed):
    """Somebody else listens where the browser would come back to."""

    code = "port_taken"


def pkce() -> tuple[str, str]:
    """A verifier, and the C{S256} challenge that goes ahead of it."""
    verifier = secrets.token_urlsafe(64)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def sign_in(
    reactor: Any,
    issuer: Issuer,
    file: Path,
    *,
    bind: str,
    port: int,
    originator: str,
    show: Callable[[str], None],
) -> Login:
    """
    Have somebody sign in, and save the tokens.

    @param file: Where they go.
    @param bind: The address to wait at for the browser.
    @param show: Gets the URL to open, once we listen.
    @raise PortTaken: We cannot wait for the browser.
    @raise ChatmockdError: Nobody signed in.
    """
    verifier, challenge = pkce()
    state = secrets.token_urlsafe(32)
    saved: list[Login] = []

    async def use(code: str) -> None:
        grant = await issuer.exchange(code, verifier, redirect_uri)
        saved.append(await keep(file, grant, reactor))

    page = Callback(state, use)
    site = CallbackSite(page, reactor)
    try:
        listening = reactor.listenTCP(port, site, interface=bind)
    except CannotListenError as problem:
        raise _not_listening(bind, port, problem) from None
    try:
        redirect_uri = f"http://localhost:{listening.getHost().port}{PATH}"
        show(
            issuer.authorize_url(
                redirect_uri=redirect_uri,
                challenge=challenge,
                state=state,
                originator=originator,
            )
        )
        expiry = reactor.callLater(PATIENCE, _expire, page.done)
        try:
            await page.done
        finally:
            if expiry.active():
                expiry.cancel()
        return saved[0]
    finally:
        await maybeDeferred(listening.stopListening)
        await site.close().addTimeout(_FLUSH, reactor).addErrback(lambda _: None)


def _expire(done: Deferred[None]) -> None:
    if not done.called:
        done.errback(
            SignInFailed(f"Nobody signed in within {PATIENCE / 60:g} minutes.")
        )


def _not_listening(bind: str, port: int, problem: CannotListenError) -> SignInFailed:
    number = getattr(problem.socketError, "errno", None)
    if number == errno.EADDRINUSE:
        return PortTaken(
            f"Port {port} of {bind} is taken, perhaps by another login that is under "
            "way; end that, or use --headless."
        )
    return SignInFailed(
        f"Cannot listen on {bind} (account.login_bind), port {port}: "
        f"{problem.socketError}."
    )
