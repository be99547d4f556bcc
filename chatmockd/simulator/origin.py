"""The whole simulated upstream: all that it has below one host and port."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort, IReactorTCP, IReactorTime
from twisted.web.resource import Resource

from chatmockd.simulator.account_pages import account_pages
from chatmockd.simulator.accounts import Accounts
from chatmockd.simulator.doorway import Doorways
from chatmockd.simulator.faults import Faults
from chatmockd.simulator.http_turns import CALLS, HttpTurns
from chatmockd.simulator.memory import Storage
from chatmockd.simulator.model_pages import chatgpt_pages, openai_pages
from chatmockd.simulator.server import Simulator
from chatmockd.simulator.site import site_of

LOOPBACK = "127.0.0.1"


class Origin:
    """
    A WebSocket server, turns over HTTP, the pages about models and usage, and those
    that sign people in: one account, as far as they have to do with each other.

    @ivar sockets: Takes the upgrades.
    @ivar turns: Takes what is posted.
    @ivar factory: For the port.
    """

    def __init__(
        self,
        clock: IReactorTime,
        profile: str = "openai",
        *,
        faults: Faults | None = None,
        bearer: str | None = None,
        admits: Callable[[str], bool] | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        """
        @param bearer: The token to demand everywhere.
        @param admits: Or who tells which tokens are good.
        @param accounts: Those to sign in to; C{None} for no such pages.
        """
        faults = Faults() if faults is None else faults
        storage = Storage()
        self.sockets = Simulator(
            clock,
            profile,
            faults=faults,
            bearer=bearer,
            admits=admits,
            storage=storage,
        )
        self.turns = HttpTurns(
            clock,
            profile,
            faults=faults,
            bearer=bearer,
            admits=admits,
            storage=storage,
        )
        path = self.sockets.path
        pages: dict[str, Resource] = {path + below: self.turns for below in CALLS}
        if profile == "chatgpt":
            pages |= chatgpt_pages(clock.seconds, bearer, admits)
        else:
            pages |= openai_pages(bearer, admits)
        if accounts is not None:
            pages |= account_pages(accounts)
        self._accounts = accounts
        self._number: int | None = None
        self._port: IListeningPort | None = None
        self.factory = Doorways(self.sockets.factory, site_of(pages, clock), clock)

    def listen(self, reactor: IReactorTCP, port: int = 0) -> Deferred[IListeningPort]:
        """
        Listen on loopback.

        @param port: 0 for any free one; L{url} says which.
        """
        endpoint = TCP4ServerEndpoint(reactor, port, interface=LOOPBACK)

        def listening(opened: IListeningPort) -> IListeningPort:
            address = opened.getHost()
            assert isinstance(address, IPv4Address)
            self._port = opened
            self.settle(address.port)
            return opened

        opening: Deferred[IListeningPort] = endpoint.listen(self.factory)
        return opening.addCallback(listening)

    def settle(self, number: int) -> None:
        """Say which port of loopback this is reached at."""
        self._number = number
        if self._accounts is not None:
            self._accounts.callback = f"{self.issuer}/deviceauth/callback"

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"ws://{self._place}{self.sockets.path}"

    @property
    def issuer(self) -> str:
        """Where people sign in."""
        return f"http://{self._place}"

    @property
    def _place(self) -> str:
        if self._number is None:
            raise RuntimeError("the simulator has no port yet")
        return f"{LOOPBACK}:{self._number}"

    def stop(self) -> Deferred[None]:
        """Stop listening, drop all connections, and wait until they are gone."""
        port, self._port = self._port, None
        stopped = succeed(None) if port is None else maybeDeferred(port.stopListening)
        return stopped.addCallback(lambda _: self.factory.drop_all())
