"""The simulated upstream as a companion of the daemon, on its own loopback port."""

from __future__ import annotations

import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred

from chatmockd.simulator.accounts import Accounts
from chatmockd.simulator.origin import LOOPBACK, Origin


class _Port:
    """
    A loopback port whose number is known before anybody may connect.

    It is bound at once, and listens only once the service has started: before that,
    twistd may fork, which a reactor's poller does not survive.
    """

    def __init__(self, reactor: Any, factory: Any) -> None:
        self._reactor, self._factory = reactor, factory
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind((LOOPBACK, 0))
        self.number: int = self._socket.getsockname()[1]
        self._port: Any = None

    def listen(self) -> None:
        self._socket.listen()
        self._socket.setblocking(False)
        self._port = self._reactor.adoptStreamPort(
            self._socket.fileno(), socket.AF_INET, self._factory
        )
        self._socket.close()

    async def close(self) -> None:
        self._socket.close()
        port, self._port = self._port, None
        if port is not None:
            await maybeDeferred(port.stopListening)


class SimulatedUpstream(Service):
    """
    Runs an L{Origin} and is reached over real sockets, like any upstream.

    @ivar url: Where it will be.
    @ivar issuer: Where its account side will be.
    """

    def __init__(self, reactor: Any, profile: str) -> None:
        # It takes any token, so that nobody has to sign in who does not want to.
        self._origin = Origin(reactor, profile, accounts=Accounts(reactor.seconds))
        self._port = _Port(reactor, self._origin.factory)
        self._origin.settle(self._port.number)
        self.url, self.issuer = self._origin.url, self._origin.issuer

    def startService(self) -> None:
        """Accept connections."""
        super().startService()
        self._port.listen()

    def stopService(self) -> Deferred[None]:
        """Stop listening and drop what is still connected."""
        super().stopService()

        async def stop() -> None:
            await self._port.close()
            await self._origin.stop()

        return Deferred.fromCoroutine(stop())
