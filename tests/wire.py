"""A transport in memory which, unlike iosim's own, can be paused and can fill up."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport
from zope.interface import implementer

HIGH_WATER = 65_536  # bytes; what a TCP transport lets pile up before it says so


@implementer(IPushProducer)
class Wire(FakeTransport):  # type: ignore[misc]
    """
    One end of a connection.

    @ivar aborted: It was cut off rather than closed.
    """

    far_end: Wire

    def __init__(self, protocol: Any, isServer: bool) -> None:
        super().__init__(protocol, isServer)
        self.paused = False
        self.aborted = False
        self.stalled = False
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        super().write(data)
        producer = self.producer
        if producer is not None and self.waiting() > HIGH_WATER:
            producer.pauseProducing()

    @property
    def dataBuffer(self) -> bytes:
        """What L{chatmockd.sending.unsent} counts on a TCP transport."""
        return b"".join(self.stream)

    def waiting(self) -> int:
        """Bytes written that the other side has not taken."""
        return sum(map(len, self.stream))

    def trickle(self, size: int) -> None:
        """The other side takes so many bytes and then pauses."""
        data = b"".join(self.stream)
        self.stream = [data[size:]]
        other = self.far_end
        other.bufferReceived(data[:size])

    def getOutBuffer(self) -> Any:
        """What the other side takes now: nothing, while it reads nothing."""
        if self.stalled:
            return None
        data = super().getOutBuffer()
        if data and self.producer is not None and self.streamingProducer:
            self.producer.resumeProducing()
        return data

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False
        held, self._held = self._held, []
        for data in held:
            self.bufferReceived(data)

    def bufferReceived(self, buf: Any) -> None:
        if self.paused:
            self._held.append(buf)
        else:
            super().bufferReceived(buf)

    def abortConnection(self) -> None:
        self.aborted = True
        self.stream.clear()
        self.disconnecting = True


class Link:
    """Two protocols joined in memory, and the bytes between them."""

    def __init__(self, server: Protocol, client: Protocol) -> None:
        self.server, self.client = server, client
        self.server_end = Wire(server, isServer=True)
        self.client_end = Wire(client, isServer=False)
        self.server_end.far_end = self.client_end
        self.client_end.far_end = self.server_end
        self.cut = False
        server.makeConnection(self.server_end)
        client.makeConnection(self.client_end)

    def pump(self) -> bool:
        """Move what is there once in each direction; tell whether anything moved."""
        if self.cut:
            return False
        moved = False
        for source, sink in (
            (self.server_end, self.client_end),
            (self.client_end, self.server_end),
        ):
            data = source.getOutBuffer()
            if data:
                moved = True
                if not sink.disconnecting or not sink.aborted:
                    sink.bufferReceived(data)
        for end in (self.server_end, self.client_end):
            if end.disconnecting and not end.waiting():
                self.break_()
                return True
        return moved

    def break_(self) -> None:
        """The connection is gone, for both sides, at once."""
        if not self.cut:
            self.cut = True
            for end in (self.server_end, self.client_end):
                end.disconnected = True
                if end.producer is not None:
                    end.producer.stopProducing()
                    end.producer = None
                end.protocol.connectionLost(Failure(ConnectionLost()))
