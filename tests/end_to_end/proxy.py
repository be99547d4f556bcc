"""An HTTP proxy that only knows C{CONNECT}, on loopback."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import (
    ClientFactory,
    Factory,
    Protocol,
    connectionDone,
)
from twisted.python.failure import Failure


class _Beyond(Protocol):
    """The connection to the host that was asked for."""

    def __init__(self, near: _Near) -> None:
        self._near = near

    def connectionMade(self) -> None:
        self._near.reached(self)

    def dataReceived(self, data: bytes) -> None:
        self._near.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._near.transport.loseConnection()


class _Near(Protocol):
    """The connection from whoever asks."""

    transport: Any

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._head = b""
        self._beyond: Any = None

    def dataReceived(self, data: bytes) -> None:
        if self._beyond is not None:
            self._beyond.transport.write(data)
            return
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if end:
            assert not rest, "nothing may be sent before the way is open"
            self._proxy.asked.append(head.decode())
            if self._proxy.wanted not in (None, *head.decode().split("\r\n")):
                self.transport.write(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
            else:
                dial = ClientFactory.forProtocol(lambda: _Beyond(self))
                dial.noisy = False
                self._proxy.reactor.connectTCP("127.0.0.1", self._proxy.leads_to, dial)

    def reached(self, beyond: _Beyond) -> None:
        self._beyond = beyond
        self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._beyond is not None:
            self._beyond.transport.loseConnection()


class Proxy(Factory):
    """
    Leads every host to one port of this machine.

    @ivar asked: The heads of the requests.
    @ivar wanted: A header line that a request must have, or None.
    """

    noisy = False

    def __init__(self, reactor: Any, leads_to: int, wanted: str | None = None) -> None:
        self.reactor = reactor
        self.leads_to = leads_to
        self.wanted = wanted
        self.asked: list[str] = []

    def buildProtocol(self, addr: Any) -> _Near:
        return _Near(self)
