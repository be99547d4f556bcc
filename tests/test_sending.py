"""Writing past the reactor."""

from __future__ import annotations

from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.sending import send_now, unsent

MUCH = b"x" * 131_073


class Socket(Connection):
    """A TCP transport whose socket takes so many bytes at once, or fails."""

    connected = True

    def __init__(self, takes: object, waiting: bytes = b"") -> None:
        # Not Connection's own: there is no socket.
        self.takes = takes
        self.dataBuffer = waiting
        self.offset = self._tempDataLen = 0
        self.sent: list[bytes] = []
        self.left = b""

    def writeSomeData(self, data: bytes) -> object:
        if not isinstance(self.takes, int):
            return self.takes
        self.sent.append(data[: self.takes])
        return min(self.takes, len(data))

    def write(self, data: bytes) -> None:
        self.left += data


class SendNowTests(SynchronousTestCase):
    """Sending at once."""

    def after(self, socket: Socket, data: bytes = b"0123456789") -> tuple[bytes, bytes]:
        send_now(socket, data)
        return b"".join(socket.sent), socket.left

    def test_what_the_socket_takes_is_sent(self) -> None:
        """And the rest is left to the reactor."""
        self.assertEqual(self.after(Socket(99)), (b"0123456789", b""))
        self.assertEqual(self.after(Socket(4)), (b"0123", b"456789"))
        self.assertEqual(self.after(Socket(0)), (b"", b"0123456789"))

    def test_nothing_overtakes_what_waits(self) -> None:
        """Bytes leave in the order in which they were written."""
        self.assertEqual(self.after(Socket(99, b"before")), (b"", b"0123456789"))

    def test_a_lost_connection_is_the_reactors_to_find(self) -> None:
        """It ends connections in one way only."""
        self.assertEqual(self.after(Socket(ConnectionLost())), (b"", b"0123456789"))

    def test_a_connection_that_ends_is_not_written_past(self) -> None:
        """Whatever its transport makes of it."""
        for name, value in (("connected", False), ("disconnecting", True)):
            socket = Socket(99)
            setattr(socket, name, value)
            self.assertEqual(self.after(socket), (b"", b"0123456789"))

    def test_much_goes_the_usual_way(self) -> None:
        """One send for all that comes together."""
        self.assertEqual(self.after(Socket(999_999), MUCH), (b"", MUCH))

    def test_nothing_is_sent_past_tls(self) -> None:
        """It has all methods of the transport below, which speaks in the clear."""
        socket = Socket(99)
        tls = ProtocolWrapper(WrappingFactory(Factory()), Protocol())
        tls.transport = socket
        self.assertEqual(tls.writeSomeData(b"?"), 1)
        socket.sent.clear()
        tls.write = socket.write
        send_now(tls, b"0123456789")
        self.assertEqual((socket.sent, socket.left), ([], b"0123456789"))
        inside = Socket(99)
        inside.TLS = True
        self.assertEqual(self.after(inside), (b"", b"0123456789"))


class UnsentTests(SynchronousTestCase):
    """Counting what waits."""

    def test_it_counts_all_buffers(self) -> None:
        """What is partly sent, what is yet to be joined, and what waits under TLS."""
        socket = Socket(0, b"0123456789")
        socket.offset = 4
        socket._tempDataLen = 5
        self.assertEqual(unsent(socket), 11)

        class Tls:
            transport = socket

        self.assertEqual(unsent(Tls()), 11)
        self.assertEqual(unsent(StringTransport()), 0)
