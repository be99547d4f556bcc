"""The HTTP calls that we make ourselves: tokens, models, and what is passed on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from OpenSSL import SSL
from service_identity import VerificationError
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
)
from twisted.internet.protocol import Protocol as Receiver
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from chatmockd.core.proxy import ProxyUnusable
from chatmockd.network import Network, what_failed
from chatmockd.upload import Body

_MOST = 16_777_216  # bytes of an answer that is read as a whole


class Unreachable(Exception):
    """No whole answer came; the message says in which phase, and why."""


@dataclass(frozen=True)
class Answered:
    """
    An answer that was read to its end.

    @ivar headers: With lower-case names; the last one wins.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Outbound(Protocol):
    """Makes HTTP calls."""

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 30,
    ) -> Answered:
        """
        One call, and its whole answer.

        @param timeout: Seconds for all of it.
        @raise Unreachable: There is no whole answer.
        """


class HttpOutbound:
    """L{Outbound} by treq, each call on a connection of its own."""

    def __init__(
        self,
        reactor: Any,
        network: Network,
        *,
        most: int = _MOST,
        user_agent: str = "",
    ) -> None:
        """
        @param most: Bytes of an answer; a longer one is refused.
        @param user_agent: Who makes the call, where its headers do not say.
        """
        self._reactor = reactor
        self._network = network
        self._most = most
        self._user_agent = user_agent

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 30,
    ) -> Answered:
        """See L{Outbound.call}."""
        fields = {name.lower(): [value] for name, value in (headers or {}).items()}
        if self._user_agent:
            fields.setdefault("user-agent", [self._user_agent])
        progress = _Progress()
        call = Deferred.fromCoroutine(
            self._answer(progress, method, url, Headers(fields), body, timeout)
        )
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            call.cancel()

        expiry = self._reactor.callLater(timeout, expire)
        try:
            return await call
        except _PROBLEMS as problem:
            if expired:
                why = progress.phase, f"no answer within {timeout:g} s"
                raise Unreachable(": ".join(why)) from None
            if _is_cancelled(problem):
                raise CancelledError from None
            raise Unreachable(": ".join(progress.why(problem))) from None
        finally:
            if expiry.active():
                expiry.cancel()

    async def _answer(
        self,
        progress: _Progress,
        method: str,
        url: str,
        headers: Headers,
        body: bytes | None,
        timeout: float,
    ) -> Answered:
        client = HTTPClient(self._network.http_agent(timeout).agent)
        response = await client.request(
            method,
            url,
            headers=headers,
            data=None if body is None else Body(body, progress.connected),
            allow_redirects=False,
            unbuffered=True,
            reactor=self._reactor,
        )
        progress.phase = "answer"
        return Answered(
            response.code, header_fields(response), await self._collected(response)
        )

    async def _collected(self, response: IResponse) -> bytes:
        pieces: list[bytes] = []
        read = 0

        def collect(piece: bytes) -> None:
            nonlocal read
            read += len(piece)
            if read > self._most:
                raise _TooLong(f"it is longer than {self._most} bytes")
            pieces.append(piece)

        await collected(response, collect)
        return b"".join(pieces)


async def collected(response: IResponse, collect: Callable[[bytes], None]) -> None:
    """
    Read the body of an answer, and hang up if nobody waits for it any more.

    C{treq.collect} cannot be cancelled: it would read on, or wait, for as long as the
    other side likes.

    @param collect: Given each piece; what it raises ends the connection, too.
    """
    body = _Collecting(collect)
    response.deliverBody(body)
    try:
        await body.ended
    except BaseException:
        cut_off(body.transport)
        raise


class _Collecting(Receiver):
    """
    The body of one answer.

    @ivar ended: Fires when it has been read.
    """

    def __init__(self, collect: Callable[[bytes], None]) -> None:
        self.ended: Deferred[None] = Deferred()
        self._collect = collect

    def dataReceived(self, data: bytes) -> None:
        if self.ended.called:
            return
        try:
            self._collect(data)
        except Exception:
            self.ended.errback(Failure())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.ended.called:
            return
        # PotentialDataLoss: its end is the connection's, as with HTTP/1.0.
        if reason.check(ResponseDone, PotentialDataLoss):
            self.ended.callback(None)
        else:
            self.ended.errback(reason)


def cut_off(transport: Any) -> None:
    """End the connection that an answer is read from, if it is still there."""
    abort = getattr(transport, "abortConnection", None)
    if abort is not None:
        abort()
    elif transport is not None:
        # A paused TLS connection would wait for ever for the other side's leave.
        transport.resumeProducing()
        transport.loseConnection()


class _TooLong(Exception):
    """The answer is not read any further."""


_PROBLEMS = (
    CancelledError,
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
    ProxyUnusable,
    ResponseFailed,
    SSL.Error,
    TimeoutError,
    VerificationError,
    _TooLong,
)


class _Progress:
    """How far a call has come."""

    def __init__(self) -> None:
        self.phase = "connect"

    def connected(self) -> None:
        """The request is being written."""
        self.phase = "request"

    def why(self, problem: BaseException) -> tuple[str, str]:
        """The phase in which the call failed, and why."""
        if isinstance(problem, ProxyUnusable):
            return "proxy", str(problem)
        if isinstance(problem, ResponseFailed):
            phase = "answer" if self.phase == "answer" else "request"
            return what_failed(phase, innermost(problem))
        return what_failed(self.phase, problem)


def innermost(problem: BaseException) -> BaseException:
    """What really happened, out of what Twisted wraps it in."""
    reason: BaseException = problem
    while isinstance(reason, ResponseFailed) and reason.reasons:
        value = reason.reasons[0].value
        if value is None:
            break
        reason = value
    return reason


def header_fields(response: IResponse) -> dict[str, str]:
    """The headers of an answer; see L{Answered.headers}."""
    return {
        name.decode("latin-1").lower(): values[-1].decode("latin-1")
        for name, values in response.headers.getAllRawHeaders()
    }


def _is_cancelled(problem: BaseException) -> bool:
    if isinstance(problem, ResponseFailed):
        problem = innermost(problem)
    return isinstance(problem, CancelledError | ConnectingCancelledError)
