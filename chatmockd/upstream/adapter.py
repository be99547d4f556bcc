"""The adapter to Autobahn: each method passes on what it is told, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
)
from autobahn.websocket.types import ConnectingRequest
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

if TYPE_CHECKING:
    from chatmockd.upstream.connection import Connection


@implementer(IHandshakeListener)
class UpstreamProtocol(WebSocketClientProtocol):
    """Tell C{_connection} what Autobahn and the transport tell us, and nothing more."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def connectionMade(self) -> None:
        self._connection.transport_made(self)
        super().connectionMade()

    def handshakeCompleted(self) -> None:
        self._connection.tls_made()

    def onConnecting(self, transport_details: object) -> ConnectingRequest:
        return self._connection.request

    def dataReceived(self, data: bytes) -> None:
        self._connection.bytes_received(data)

    def is_usable(self) -> bool:
        """Whether messages can be sent."""
        return bool(self.state == self.STATE_OPEN)

    def is_dropped(self) -> bool:
        """Whether Autobahn has given the connection up."""
        return bool(self.state == self.STATE_CLOSED)

    def parse(self, data: bytes) -> None:
        """Have Autobahn deal with C{data}."""
        super().dataReceived(data)

    def onOpen(self) -> None:
        self._connection.opened_up()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._connection.message_received(payload, isBinary)

    def onCloseFrame(self, code: int, reasonRaw: bytes) -> bool | None:
        outcome: bool | None = super().onCloseFrame(code, reasonRaw)
        self._connection.close_frame_received(code, reasonRaw)
        return outcome

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self._connection.transport_lost(reason, self.wasNotCleanReason)


def shared_factory(max_message: int) -> WebSocketClientFactory:
    """
    The factory whose options all connections share.

    Its own timers are off: they run on the global reactor, and up to a second early.
    L{Connection.beat} and the connect timeout stand in for them.

    @param max_message: Bytes; a larger message, or frame, ends its connection.
    """
    factory = WebSocketClientFactory()
    factory.noisy = False
    factory.setProtocolOptions(
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
        serverConnectionDropTimeout=0,
        autoPingInterval=0,
        maxFramePayloadSize=max_message,
        maxMessagePayloadSize=max_message,
    )
    return factory
