"""The HTTP server around the routes: its connections, and its line in the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, datetimeToString
from twisted.web.http_headers import Headers
from twisted.web.resource import IResource
from twisted.web.server import Site

from chatmockd import __version__
from chatmockd.core.plain import Plain, read_plain
from chatmockd.errors import InvalidRequest
from chatmockd.printable import printable
from chatmockd.sending import send_now, unsent
from chatmockd.web.guard import GuardedRequest, new_request_id

IDLE_TIMEOUT = 60  # seconds without a byte, while no response is being produced


class Channel(HTTPChannel):
    """
    One client connection.

    HTTP/1.1 only: the negotiating wrapper that C{Site} would put around it costs a call
    per read and offers HTTP/2, which is not wanted.
    """

    factory: ApiSite
    transport: Any
    _unsent_before = 0
    _held: list[bytes] | None = None
    _host: IAddress | None = None
    _taker: Protocol | None = None

    def connectionMade(self) -> None:
        super().connectionMade()
        self.factory.channels.add(self)

    def dataReceived(self, data: bytes) -> None:
        """A read: mostly one whole request, while no other is being answered."""
        if (
            self.line_mode
            and self.persistent
            and not (self._buffer or self.requests or self.transport.disconnecting)
        ):
            plain = read_plain(data)
            if plain is not None:
                self._take(plain)
                return
        super().dataReceived(data)

    def _take(self, plain: Plain) -> None:
        """What twisted.web does line by line."""
        request = self.requestFactory(self, 0)
        self.requests.append(request)
        for name, value in plain.headers:
            request.requestHeaders.addRawHeader(name, value)
        version = b"HTTP/1.1"
        self.persistent = self.checkPersistence(request, version)
        request.gotLength(len(plain.body))
        request.handleContentChunk(plain.body)
        self._command, self._path, self._version = b"POST", plain.target, version
        self.allContentReceived()

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
        """Send what was held, at once if the socket takes it."""
        held, self._held = self._held, None
        if held:
            send_now(self.transport, b"".join(held))

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
        """The response is whole. What may follow is the next one, or closing."""
        self.send_held()
        super().requestDone(request)

    def getHost(self) -> Any:
        """Our address, asked of the system once and not for every request."""
        if self._host is None:
            self._host = super().getHost()
        return self._host

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
        else:
            super().timeoutConnection()

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

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        if self._taker is not None:
            self._taker.connectionLost(reason)
        self.factory.channel_lost(self)


class ApiSite(Site):
    """
    The HTTP server.

    @ivar channels: The client connections that are open.
    """

    _log = Logger()
    noisy = False
    protocol = Channel  # type: ignore[assignment]

    def __init__(
        self,
        resource: IResource,
        request_class: type[GuardedRequest],
        reactor: IReactorTime,
        log_requests: bool,
    ) -> None:
        """
        @param log_requests: Whether requests that went well are logged.
        """
        super().__init__(
            resource,
            requestFactory=request_class,
            reactor=reactor,
            timeout=IDLE_TIMEOUT,
            parsePOSTFormSubmission=False,
        )
        self._log_requests = log_requests
        self.channels: set[Channel] = set()
        self._second = -1
        self._standing = b""
        self._all_gone: Deferred[None] | None = None

    def getContentFile(self, length: int | None) -> BytesIO:
        """Bodies stay in memory: twisted.web would spool prompts to the disk."""
        return BytesIO()

    def standing_headers(self) -> bytes:
        """
        The header lines that are the same in all answers of one second.

        twisted.web's C{Headers} takes 2 us to accept a header, each time.
        """
        second = int(self.reactor.seconds())
        if second != self._second:
            self._second = second
            self._standing = (
                b"Server: chatmockd/%b\r\nDate: %b\r\n"
                b"X-Content-Type-Options: nosniff\r\n"
                % (__version__.encode("ascii"), datetimeToString(second))
            )
        return self._standing

    def log(self, request: GuardedRequest) -> None:  # type: ignore[override]
        """The line of a request that was answered."""
        if not (self._log_requests or request.noteworthy):
            return
        remarks = f" ({', '.join(request.remarks)})" if request.remarks else ""
        # One field: twisted.logger needs 40 us more to put seven into place.
        self._log.info(
            "{line}",
            line=(
                f"{request.request_id}: {printable(request.method.decode('latin-1'))} "
                f"{printable(request.path.decode('latin-1'))} {request.code} in "
                f"{self.reactor.seconds() - request.began:.3f} s{remarks}"
            ),
        )

    def log_refusal(self, request_id: str, status: int, message: str) -> None:
        """The same for what never became a request."""
        line = f"{request_id}: {status} ({message})"
        self._log.info("{line}", line=line)

    def close_channels(self) -> Deferred[None]:
        """
        Close every client connection once what was written to it has left.

        @return: Fires when all are gone; cancelling it cuts off those that are not.
        """
        gone: Deferred[None] = Deferred(lambda _: self._cut_off())
        if not self.channels:
            gone.callback(None)
            return gone
        self._all_gone = gone
        for channel in list(self.channels):
            channel.loseConnection()
        return gone

    def channel_lost(self, channel: Channel) -> None:
        """The client connection is gone."""
        self.channels.discard(channel)
        if not self.channels and self._all_gone is not None:
            gone, self._all_gone = self._all_gone, None
            gone.callback(None)

    def _cut_off(self) -> None:
        self._all_gone = None
        for channel in list(self.channels):
            channel.forceAbortClient()
