"""Writing past the reactor."""

from __future__ import annotations

from socket import socketpair
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.sending import send_soon, unacknowledged, unsent

MUCH = b"x" * 131_073


class Socket(Connection):
    """
    A TCP transport whose socket takes so many bytes at once, or fails.

    @ivar sent: What was sent, a piece for each time.
    @ivar watched: The reactor is to tell when the socket takes more.
    """

    def __init__(self, takes: object = 999_999, clock: Clock | None = None) -> None:
        # Not Connection's own: there is no socket.
        reactor: Any = clock or Clock()
        FileDescriptor.__init__(self, reactor)
        self.connected = True
        self.takes = takes
        self.sent: list[bytes] = []
        self.watched = self.ended = False

    def writeSomeData(self, data: bytes) -> Any:
        if not isinstance(self.takes, int):
            return self.takes
        if data:
            self.sent.append(data[: self.takes])
        return min(self.takes, len(data))

    def startWriting(self) -> None:
        self.watched = True

    def stopWriting(self) -> None:
        self.watched = False

    def stopReading(self) -> None:
        """There is nothing to read."""

    def _postLoseConnection(self) -> None:
        self.ended = True

    def come_round(self) -> bytes:
        """Let the reactor's loop come round; what has been sent by then?"""
        clock: Any = self.reactor
        clock.advance(0)
        return b"".join(self.sent)

    def report(self) -> None:
        """The reactor has seen that the socket takes more."""
        if self.watched:
            self.doWrite()


class SendSoonTests(SynchronousTestCase):
    """Sending when the loop comes round."""

    def test_all_that_was_written_is_one_send(self) -> None:
        """And the reactor need not watch for it."""
        socket = Socket()
        for piece in (b"0123", b"45", b"6789"):
            send_soon(socket, piece)
        self.assertEqual((socket.sent, unsent(socket)), ([], 10))
        self.assertEqual(socket.come_round(), b"0123456789")
        self.assertEqual((len(socket.sent), unsent(socket)), (1, 0))
        self.assertFalse(socket.watched)
        send_soon(socket, b"more")
        self.assertEqual(socket.come_round(), b"0123456789more")

    def test_many_transports(self) -> None:
        """Each has its own, and the loop comes round once for all."""
        clock = Clock()
        sockets = [Socket(clock=clock) for _ in range(3)]
        for socket in sockets:
            send_soon(socket, b"0123")
        self.assertEqual(len(clock.getDelayedCalls()), 1)
        sockets[0].come_round()
        self.assertEqual([socket.sent for socket in sockets], [[b"0123"]] * 3)

    def test_what_the_socket_does_not_take(self) -> None:
        """It is left to the reactor."""
        for takes in (0, 4):
            socket = Socket(takes)
            send_soon(socket, b"0123456789")
            self.assertEqual(socket.come_round(), b"0123456789"[:takes])
            self.assertTrue(socket.watched)
            self.assertEqual(unsent(socket), 10 - takes)
            send_soon(socket, b"more")
            socket.takes = 99
            socket.report()
            self.assertEqual(socket.come_round(), b"0123456789more")

    def test_what_is_written_otherwise_meanwhile(self) -> None:
        """Bytes leave in the order in which they were written."""
        socket = Socket()
        send_soon(socket, b"one")
        socket.write(b"two")
        send_soon(socket, b"three")
        self.assertEqual(socket.come_round(), b"onetwothree")
        socket.report()
        self.assertEqual(
            (b"".join(socket.sent), socket.watched), (b"onetwothree", False)
        )

    def test_the_reactor_is_quicker(self) -> None:
        """Nothing is sent twice."""
        socket = Socket()
        send_soon(socket, b"one")
        socket.write(b"two")
        socket.report()
        self.assertEqual(socket.come_round(), b"onetwo")

    def test_the_end_comes_meanwhile(self) -> None:
        """What was written before leaves before."""
        socket = Socket()
        send_soon(socket, b"one")
        socket.loseConnection()
        self.assertEqual(socket.come_round(), b"one")
        self.assertFalse(socket.ended)
        socket.report()
        self.assertTrue(socket.ended)

    def test_it_is_lost_meanwhile(self) -> None:
        """There is nobody left to send it to."""
        socket = Socket()
        send_soon(socket, b"one")
        socket.connected = False
        self.assertEqual(socket.come_round(), b"")

    def test_a_lost_connection_is_the_reactors_to_find(self) -> None:
        """It ends connections in one way only."""
        socket = Socket(ConnectionLost())
        send_soon(socket, b"one")
        self.assertEqual((socket.come_round(), socket.watched), (b"", True))

    def test_a_connection_that_ends_is_not_written_past(self) -> None:
        """Whatever its transport makes of it."""
        ending = Socket()
        ending.loseConnection()
        send_soon(ending, b"one")
        self.assertEqual((ending.come_round(), unsent(ending)), (b"", 3))
        gone = Socket()
        gone.connected = False
        send_soon(gone, b"one")
        self.assertEqual((gone.come_round(), unsent(gone)), (b"", 0))

    def test_much_goes_the_usual_way(self) -> None:
        """The reactor sends it piece by piece, and has its producer wait."""
        socket = Socket()
        send_soon(socket, MUCH)
        self.assertEqual((socket.come_round(), socket.watched), (b"", True))
        socket = Socket()
        send_soon(socket, MUCH[:100_000])
        self.assertFalse(socket.watched)
        send_soon(socket, MUCH[:100_000])
        self.assertTrue(socket.watched)

    def test_nothing_is_sent_past_tls(self) -> None:
        """It has all methods of the transport below, which speaks in the clear."""
        socket = Socket()
        tls = ProtocolWrapper(WrappingFactory(Factory()), Protocol())
        tls.transport = socket
        self.assertEqual(tls.writeSomeData(b"?"), 1)
        encrypted: list[bytes] = []
        tls.write = encrypted.append
        send_soon(tls, b"0123456789")
        self.assertEqual(socket.come_round(), b"?")
        self.assertEqual(encrypted, [b"0123456789"])
        inside = Socket()
        inside.TLS = True
        inside.protocol = tls
        send_soon(inside, b"more")
        self.assertEqual(inside.come_round(), b"")
        self.assertEqual(encrypted, [b"0123456789", b"more"])

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["soon", "write", "round", "report", "takes"]),
                st.integers(0, 60_000),
            )
        )
    )
    def test_in_whatever_order(self, steps: list[tuple[str, int]]) -> None:
        """All arrives, once and in order."""
        socket, written = Socket(), b""
        for number, (step, size) in enumerate(steps):
            data = b"%d," % number * (size // 4)
            if step == "soon":
                send_soon(socket, data)
                written += data
            elif step == "write":
                socket.write(data)
                written += data
            elif step == "round":
                socket.come_round()
            elif step == "report":
                socket.report()
            else:
                socket.takes = size
        socket.takes = 999_999
        socket.come_round()
        while socket.watched:
            socket.report()
        self.assertEqual(b"".join(socket.sent), written)
        self.assertEqual(unsent(socket), 0)


class UnsentTests(SynchronousTestCase):
    """Counting what waits."""

    def test_it_counts_all_buffers(self) -> None:
        """What is partly sent, what is yet to be joined, and what waits under TLS."""
        socket = Socket()
        socket.dataBuffer = b"0123456789"
        socket.offset = 4
        socket._tempDataLen = 5
        self.assertEqual(unsent(socket), 11)

        class Tls:
            transport = socket

        self.assertEqual(unsent(Tls()), 11)
        self.assertEqual(unsent(StringTransport()), 0)


class UnacknowledgedTests(SynchronousTestCase):
    """What is still on its way, in our hands or in the system's."""

    def setUp(self) -> None:
        ours, self.other = socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(self.other.close)
        self.transport: Any = StringTransport()
        self.transport.socket = ours

    def test_the_systems_part(self) -> None:
        """It gets less when the other side reads."""
        self.assertEqual(unacknowledged(self.transport), 0)
        self.transport.socket.sendall(b"x" * 1000)
        before = unacknowledged(self.transport)
        if before:
            self.assertGreaterEqual(before, 1000)
        self.other.recv(1000)
        self.assertEqual(unacknowledged(self.transport), 0)

    def test_our_part(self) -> None:
        """It is counted as well, under TLS too."""
        self.transport.dataBuffer = b"x" * 10
        self.assertEqual(unacknowledged(self.transport), 10)
        wrapped = ProtocolWrapper(WrappingFactory(Factory()), Protocol())
        wrapped.makeConnection(self.transport)
        self.assertEqual(unacknowledged(wrapped), 10)

    def test_nothing_to_ask(self) -> None:
        """A closed socket, and a transport without any."""
        self.transport.socket.close()
        self.assertEqual(unacknowledged(self.transport), 0)
        self.assertEqual(unacknowledged(StringTransport()), 0)
