"""The far end of the bridge: one upstream WebSocket, played by the test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer

from tests.wire import Link

if TYPE_CHECKING:
    from tests.bridge import Bridge


class _ServerProtocol(WebSocketServerProtocol):  # type: ignore[misc]
    """The upstream's end of one socket."""

    socket: Socket

    def onConnect(self, request: Any) -> None:
        self.socket.upgrade_headers = dict(request.headers)
        refusal = self.socket.refusal
        if refusal is not None:
            raise ConnectionDeny(refusal, "refused")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.socket.take(json.loads(payload))

    def onPing(self, payload: bytes) -> None:
        self.socket.pings += 1
        if self.socket.answers_pings:
            super().onPing(payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.socket.closed = code if wasClean else 1006


class Socket:
    """
    One upstream socket, seen from the upstream.

    @ivar received: The messages that the bridge sent, decoded.
    @ivar asked_at: How many messages all sockets had got with its last one.
    @ivar closed: The close code, 1006 for a lost transport, None while it is open.
    """

    def __init__(self, bridge: Bridge, refusal: int | None) -> None:
        self._bridge = bridge
        self.refusal = refusal
        self.received: list[dict[str, Any]] = []
        self.asked_at = 0
        self.upgrade_headers: dict[str, str] = {}
        self.pings = 0
        self.answers_pings = True
        self.closed: int | None = None
        self.protocol = _ServerProtocol()
        self.protocol.socket = self
        self.protocol.factory = bridge.autobahn
        self.link: Link

    def take(self, message: dict[str, Any]) -> None:
        """The bridge sent a message."""
        self.received.append(message)
        self.asked_at = self._bridge.messages = self._bridge.messages + 1

    @property
    def is_open(self) -> bool:
        return self.closed is None and not self.link.cut

    def say(self, *events: Mapping[str, Any] | bytes) -> None:
        """Send events, all in one read, and let everything happen that follows."""
        for event in events:
            payload = event if isinstance(event, bytes) else json.dumps(event).encode()
            self.protocol.sendMessage(payload)
        self._bridge.pump()

    def say_raw(self, data: bytes) -> None:
        """Send bytes that no server should."""
        self.protocol.transport.write(data)
        self._bridge.pump()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin the closing handshake; any code may be given."""
        self.protocol.sendCloseFrame(code, reason.encode())
        self._bridge.pump()

    def drop(self) -> None:
        """Lose the transport without a word."""
        self.link.break_()
        self._bridge.pump()


@implementer(IStreamClientEndpoint)
class Endpoint:
    """Where the bridge believes that the upstream is."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def connect(self, factory: Any) -> Deferred[Any]:
        return self._bridge.accept(factory)
