"""C{GET /v1/responses}: takes a request's connection over for a WebSocket."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from chatmockd.core.defaults import RequestDefaults
from chatmockd.core.handshake import VERSION, Handshake, checked_key
from chatmockd.errors import ShuttingDown
from chatmockd.pulse import Pulse
from chatmockd.settings import Settings
from chatmockd.turns.registry import Turns
from chatmockd.web.guard import GuardedRequest
from chatmockd.web.socket import ClientSocket
from chatmockd.web.socket_adapter import ClientProtocolFactory


class Sockets:
    """Takes upgrades, and knows the client WebSockets that are open."""

    _log = Logger()

    def __init__(
        self,
        settings: Settings,
        turns: Turns,
        pulse: Pulse,
        defaults: RequestDefaults,
    ) -> None:
        self._turns = turns
        self._pulse = pulse
        self._defaults = defaults
        self._max_message = settings.server.max_body_bytes
        self._stall_limit = settings.upstream.idle_timeout_s
        self._log_all = settings.server.log_requests
        self._factory = ClientProtocolFactory(pulse.clock, self._max_message)
        self._open: set[ClientSocket] = set()
        self._stopping = False

    async def upgrade(
        self,
        request: GuardedRequest,
        begun: Callable[[], None],
        answered: Callable[[], None],
    ) -> None:
        """
        Make a WebSocket of the request's connection.

        It is cancelled when the connection is gone, and does not return before.

        @param begun: Told of each turn, and C{answered} of its end.
        @raise ChatmockdError: The request does not ask for one, or not as it should.
        """
        key = checked_key(_handshake(request))
        if self._stopping:
            raise ShuttingDown()
        socket = ClientSocket(
            request.request_id,
            self._turns,
            self._pulse,
            self._defaults,
            max_message=self._max_message,
            stall_limit=self._stall_limit,
            log_all=self._log_all,
            begun=begun,
            answered=answered,
        )
        protocol = self._factory.protocol_of(
            socket, {"X-Request-Id": request.request_id}
        )
        request.channel.hand_over(protocol, socket.close)
        # The request has been read and found good. What Autobahn needs of it is this;
        # extensions and subprotocols are neither needed nor offered.
        protocol.parse(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: %b\r\n"
            b"Sec-WebSocket-Key: %b\r\n\r\n" % (VERSION.encode(), key.encode("ascii"))
        )
        socket.opened(protocol)
        if self._log_all:
            self._log.info("{id}: WebSocket opened", id=request.request_id)
        self._open.add(socket)
        try:
            await Deferred()
        finally:
            self._open.discard(socket)

    def stop(self) -> None:
        """Open no more; close each when its running turns have ended."""
        self._stopping = True
        for socket in list(self._open):
            socket.stop()


def _handshake(request: GuardedRequest) -> Handshake:
    def values(name: str) -> list[str]:
        return list(request.requestHeaders.getRawHeaders(name) or ())

    return Handshake(
        method=request.method.decode("latin-1"),
        protocol=request.clientproto.decode("latin-1"),
        upgrade=values("upgrade"),
        connection=values("connection"),
        version=values("sec-websocket-version"),
        key=values("sec-websocket-key"),
        has_body=bool(values("transfer-encoding")) or request.body() != b"",
    )
