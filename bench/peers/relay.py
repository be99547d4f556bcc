"""A raw TCP relay in Twisted: bytes copied both ways, no protocol. The lower bound.

It takes the same connections as a bridge, but relays the upstream's HTTP answer, since
it cannot translate. It waits for a side that does not read, as any relay must.
"""

from __future__ import annotations

import argparse

from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure

from bench.loopback import connect, listen, run, server_of


class Side(Protocol):
    """One end of a relayed connection."""

    transport: Connection
    other: Side | None = None

    def join(self, other: Side) -> None:
        """Copy from and to C{other}; each side is the producer of the other one."""
        for side, peer in ((self, other), (other, self)):
            side.other = peer
            side.transport.setTcpNoDelay(True)
            side.transport.registerProducer(peer.transport, True)
            side.transport.resumeProducing()

    def dataReceived(self, data: bytes) -> None:
        if self.other is not None:
            self.other.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        other, self.other = self.other, None
        if other is not None:
            other.other = None
            other.transport.unregisterProducer()
            other.transport.loseConnection()


class _UpstreamSide(Side):
    def __init__(self, client: Side) -> None:
        self._client = client

    def connectionMade(self) -> None:
        self.join(self._client)


class _ClientSide(Side):
    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port

    def connectionMade(self) -> None:
        self.transport.pauseProducing()
        connecting = connect(self._upstream_port, lambda: _UpstreamSide(self))
        connecting.addErrback(lambda _: self.transport.abortConnection())


def main() -> None:
    """Listen on one loopback port and relay to another."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--upstream-port", type=int, required=True)
    chosen = options.parse_args()
    listen(server_of(lambda: _ClientSide(chosen.upstream_port)), chosen.port)
    run()


if __name__ == "__main__":
    main()
