"""The simulated upstream beside the daemon."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.service import SimulatedUpstream


class Reactor(MemoryReactorClock):
    """One that remembers the sockets it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.adopted: list[socket.socket] = []

    def adoptStreamPort(self, number: int, family: Any, factory: Any) -> Any:
        self.adopted.append(socket.socket(fileno=socket.dup(number)))
        return super().listenTCP(0, factory)


class SimulatedUpstreamTests(SynchronousTestCase):
    """From a port number to an upstream."""

    def test_its_url_is_known_before_it_starts_and_true_afterwards(self) -> None:
        """The port is its own, on loopback, at the path of its profile."""
        for profile, path in (
            ("openai", "/v1/responses"),
            ("chatgpt", "/backend-api/codex/responses"),
        ):
            reactor = Reactor()
            service = SimulatedUpstream(reactor, profile)
            url = urlsplit(service.url)
            self.assertEqual((url.hostname, url.path), ("127.0.0.1", path))
            self.assertEqual(reactor.adopted, [])
            service.startService()
            self.assertEqual(urlsplit(service.issuer).port, url.port)
            (listening,) = reactor.adopted
            self.addCleanup(listening.close)
            self.assertEqual(listening.getsockname(), ("127.0.0.1", url.port))
            with socket.create_connection(("127.0.0.1", url.port or 0), timeout=5):
                self.successResultOf(service.stopService())

    def test_it_can_stop_without_having_started(self) -> None:
        """When another part of the daemon fails to start."""
        service = SimulatedUpstream(Reactor(), "openai")
        self.successResultOf(service.stopService())
