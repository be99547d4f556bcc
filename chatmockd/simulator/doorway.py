"""One port for WebSockets and for HTTP: who is it that rings?"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from chatmockd.simulator.upgrade import Refusal

# As many as twisted.web takes, which says nothing when there are more.
MAX_HEAD_BYTES = 16 * 1024
HEAD_S = 20.0  # for the whole of it, however its bytes come

_END = b"\r\n\r\n"


def wants_websocket(head: bytes) -> bool:
    """
    Whether a request asks for an upgrade to WebSocket, be the rest of it right or not.

    @param head: The request line and the headers.
    """
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"upgrade":
            offered = [token.strip().lower() for token in value.split(b",")]
            if b"websocket" in offered:
                return True
    return False


class Doorway(Protocol):
    """
    Reads a connection's first request head, and leaves all the rest to somebody else.

    That one writes to the transport himself; only what comes in passes through here.
    A connection that began with an ordinary request carries no upgrade later on.
    """

    def __init__(self, doorways: Doorways) -> None:
        self._doorways = doorways
        self._read = bytearray()
        self._inside: IProtocol | None = None
        self._turned_away = False
        self._deadline: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Wait for the head."""
        self._doorways.entered(self)
        self._deadline = self._doorways.clock.callLater(HEAD_S, self._too_late)

    def dataReceived(self, data: bytes) -> None:
        """Some of the head, or whatever comes behind it."""
        if self._inside is not None:
            self._inside.dataReceived(data)
        elif not self._turned_away:
            start = max(0, len(self._read) - len(_END) + 1)
            self._read += data
            end = self._read.find(_END, start)
            size = len(self._read) if end < 0 else end
            if size > MAX_HEAD_BYTES:
                self._turn_away(431, "The request's head is too large.")
            elif end >= 0:
                self._let_in(bytes(self._read[:end]))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever is inside."""
        self._stop_waiting()
        self._read.clear()
        if self._inside is not None:
            self._inside.connectionLost(reason)
        self._doorways.left(self)

    def drop(self) -> None:
        """Lose the TCP connection, whoever has it."""
        # What TCP has, and its interface does not promise of every transport.
        transport: Any = self.transport
        transport.abortConnection()

    def _let_in(self, head: bytes) -> None:
        self._stop_waiting()
        chosen = self._doorways.chosen(wants_websocket(head))
        assert self.transport is not None
        inside = chosen.buildProtocol(self.transport.getPeer())
        assert inside is not None
        read, self._read = bytes(self._read), bytearray()
        self._inside = inside
        inside.makeConnection(self.transport)
        inside.dataReceived(read)

    def _turn_away(self, status: int, why: str) -> None:
        self._stop_waiting()
        self._turned_away = True
        self._read.clear()
        assert self.transport is not None
        self.transport.write(Refusal(status, why).to_http())
        self.transport.loseConnection()

    def _too_late(self) -> None:
        self._deadline = None
        self._turn_away(408, "The request's head took too long.")

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Doorways(Factory):
    """Makes the doorways of one port, and knows who is inside."""

    noisy = False

    def __init__(
        self, sockets: IProtocolFactory, site: IProtocolFactory, clock: IReactorTime
    ) -> None:
        """
        @param sockets: Makes the protocols for WebSockets.
        @param site: And those for HTTP.
        """
        self.clock = clock
        self._sockets, self._site = sockets, site
        self._open: set[Doorway] = set()
        self._emptied: list[Deferred[None]] = []

    def startFactory(self) -> None:
        """The port is open."""
        self._sockets.doStart()
        self._site.doStart()

    def stopFactory(self) -> None:
        """It is closed."""
        self._site.doStop()
        self._sockets.doStop()

    def buildProtocol(self, addr: IAddress | None) -> Doorway:
        """A doorway for one connection."""
        doorway = Doorway(self)
        doorway.factory = self
        return doorway

    def drop_all(self) -> Deferred[None]:
        """Lose all connections, and wait until they are gone."""
        emptied: Deferred[None] = Deferred()
        self._emptied.append(emptied)
        for doorway in list(self._open):
            doorway.drop()
        self._check_empty()
        return emptied

    # For its doorways.

    def chosen(self, websocket: bool) -> IProtocolFactory:
        """Who takes a connection."""
        return self._sockets if websocket else self._site

    def entered(self, doorway: Doorway) -> None:
        """A TCP connection was made."""
        self._open.add(doorway)

    def left(self, doorway: Doorway) -> None:
        """It has ended."""
        self._open.discard(doorway)
        self._check_empty()

    def _check_empty(self) -> None:
        if not self._open:
            waiting, self._emptied = self._emptied, []
            for emptied in waiting:
                emptied.callback(None)
