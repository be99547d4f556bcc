"""Where the browser comes back to after signing in: one page on a loopback port."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from secrets import compare_digest
from typing import Any
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred
from twisted.protocols.policies import WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from chatmockd.account.sign_in import SignInFailed
from chatmockd.errors import ChatmockdError

PATH = "/auth/callback"

_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Callback(Resource):
    """
    Waits for the code, has it used, and tells the browser how that went.

    A request without our C{state} is from somebody who did not begin here: it is
    refused, and the waiting goes on.

    @ivar done: Fires when somebody is signed in, and with what went wrong when that
        has failed.
    """

    isLeaf = True

    def __init__(self, state: str, use: Callable[[str], Awaitable[None]]) -> None:
        """
        @param use: Gets the authorization code.
        """
        super().__init__()
        self.done: Deferred[None] = Deferred()
        self._state = state
        self._use = use
        self._taken = False

    def render(self, request: Request) -> Any:
        if request.method != b"GET":
            # Nor HEAD, which some look ahead with: the code is good once.
            return _page(request, 405, "Only a browser is expected here.")
        path, _, query = (request.uri or b"").partition(b"?")
        if path != PATH.encode():
            return _page(request, 404, "There is nothing here.")
        said = dict(parse_qsl(query.decode("utf-8", "replace")))
        state = said.get("state", "").encode()
        if not compare_digest(state, self._state.encode()):
            return _page(request, 400, "This is not the sign-in that was begun here.")
        if self._taken:
            return _page(request, 409, "This sign-in is over already.")
        if "error" in said:
            self._taken = True
            why = said["error"]
            why = why if re.fullmatch("[a-z0-9_.-]{1,64}", why) else "no reason given"
            self._end(request, SignInFailed(f"The sign-in was refused: {why}."))
            return NOT_DONE_YET
        if not said.get("code"):
            return _page(request, 400, "The sign-in page sent no code.")
        self._taken = True
        Deferred.fromCoroutine(self._sign_in(request, said["code"]))
        return NOT_DONE_YET

    async def _sign_in(self, request: Request, code: str) -> None:
        problem: Exception | None = None
        try:
            await self._use(code)
        except Exception as found:
            problem = found
        self._end(request, problem)

    def _end(self, request: Request, problem: Exception | None) -> None:
        # The browser may have been closed meanwhile.
        if request.channel is not None:
            if problem is None:
                body = _page(request, 200, "You are signed in. Close this window.")
            elif isinstance(problem, ChatmockdError):
                body = _page(request, 400, str(problem))
            else:
                body = _page(request, 500, "chatmockd failed to sign you in.")
            request.write(body)
            request.finish()
        if self.done.called:
            return
        if problem is None:
            self.done.callback(None)
        else:
            self.done.errback(problem)


class CallbackSite(WrappingFactory):
    """The site with that page, whose connections can be seen to their end."""

    noisy = False

    def __init__(self, page: Callback, clock: Any) -> None:
        site = Site(page, reactor=clock)
        site.noisy = False
        site.displayTracebacks = False
        super().__init__(site)
        self._emptied: Deferred[None] | None = None

    def close(self) -> Deferred[None]:
        """End all connections behind their last byte; fires when they are gone."""
        emptied = self._emptied = Deferred()
        for protocol in list(self.protocols):
            protocol.loseConnection()
        self._check()
        return emptied

    def unregisterProtocol(self, p: Any) -> None:
        super().unregisterProtocol(p)
        self._check()

    def _check(self) -> None:
        if self._emptied is not None and not self.protocols:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)


def _page(request: Request, status: int, sentence: str) -> bytes:
    request.setResponseCode(status)
    for name, value in _HEADERS.items():
        request.setHeader(name, value)
    shown = sentence.replace("&", "&amp;").replace("<", "&lt;")
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>chatmockd</title>"
        f"<h1>chatmockd</h1><p>{shown}</p></html>\n"
    ).encode()
