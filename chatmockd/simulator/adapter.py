"""The glue to Autobahn: a server protocol that forwards, and its factory.

None of Autobahn's own timers is used. They run on the global reactor, whatever clock a
factory is given, and are early by up to a second.
"""

from __future__ import annotations

from typing import Any, Protocol

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IPushProducer, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from chatmockd.simulator.connection import Connection
from chatmockd.simulator.upgrade import Ignore, Refusal

MAX_MESSAGE_BYTES = 16 * 1024 * 1024

_TEXT, _BINARY, _CONTINUATION = 1, 2, 0


class Host(Protocol):
    """The simulator, as its protocols see it."""

    def refusal_of(self, path: str, headers: dict[str, str]) -> Refusal | Ignore | None:
        """Why an upgrade is not accepted; C{None} when it is."""

    def accept(self, wire: ServerProtocol, headers: dict[str, str]) -> Connection:
        """An upgrade was accepted."""

    def attached(self, wire: ServerProtocol) -> None:
        """A TCP connection was made."""

    def detached(self, wire: ServerProtocol, connection: Connection | None) -> None:
        """It has ended; C{connection} is what it carried after its upgrade."""


@implementer(IPushProducer)
class _Flow:
    """Tells a connection when its peer stops and starts to read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def pauseProducing(self) -> None:
        self._connection.pause()

    def resumeProducing(self) -> None:
        self._connection.resume()

    def stopProducing(self) -> None:
        self._connection.gone()


class ServerProtocol(WebSocketServerProtocol):
    """
    One accepted TCP connection: forwards to its L{Connection}, and writes for it.

    Exceptions must not reach Autobahn, which loses some and leaves the socket open.
    """

    _logger = Logger()
    _host: Host
    _connection: Connection | None = None
    _refusal: Refusal | None = None

    def connectionMade(self) -> None:
        super().connectionMade()
        self._host.attached(self)

    def connectionLost(self, reason: Any = None) -> None:
        super().connectionLost(reason)
        if self._connection is not None:
            self._connection.gone()
        self._host.detached(self, self._connection)

    # Autobahn also takes a Deferred, which its annotation does not say.
    def onConnect(self, request: ConnectionRequest) -> Any:
        refusal = self._host.refusal_of(request.path, request.headers)
        if isinstance(refusal, Ignore):
            return Deferred()
        if refusal is not None:
            self._refusal = refusal
            raise ConnectionDeny(refusal.status, refusal.message or "refused")
        return None

    def sendHttpErrorResponse(
        self, code: int, reason: str, responseHeaders: Any = None
    ) -> None:
        # Autobahn's own answer has neither a body nor a length.
        refusal = self._refusal or Refusal(code, reason, dict(responseHeaders or ()))
        self.sendData(refusal.to_http())

    def onOpen(self) -> None:
        try:
            self._connection = self._host.accept(self, dict(self.http_headers))
            self.registerProducer(_Flow(self._connection), True)
        except Exception:
            self._failed("opening a simulated connection")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self._connection is not None:
            try:
                self._connection.received(payload, isBinary)
            except Exception:
                self._failed("answering a simulated turn")

    def _failed(self, what: str) -> None:
        self._logger.failure("{what} failed", what=what)
        self.abort()

    # The wire that the connection writes to.

    def send(self, payload: bytes, binary: bool, fragment: int) -> None:
        """Send one message; nothing happens once a close frame came or went."""
        if self.state != self.STATE_OPEN:
            return
        opcode = _BINARY if binary else _TEXT
        # Not sendMessage: it applies the limit for incoming messages here as well.
        size = fragment or len(payload) or 1
        last = max(0, len(payload) - 1) // size * size
        for start in range(0, last + 1, size):
            self.sendFrame(
                opcode=opcode if start == 0 else _CONTINUATION,
                payload=payload[start : start + size],
                fin=start == last,
            )

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake, with any code: sendClose permits only some."""
        if self.state == self.STATE_OPEN:
            if code == 1005:
                self.sendCloseFrame()
            else:
                self.sendCloseFrame(code=code, reasonUtf8=reason.encode())

    def lose(self) -> None:
        """End the TCP connection behind what was written."""
        # A paused producer would keep the transport from disconnecting.
        self.unregisterProducer()
        if self.transport is not None:
            self.transport.loseConnection()

    def abort(self) -> None:
        """End the TCP connection now."""
        self._closeConnection(abort=True)


class ServerFactory(WebSocketServerFactory):
    """Makes the protocols of one simulator."""

    noisy = False

    def __init__(self, host: Host, clock: IReactorTime) -> None:
        super().__init__(reactor=clock, server="chatmockd-simulator")
        self._host = host
        self.setProtocolOptions(
            webStatus=False,
            # Otherwise a message that is too large is answered by a drop, not by 1009.
            failByDrop=False,
            maxMessagePayloadSize=MAX_MESSAGE_BYTES,
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            autoPingInterval=0,
        )

    def buildProtocol(self, addr: IAddress | None) -> ServerProtocol:
        protocol = ServerProtocol()
        protocol.factory = self
        protocol._host = self._host
        return protocol
