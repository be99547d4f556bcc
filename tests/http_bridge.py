"""The whole bridge in memory, with an upstream that is asked over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import h11
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from zope.interface import implementer

from chatmockd.account.tokens import Credentials
from chatmockd.network import HttpConnections
from chatmockd.pulse import Pulse
from chatmockd.upstream.exchanges import Exchanges
from chatmockd.upstream.leasing import Leasing
from tests.bridge import Bridge
from tests.wire import Link

STREAM = {"content-type": "text/event-stream; charset=utf-8"}


class Asked:
    """One HTTP request, seen from the upstream."""

    def __init__(self, server: _Server, request: h11.Request) -> None:
        self._server = server
        self.target = request.target.decode()
        self.headers = {n.decode().lower(): v.decode() for n, v in request.headers}
        self._content = b""
        self._begun = False
        self.whole = False

    def take(self, data: bytes) -> None:
        self._content += data

    @property
    def body(self) -> Any:
        return json.loads(self._content)

    def begin(self, status: int = 200, headers: Mapping[str, str] = STREAM) -> None:
        """Send the head of the answer."""
        self._begun = True
        self._server.send(
            h11.Response(status_code=status, headers=list(headers.items()))
        )

    def say(self, *events: Mapping[str, Any] | bytes) -> None:
        """Send events, all in one read."""
        if not self._begun:
            self.begin()
        said = b""
        for event in events:
            if isinstance(event, bytes):
                said += event
            else:
                data = json.dumps(event).encode()
                said += b"event: %b\ndata: %b\n\n" % (event["type"].encode(), data)
        self._server.send(h11.Data(data=said))

    def end(self) -> None:
        """End the answer."""
        self._server.send(h11.EndOfMessage())

    def refuse(
        self,
        status: int,
        body: object,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer with something else than a stream."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"content-length": str(len(content)), **(headers or {})}
        if not isinstance(body, bytes):
            fields["content-type"] = "application/json"
        self.begin(status, fields)
        self._server.send(h11.Data(data=content))
        self.end()

    def drop(self) -> None:
        """Lose the transport without a word."""
        self._server.link.break_()
        self._server.bridge.pump()

    @property
    def is_open(self) -> bool:
        return not self._server.link.cut

    @property
    def link(self) -> Link:
        return self._server.link


class _Server(Protocol):
    """The upstream's end of one HTTP connection."""

    link: Link

    def __init__(self, bridge: HttpBridge) -> None:
        self.bridge = bridge
        self._http = h11.Connection(h11.SERVER)

    def send(self, event: Any) -> None:
        data = self._http.send(event)
        assert self.transport is not None
        if data:
            self.transport.write(data)
        self._next()
        self.bridge.pump()

    def dataReceived(self, data: bytes) -> None:
        self._http.receive_data(data)
        self._next()

    def _next(self) -> None:
        if self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            self._http.start_next_cycle()
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                self.bridge.asked.append(Asked(self, event))
            elif isinstance(event, h11.Data):
                self.bridge.asked[-1].take(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                self.bridge.asked[-1].whole = True
            else:
                return


@implementer(IStreamClientEndpoint)
class _Endpoint:
    def __init__(self, bridge: HttpBridge) -> None:
        self._bridge = bridge

    def connect(self, factory: Any) -> Deferred[Any]:
        return self._bridge.dialled(factory)


class Network:
    """Where C{upstream.test} is."""

    def __init__(self, bridge: HttpBridge) -> None:
        self._bridge = bridge

    def endpoint(
        self, host: str, port: int, *, secure: bool, timeout: float
    ) -> IStreamClientEndpoint:
        return _Endpoint(self._bridge)


class HttpBridge(Bridge):
    """
    A test case with a bridge in it whose upstream is HTTP.

    @ivar asked: The requests that the upstream got.
    @ivar http_dials: How many connections there were.
    """

    settings = {"upstream__transport": "http"}

    def setUp(self) -> None:
        self.asked: list[Asked] = []
        self.http_dials = 0
        self.http_refusals: list[Exception] = []
        super().setUp()

    def configure(self, credentials: Credentials | None = None, **keys: object) -> None:
        keys = {"upstream__profile": "openai", "continuity__mode": "off", **keys}
        super().configure(credentials, **keys)

    def sign_in(self, credentials: Credentials) -> Credentials:
        """What signs the requests in."""
        return credentials

    def make_upstream(self, credentials: Credentials, pulse: Pulse) -> Leasing:
        return self.make_exchanges(credentials, pulse)

    def make_exchanges(self, credentials: Credentials, pulse: Pulse) -> Exchanges:
        """HTTP towards the upstream of this test."""
        network: Any = Network(self)
        connections = HttpConnections(network, self.clock, 10, 4)
        return Exchanges(
            self.config,
            connections,
            self.sign_in(credentials),
            pulse,
            self.limits.heard,
        )

    def dialled(self, factory: Any) -> Deferred[Any]:
        """The bridge dials."""
        self.http_dials += 1
        # As Twisted's endpoints do.
        attempt: Deferred[Any] = Deferred(
            lambda given_up: given_up.errback(ConnectingCancelledError(None))
        )
        self.attempts.append(attempt)
        if self.http_refusals:
            attempt.errback(self.http_refusals.pop(0))
        elif not self.hangs:
            server = _Server(self)
            protocol = factory.buildProtocol(None)
            server.link = Link(server, protocol)
            self._links.append(server.link)
            attempt.callback(protocol)
        return attempt

    @property
    def request(self) -> Asked:
        """The newest request that the upstream got."""
        return self.asked[-1]
