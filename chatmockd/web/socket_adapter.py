"""The adapter to Autobahn: each method passes on what it is told, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionRequest
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from chatmockd import __version__

if TYPE_CHECKING:
    from chatmockd.web.socket import ClientSocket


class ClientProtocol(WebSocketServerProtocol):
    """Tell C{_socket} what Autobahn and the transport tell us, and nothing more."""

    def __init__(self, socket: ClientSocket, headers: Mapping[str, str]) -> None:
        """
        @param headers: What the 101 carries besides what it must.
        """
        super().__init__()
        self._socket = socket
        self._headers = dict(headers)

    def onConnect(
        self, request: ConnectionRequest
    ) -> tuple[str | None, dict[str, str]]:
        return None, self._headers

    def dataReceived(self, data: bytes) -> None:
        self._socket.bytes_received(data)

    def onMessageFrameBegin(self, length: int) -> None:
        if not self.failedByMe:
            size = self.message_data_total_length + length
            # Autobahn keeps nothing then of what still comes.
            self.failedByMe = not self._socket.takes_frame(size)
        super().onMessageFrameBegin(length)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._socket.message_received(payload, isBinary)

    def onPing(self, payload: bytes) -> None:
        self._socket.ping_received(payload)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self._socket.lost(self.localCloseCode or self.remoteCloseCode)

    # What the socket asks of it.

    def parse(self, data: bytes) -> None:
        """Have Autobahn deal with C{data}."""
        super().dataReceived(data)

    def is_usable(self) -> bool:
        """Whether messages can be sent: no close frame came or went."""
        return bool(self.state == self.STATE_OPEN)

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake, with any code; C{sendClose} takes few."""
        self.sendCloseFrame(code=code, reasonUtf8=reason.encode("ascii"))


class ClientProtocolFactory(WebSocketServerFactory):
    """
    Makes the protocols, and has the options that all share.

    Autobahn's own timers are off: they run on the global reactor, and up to a second
    early. L{ClientSocket.beat} stands in for them.
    """

    noisy = False

    def __init__(self, clock: IReactorTime, max_message: int) -> None:
        """
        @param max_message: Bytes; a larger message closes its connection.
        """
        super().__init__(reactor=clock, server=f"chatmockd/{__version__}")
        self.setProtocolOptions(
            webStatus=False,
            # Otherwise a message that is too large is answered by a drop, not by 1009.
            failByDrop=False,
            maxMessagePayloadSize=max_message,
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            autoPingInterval=0,
        )

    def protocol_of(
        self, socket: ClientSocket, headers: Mapping[str, str]
    ) -> ClientProtocol:
        """See L{ClientProtocol}."""
        protocol = ClientProtocol(socket, headers)
        protocol.factory = self
        return protocol
