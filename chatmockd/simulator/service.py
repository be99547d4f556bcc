"""The simulated upstream as a companion of the daemon, on its own loopback port."""

from __future__ import annotations

import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred

from chatmockd.simulator.server import Simulator


class SimulatedUpstream(Service):
    """
    Runs a L{Simulator} and is reached over a real socket, like any upstream.

    @ivar url: Where it will be. The port is bound at once, so that its number is known,
        but accepts connections only once the service has started: before that, twistd
        may fork, which a reactor's poller does not survive.
    """

    def __init__(self, reactor: Any, profile: str) -> None:
        self._reactor = reactor
        self._simulator = Simulator(reactor, profile)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind(("127.0.0.1", 0))
        self.url = (
            f"ws://127.0.0.1:{self._socket.getsockname()[1]}{self._simulator.path}"
        )
        self._port: Any = None

    def startService(self) -> None:
        """Accept connections."""
        super().startService()
        self._socket.listen()
        self._socket.setblocking(False)
        self._port = self._reactor.adoptStreamPort(
            self._socket.fileno(), socket.AF_INET, self._simulator.factory
        )
        self._socket.close()

    def stopService(self) -> Deferred[None]:
        """Stop listening and drop what is still connected."""
        super().stopService()
        self._socket.close()
        port, self._port = self._port, None

        async def stop() -> None:
            if port is not None:
                await maybeDeferred(port.stopListening)
            await self._simulator.stop()

        return Deferred.fromCoroutine(stop())
