"""One port for WebSockets and for HTTP, in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.doorway import (
    HEAD_S,
    MAX_HEAD_BYTES,
    Doorways,
    wants_websocket,
)
from tests.core.cases import case

PLAIN = b"POST /v1/responses HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"
UPGRADE = (
    b"GET /v1/responses HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\n\r\n"
)


class Room(Protocol):
    """Takes what comes in, and remembers it."""

    def __init__(self) -> None:
        self.read: list[bytes] = []
        self.ended = 0

    def dataReceived(self, data: bytes) -> None:
        self.read.append(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.ended += 1


class Rooms(Factory):
    """Makes them."""

    noisy = False

    def __init__(self) -> None:
        self.made: list[Room] = []
        self.running = False

    def startFactory(self) -> None:
        self.running = True

    def stopFactory(self) -> None:
        self.running = False

    def buildProtocol(self, addr: Any) -> Room:
        self.made.append(Room())
        return self.made[-1]


class DoorwayCase(SynchronousTestCase):
    """Has a port, and a connection to it."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.sockets, self.site = Rooms(), Rooms()
        self.doorways = Doorways(self.sockets, self.site, self.clock)
        self.enter()

    def enter(self) -> None:
        """Connect."""
        self.doorway = self.doorways.buildProtocol(None)
        self.wire = StringTransport()
        self.doorway.makeConnection(self.wire)

    def leave(self) -> None:
        """Disconnect."""
        self.doorway.connectionLost(Failure(ConnectionDone()))


class DoorwayTests(DoorwayCase):
    """Who gets a connection."""

    def test_whole(self) -> None:
        """The one who is asked for has all that was sent, and the wire itself."""
        for request, asked, other in (
            (UPGRADE, self.sockets, self.site),
            (PLAIN, self.site, self.sockets),
        ):
            with case(request=request):
                before = len(other.made)
                self.enter()
                self.doorway.dataReceived(request)
                self.assertEqual(asked.made[-1].read, [request])
                self.assertIs(asked.made[-1].transport, self.wire)
                self.assertEqual(len(other.made), before)

    def test_byte_by_byte(self) -> None:
        """Nobody is bothered before the head is whole; it arrives whole."""
        for request, asked in ((UPGRADE, self.sockets), (PLAIN, self.site)):
            with case(request=request):
                self.enter()
                for number in range(len(request)):
                    self.assertEqual(asked.made, [])
                    self.doorway.dataReceived(request[number : number + 1])
                self.assertEqual(asked.made[0].read, [request])

    def test_what_comes_right_behind(self) -> None:
        """Frames and bodies pass, in the same read and in later ones."""
        for request, asked in ((UPGRADE, self.sockets), (PLAIN, self.site)):
            with case(request=request):
                self.enter()
                self.doorway.dataReceived(request + b"\r\n\r\n\x81")
                self.doorway.dataReceived(b"more")
                self.assertEqual(asked.made[0].read[0], request + b"\r\n\r\n\x81")
                self.assertEqual(asked.made[0].read[1], b"more")

    def test_garbage(self) -> None:
        """What has an end is HTTP's to refuse."""
        self.doorway.dataReceived(b"\x16\x03\x01\r\n: \xff\r\n\r\n")
        self.assertEqual(len(self.site.made), 1)

    def test_a_large_head(self) -> None:
        """It may have so many bytes, and is refused as soon as it has more."""
        start = b"GET / HTTP/1.1\r\nx: "
        room = MAX_HEAD_BYTES - len(start)
        self.doorway.dataReceived(start + b"x" * room + b"\r\n\r\n" + b"y" * 99)
        self.assertEqual(len(self.site.made), 1)
        for end in (b"\r\n\r\n", b"xx"):
            with case(end=end):
                self.enter()
                self.doorway.dataReceived(start)
                self.doorway.dataReceived(b"x" * (room + 1) + end)
                answer = self.wire.value()
                self.assertTrue(answer.startswith(b"HTTP/1.1 431 "), answer)
                self.assertTrue(self.wire.disconnecting)
                self.doorway.dataReceived(PLAIN)
                self.assertEqual(self.wire.value(), answer)
        self.assertEqual(len(self.site.made), 1)

    def test_a_slow_head(self) -> None:
        """All of it has to come in time; a byte now and then does not help."""
        for _ in range(4):
            self.doorway.dataReceived(b"G")
            self.clock.advance(HEAD_S / 4)
        self.assertTrue(self.wire.value().startswith(b"HTTP/1.1 408 "))
        self.assertTrue(self.wire.disconnecting)
        self.doorway.dataReceived(PLAIN)
        self.assertEqual(self.site.made, [])

    def test_the_deadline_is_for_the_head_alone(self) -> None:
        """Once somebody has the connection, nothing is left of it."""
        self.doorway.dataReceived(UPGRADE)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_gone_in_the_middle(self) -> None:
        """Nothing is left, and nobody is told who was not there."""
        self.doorway.dataReceived(PLAIN[:20])
        self.leave()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual((self.site.made, self.sockets.made), ([], []))

    def test_gone_behind_the_head(self) -> None:
        """Whoever is inside hears it, once."""
        self.doorway.dataReceived(UPGRADE)
        self.leave()
        self.assertEqual(self.sockets.made[0].ended, 1)


class DoorwaysTests(DoorwayCase):
    """All of a port."""

    def test_drop_all(self) -> None:
        """It waits for the last one, whether he came to say anything or not."""
        self.doorway.dataReceived(UPGRADE)
        first, wires = self.doorway, [self.wire]
        self.enter()
        wires.append(self.wire)
        dropped = self.doorways.drop_all()
        self.assertEqual([wire.disconnected for wire in wires], [True, True])
        first.connectionLost(Failure(ConnectionDone()))
        self.assertNoResult(dropped)
        self.leave()
        self.successResultOf(dropped)

    def test_drop_nobody(self) -> None:
        """There is nothing to wait for."""
        self.leave()
        self.successResultOf(self.doorways.drop_all())

    def test_start_and_stop(self) -> None:
        """What is behind it starts and stops with the port."""
        self.doorways.doStart()
        self.assertEqual((self.sockets.running, self.site.running), (True, True))
        self.doorways.doStop()
        self.assertEqual((self.sockets.running, self.site.running), (False, False))


class WantsWebsocketTests(SynchronousTestCase):
    """What an upgrade looks like."""

    def test_yes(self) -> None:
        """Whatever the case, the order and the company."""
        for line in (
            b"Upgrade: websocket",
            b"upgrade:WebSocket",
            b"UPGRADE: h2c, websocket ",
        ):
            with case(line=line):
                self.assertTrue(wants_websocket(b"GET / HTTP/1.1\r\n" + line))

    def test_no(self) -> None:
        """Other upgrades, other headers, and the request line."""
        for head in (
            b"GET / HTTP/1.1\r\nUpgrade: h2c",
            b"GET / HTTP/1.1\r\nX-Upgrade: websocket",
            b"GET / HTTP/1.1\r\nConnection: upgrade",
            b"Upgrade: websocket",
            b"",
        ):
            with case(head=head):
                self.assertFalse(wants_websocket(head))
