"""One client connection: what twisted.web makes of it, in fewer steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, _IdentityTransferDecoder
from twisted.web.http_headers import Headers
from zope.interface import implementer

from chatmockd.core.plain import Plain, read_plain
from chatmockd.errors import InvalidRequest
from chatmockd.sending import send_soon, unsent
from chatmockd.web.guard import new_request_id

if TYPE_CHECKING:
    from chatmockd.web.site import ApiSite


@implementer(IHalfCloseableProtocol)
class Channel(HTTPChannel):
    """
    One client connection.

    HTTP/1.1 only: the negotiating wrapper that C{Site} would put around it costs a call
    per read and offers HTTP/2, which is not wanted.
    """

    factory: ApiSite
    transport: Any
    timeOut: int | None
    _alarm: IDelayedCall | None = None
    _patient_until = 0.0
    _unsent_before = 0
    _held: list[bytes] | None = None
    _host: IAddress | None = None
    _peer: IAddress | None = None
    _taker: Protocol | None = None

    def connectionMade(self) -> None:
        super().connectionMade()
        self.factory.channels.add(self)

    def dataReceived(self, data: bytes) -> None:
        """A read: mostly one whole request, while no other is being answered."""
        if (
            self.line_mode
            and self.persistent
            and not (self._buffer or self._busyReceiving or self.requests)
            and not (self.paused or self.transport.disconnecting)
        ):
            plain = read_plain(data)
            if plain is not None:
                self._take(plain, data[plain.end :])
                return
        super().dataReceived(data)

    def _take(self, plain: Plain, body: bytes) -> None:
        """
        What twisted.web does line by line.

        @param body: As much of it as has come; there may be more behind it.
        """
        request = self.requestFactory(self, 0, parsePOSTFormSubmission=False)
        self.requests.append(request)
        for name, value in plain.headers:
            request.requestHeaders.addRawHeader(name, value)
        version = b"HTTP/1.1"
        self.persistent = self.checkPersistence(request, version)
        request.gotLength(plain.length)
        self._command, self._path, self._version = b"POST", plain.target, version
        if len(body) == plain.length:
            request.handleContentChunk(body)
            self.allContentReceived()
            return
        # Python's clients send the head by itself: they are there.
        self.resetTimeout()
        self.length = plain.length
        self._transferDecoder = _IdentityTransferDecoder(
            plain.length, request.handleContentChunk, self._finishRequestBody
        )
        self.setRawMode()
        if body:
            self.dataReceived(body)

    def writeHeaders(
        self, version: bytes, code: bytes, reason: bytes, headers: Headers
    ) -> None:
        """Write a response's head: in one piece, where twisted.web writes forty."""
        request_id = self.requests[0].request_id.encode("ascii")
        lines = [
            b"%b %b %b\r\n" % (version, code, reason),
            self.factory.standing_headers(),
            b"X-Request-Id: %b\r\n" % request_id,
        ]
        lines += [
            b"%b: %b\r\n" % (name, value)
            for name, values in headers.getAllRawHeaders()
            for value in values
        ]
        lines.append(b"\r\n")
        self.write(b"".join(lines))

    def hold(self) -> None:
        """
        Keep what is written until L{send_held}, or the end of the response, sends it.

        Written bit by bit, a head, an event and an end have the reactor told twice to
        watch the socket, and wait for its next turn.
        """
        if self._held is None:
            self._held = []

    def send_held(self) -> None:
        """Send what was held, in one piece."""
        held, self._held = self._held, None
        if held:
            send_soon(self.transport, b"".join(held))

    def write(self, data: bytes) -> None:
        if self._held is None:
            self.transport.write(data)
        else:
            self._held.append(data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        if self._held is None:
            self.transport.writeSequence(iovec)
        else:
            self._held.extend(iovec)

    def requestDone(self, request: Any) -> None:
        """
        The response is whole. What may follow is the next one, or closing.

        As long as the client does not take this one, what it has asked meanwhile is not
        even looked at; twisted.web would go on, and hundreds of short requests fit into
        one read.
        """
        self.send_held()
        if self._waitingForTransport:
            self.paused = True
            self._networkProducer.pauseProducing()
        super().requestDone(request)

    def resumeProducing(self) -> None:
        """The client has taken what there was."""
        super().resumeProducing()
        if self.paused:
            self.paused = False
            super().dataReceived(b"")

    def getHost(self) -> Any:
        """Our address, asked of the system once and not for every request."""
        if self._host is None:
            self._host = super().getHost()
        return self._host

    def getPeer(self) -> Any:
        """The client's address, likewise."""
        if self._peer is None:
            self._peer = super().getPeer()
        return self._peer

    def setTimeout(self, period: int | None) -> int | None:
        """
        Wait so many seconds for the client, or for ever.

        One timer looks at a time stamp, where twisted.web takes a new timer for each
        request and cancels it with the next one. The period never gets shorter.
        """
        before, self.timeOut = self.timeOut, period
        self.resetTimeout()
        if period is not None and self._alarm is None:
            self._alarm = self.callLater(period, self._ring)
        return before

    def resetTimeout(self) -> None:
        """The client said something."""
        if self.timeOut is not None:
            self._patient_until = self.factory.reactor.seconds() + self.timeOut

    def _ring(self) -> None:
        self._alarm = None
        if self.timeOut is None:
            return
        left = self._patient_until - self.factory.reactor.seconds()
        if left > 0:
            self._alarm = self.callLater(left, self._ring)
        else:
            self.timeoutConnection()

    def timeoutConnection(self) -> None:
        """
        Nothing was received for so long.

        twisted.web starts this clock when an answer has been buffered. A client which
        is still reading that answer is not idle.
        """
        waiting, before = unsent(self.transport), self._unsent_before
        self._unsent_before = waiting
        if waiting and waiting != before:
            self.setTimeout(self.timeOut)
        elif self.requests:
            super().timeoutConnection()
        else:
            # The same without a line in the log for every client that goes home.
            self._abortingCall = self.callLater(
                self.abortTimeout, self.forceAbortClient
            )
            self.loseConnection()

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line of the head is too long to be read to its end."""
        self._refuse(431, b"Request Header Fields Too Large", "The head is too large.")

    def _respondToBadRequestAndDisconnect(self) -> None:
        """What twisted.web calls for a head that is not HTTP; it would send no body."""
        if (
            self._receivedHeaderSize > self.totalHeadersSize
            or self._receivedHeaderCount > self.maxHeaders
        ):
            self.lineLengthExceeded(b"")
        else:
            self._refuse(400, b"Bad Request", "This is not a valid HTTP request.")

    def _refuse(self, status: int, reason: bytes, message: str) -> None:
        request_id = new_request_id()
        body = InvalidRequest(message, code="bad_request").as_json()
        self.transport.write(
            b"HTTP/1.1 %d %b\r\n%bContent-Type: application/json\r\n"
            b"Content-Length: %d\r\nX-Request-Id: %b\r\nConnection: close\r\n\r\n%b"
            % (
                status,
                reason,
                self.factory.standing_headers(),
                len(body),
                request_id.encode("ascii"),
                body,
            )
        )
        self.factory.log_refusal(request_id, status, message)
        self.loseConnection()

    def hand_over(self, taker: Protocol, lose: Callable[[], None]) -> None:
        """
        Let C{taker} have the connection: nothing of HTTP happens on it any more.

        @param lose: Ends it in the taker's own way.
        """
        self.transport.unregisterProducer()
        self._taker = taker
        # Instead of a look at every read, whether it is still ours. What follows the
        # request in this one is raw data by now.
        self.dataReceived = taker.dataReceived  # type: ignore[method-assign]
        self.rawDataReceived = taker.dataReceived  # type: ignore[method-assign]
        self.loseConnection = lose  # type: ignore[method-assign]
        taker.makeConnection(self.transport)

    def readConnectionLost(self) -> None:
        """
        The client has nothing more to say, and perhaps still listens.

        It gets what has been answered already. Who waits for a turn has left, though:
        most who send this have closed the connection, and for the others a turn that
        nobody hears would be paid for to its end.
        """
        if self.requests or self._taker is not None:
            self.transport.connectionLost(Failure(ConnectionDone()))
        else:
            self.loseConnection()

    def writeConnectionLost(self) -> None:
        """We never close only our side."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        # Backwards, and each whatever becomes of the others.
        with ExitStack() as ending:
            ending.callback(self.factory.channel_lost, self)
            if self._taker is not None:
                ending.callback(self._taker.connectionLost, reason)
            ending.callback(self._wait_no_more)
            super().connectionLost(reason)

    def _wait_no_more(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
