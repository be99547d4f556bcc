"""Twisted's reactor as the processes of a run use it: TCP on 127.0.0.1, and time.

Each of them is its own process on the real reactor; this is the one place where that is
imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet import reactor as _installed
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IReactorTCP, IReactorTime
from twisted.internet.protocol import ClientFactory, Protocol, ServerFactory
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import deferLater
from twisted.protocols.tls import TLSMemoryBIOFactory

HOST = "127.0.0.1"
_BACKLOG = 4096

# mypy takes the reactor for a module.
_reactor: Any = _installed
clock = cast(IReactorTime, _reactor)


def listen(factory: Any, port: int = 0, tls: CertificateOptions | None = None) -> int:
    """Listen on C{port}, or on any; the number of the port it became."""
    tcp = cast(IReactorTCP, _reactor)
    factory.noisy = False
    if tls is not None:
        factory = TLSMemoryBIOFactory(tls, False, factory)
    listening: Any = tcp.listenTCP(port, factory, backlog=_BACKLOG, interface=HOST)
    return int(listening.getHost().port)


def server_of(make: Callable[[], Protocol]) -> ServerFactory:
    """A factory whose connections are what C{make} returns."""
    return cast(ServerFactory, ServerFactory.forProtocol(make))


def connect(port: int, make: Callable[[], Protocol]) -> Deferred[Protocol]:
    """Connect to C{port}; the protocol, once it is connected."""
    factory = ClientFactory.forProtocol(make)
    factory.noisy = False
    endpoint = TCP4ClientEndpoint(_reactor, HOST, port)
    return cast("Deferred[Protocol]", endpoint.connect(factory))


def sleep(seconds: float) -> Deferred[None]:
    """Let this much time pass."""
    return deferLater(clock, seconds)


def run(begin: Callable[[], object] | None = None) -> None:
    """Serve until stopped; call C{begin} once it runs."""
    if begin is not None:
        _reactor.callWhenRunning(begin)
    _reactor.run()


def stop() -> None:
    """Let L{run} return."""
    _reactor.stop()
