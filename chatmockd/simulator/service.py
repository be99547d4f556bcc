"""The simulated upstream as a companion of the daemon, on its own loopback ports."""

from __future__ import annotations

import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred

from chatmockd.simulator.account_pages import account_pages
from chatmockd.simulator.accounts import Accounts
from chatmockd.simulator.server import Simulator
from chatmockd.simulator.site import site_of


class _Port:
    """
    A loopback port whose number is known before anybody may connect.

    It is bound at once, and listens only once the service has started: before that,
    twistd may fork, which a reactor's poller does not survive.
    """

    def __init__(self, reactor: Any, factory: Any) -> None:
        self._reactor, self._factory = reactor, factory
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind(("127.0.0.1", 0))
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
    Runs a L{Simulator} and is reached over real sockets, like any upstream.

    @ivar url: Where it will be.
    @ivar issuer: Where its account side will be.
    """

    def __init__(self, reactor: Any, profile: str) -> None:
        self._simulator = Simulator(reactor, profile)
        self._sockets = _Port(reactor, self._simulator.factory)
        self.url = f"ws://127.0.0.1:{self._sockets.number}{self._simulator.path}"
        accounts = Accounts(reactor.seconds)
        self._pages = _Port(reactor, site_of(account_pages(accounts), reactor))
        self.issuer = f"http://127.0.0.1:{self._pages.number}"
        accounts.callback = f"{self.issuer}/deviceauth/callback"

    def startService(self) -> None:
        """Accept connections."""
        super().startService()
        self._sockets.listen()
        self._pages.listen()

    def stopService(self) -> Deferred[None]:
        """Stop listening and drop what is still connected."""
        super().stopService()

        async def stop() -> None:
            await self._pages.close()
            await self._sockets.close()
            await self._simulator.stop()

        return Deferred.fromCoroutine(stop())
