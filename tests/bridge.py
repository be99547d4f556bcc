"""
The whole bridge in memory: real HTTP and WebSocket parsers on all four ends.

A test says what the client asks (L{Bridge.post}) and what the upstream does
(L{Socket.say}, L{Socket.drop}), and looks at what came of it. Nothing waits: L{pump}
moves all bytes there are, and L{Bridge.clock} is the only time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.account.asking import Asking
from chatmockd.account.catalog import ModelCatalog
from chatmockd.account.limits import AccountLimits
from chatmockd.account.state_folder import StateFolder
from chatmockd.account.tokens import Credentials, FixedKey
from chatmockd.config import load
from chatmockd.core.admission import Admission
from chatmockd.core.model import Model
from chatmockd.pulse import Pulse
from chatmockd.settings import Settings
from chatmockd.store.contract import Store
from chatmockd.store.memory import memory_store
from chatmockd.store.tree import Tree
from chatmockd.turns.registry import Turns
from chatmockd.upstream.calls import Calls
from chatmockd.upstream.factory import UpstreamFactory
from chatmockd.upstream.leasing import Leasing
from chatmockd.web.app import Api
from chatmockd.web.chat import Chat
from chatmockd.web.dialects import Dialects, defaults_of
from chatmockd.web.following import Following
from chatmockd.web.guard import guarded
from chatmockd.web.models import Models
from chatmockd.web.ollama import Ollama
from chatmockd.web.passed_on import PassedOn
from chatmockd.web.responses import Responses
from chatmockd.web.site import ApiSite
from chatmockd.web.status import Status
from chatmockd.web.stored import Stored
from chatmockd.web.upgrade import Sockets
from tests.answers import Answers
from tests.http_client import Answer, Client
from tests.time_of_day import TimeOfDay
from tests.upstream_events import completed, created, delta, item_done, message
from tests.upstream_socket import Endpoint, Socket
from tests.wire import Link

# Tests take all that they say to a bridge, and to its far end, from here.
__all__ = [
    "JSON",
    "Answer",
    "Bridge",
    "Socket",
    "completed",
    "created",
    "delta",
    "item_done",
    "message",
]

JSON = {"Content-Type": "application/json"}


class Bridge(TimeOfDay, SynchronousTestCase):
    """A test case with a bridge in it."""

    settings: Mapping[str, object] = {}
    known_models: Sequence[Model] = ()

    def models(self) -> Sequence[Model]:
        """The catalog that the bridge looks into."""
        return self.known_models

    def setUp(self) -> None:
        super().setUp()
        self.clock = MemoryReactorClock()
        self.sockets: list[Socket] = []
        self.refusals: list[int | Exception | None] = []
        self.attempts: list[Deferred[Any]] = []
        self.dials = 0
        self.messages = 0
        self.hangs = False
        self.outbound = Answers()
        self.stays_silent = False
        self._links: list[Link] = []
        self.autobahn = WebSocketServerFactory(reactor=self.clock)
        self.autobahn.setProtocolOptions(
            openHandshakeTimeout=0, closeHandshakeTimeout=0
        )
        self.log: list[str] = []
        globalLogPublisher.addObserver(self._logged)
        self.addCleanup(globalLogPublisher.removeObserver, self._logged)
        self.stores: list[Store] = []
        # Run in reverse: nobody uses the stores any more when they are closed. These
        # ones: a test may set itself up once more.
        self.addCleanup(self._close, self.stores)
        self.addCleanup(self._end_all)
        self.configure(**self.settings)

    def configure(self, credentials: Credentials | None = None, **keys: object) -> None:
        """
        Build the bridge: C{upstream__profile="openai"}, ...

        Without a tree, unless C{continuity__mode="durable"} is among the keys.
        """
        keys = {"continuity__mode": "retained", **keys}
        sets = [f"{name.replace('__', '.')}={value}" for name, value in keys.items()]
        self.config: Settings = load(
            None, {}, ["upstream.url=ws://upstream.test/v1/responses", *sets]
        )
        pulse = Pulse(self.clock)
        credentials = credentials or FixedKey("sk-canary")
        url = self.config.upstream_url
        folder = StateFolder(None)
        self.limits = AccountLimits(self.clock, self.now, folder, url)
        self.catalog = ModelCatalog(
            self.clock.seconds,
            self.now,
            Asking(self.outbound, credentials, url),
            folder,
            self.config.upstream.profile,
            url,
            sync=self.config.models.sync,
            refresh_interval=self.config.models.refresh_interval_s,
            signed_in=self.limits.sees,
        )
        self.upstream = self.make_upstream(credentials, pulse)
        durable = self.config.continuity.mode == "durable"
        self.tree = self._new_tree() if durable else None
        self.turns = Turns(self.config, self.upstream, self.tree, self.clock, self.now)
        following = Following(self.config, pulse, self.limits.headers)
        defaults = defaults_of(self.config, self)
        dialects = Dialects(self.turns, following, defaults)
        calls = Calls(self.config, self.outbound, credentials)
        self.api = Api(
            self.clock,
            responses=Responses(self.turns, following, defaults),
            chat=Chat(self.config, dialects),
            stored=Stored(self.turns, following),
            sockets=Sockets(self.config, self.turns, pulse, defaults),
            ollama=Ollama(self.config, dialects, self, self.clock, self.now),
            passed_on=PassedOn(self.turns, calls, self.now),
            models=Models(
                self.catalog, expose_efforts=self.config.models.expose_efforts
            ),
            status=Status(
                self.config, self.turns, self.catalog, self.limits, pulse, self.now
            ),
        )
        server = self.config.server
        self.site = ApiSite(
            self.api.resource(),
            guarded(
                Admission(server.allowed_hosts, server.allowed_origins),
                server.max_body_bytes,
            ),
            self.clock,
            self.now,
            server.log_requests,
        )

    def make_upstream(self, credentials: Credentials, pulse: Pulse) -> Leasing:
        """How the bridge reaches the upstream."""
        return UpstreamFactory(
            self.config, Endpoint(self), credentials, pulse, self.limits.heard
        )

    # The client's side.

    def post(
        self, body: object = None, *, link: Link | None = None, **more: Any
    ) -> Answer:
        """
        C{POST /v1/responses}.

        @param body: The JSON, or bytes to send as they are; by default a question.
        @param more: Members to add to the JSON, or C{headers}.
        """
        headers = dict(JSON | more.pop("headers", {}))
        if body is None:
            body = {"model": "gpt-5.5", "input": "Hello?"}
        if isinstance(body, dict):
            body = json.dumps(body | more).encode()
        assert isinstance(body, bytes)
        return self.ask("POST", "/v1/responses", headers, body, link=link)

    def stream(self, **more: Any) -> Answer:
        """C{POST /v1/responses} with C{stream: true}."""
        return self.post(stream=True, **more)

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | list[tuple[str, str]] = (),  # type: ignore[assignment]
        body: bytes = b"",
        *,
        link: Link | None = None,
    ) -> Answer:
        """Any request at all, on a connection of its own or on C{link}."""
        fields = list(headers.items() if isinstance(headers, Mapping) else headers)
        if not any(name.lower() == "host" for name, _ in fields):
            fields.append(("Host", "127.0.0.1:8000"))
        if body:
            fields.append(("Content-Length", str(len(body))))
        if link is None:
            link = self.connect_client()
        client = link.client
        assert isinstance(client, Client)
        client.answer = Answer(self, link)
        client.ask(method, target, fields, body)
        self.pump()
        return client.answer

    def connect_client(self) -> Link:
        """A client connection with nothing asked yet."""
        client = Client(self)
        client.answer = Answer(self, None)  # type: ignore[arg-type]
        link = Link(self.site.buildProtocol(None), client)
        self._links.append(link)
        return link

    def ask_raw(self, request: bytes) -> bytes:
        """Send bytes that no well-made client would; return what came back."""
        link = self.connect_client()
        got: list[bytes] = []
        link.client.dataReceived = got.append  # type: ignore[method-assign]
        link.client_end.write(request)
        self.pump()
        return b"".join(got)

    # The upstream's side.

    @property
    def socket(self) -> Socket:
        """The newest upstream socket."""
        return self.sockets[-1]

    @property
    def open_sockets(self) -> int:
        return sum(socket.is_open for socket in self.sockets)

    def accept(self, factory: Any) -> Deferred[Any]:
        """The bridge dials."""
        self.dials += 1
        attempt: Deferred[Any] = Deferred()
        self.attempts.append(attempt)
        refusal = self.refusals.pop(0) if self.refusals else None
        if isinstance(refusal, Exception):
            attempt.errback(refusal)
        elif not self.hangs:
            socket = Socket(self, refusal)
            self.sockets.append(socket)
            protocol = factory.buildProtocol(None)
            server = Protocol() if self.stays_silent else socket.protocol
            socket.link = Link(server, protocol)
            self._links.append(socket.link)
            attempt.callback(protocol)
        return attempt

    def refuse_connections(self) -> None:
        """The next dial finds nobody."""
        self.refusals.append(ConnectionRefusedError())

    # Both.

    def pump(self) -> None:
        """Move all bytes that there are, and do what was put off for a moment."""
        for _ in range(1000):
            self.clock.advance(0)
            if not any([link.pump() for link in list(self._links)]):
                return
        self.fail("the bytes never come to rest")

    def wait(self, seconds: float) -> None:
        """Let time pass, second by second."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.pump()

    def first_turn(self, response_id: str = "resp_1", **more: Any) -> Answer:
        """One whole turn that ends well, on a new connection."""
        answer = self.post(**more)
        self.socket.say(created(response_id), completed(response_id))
        self.assertEqual(answer.status, 200, answer.body)
        return answer

    def assert_error(self, answer: Answer, status: int, code: str | None) -> None:
        """A whole error of the one shape, and nothing else."""
        self.assertTrue(answer.ended, "the answer has not ended")
        self.assertEqual((answer.status, answer.error["code"]), (status, code))
        self.assertEqual(
            set(answer.error), {"message", "type", "param", "code"}, answer.error
        )
        self.assertEqual(answer.headers["content-type"], "application/json")

    def _new_tree(self) -> Tree:
        """One in memory, which ends with the test."""
        stores = memory_store("disk"), memory_store()
        self.stores += stores
        return Tree(*stores)

    def _close(self, stores: Sequence[Store]) -> None:
        # Python 3.13 complains of databases that the garbage collector has to close.
        for store in stores:
            self.successResultOf(store.close())

    def _end_all(self) -> None:
        """
        Leave no turn waiting.

        The garbage collector would end it in the middle of another test, and there it
        would still close its connection.
        """
        for link in self._links:
            link.break_()
        for attempt in self.attempts:
            if not attempt.called:
                attempt.addErrback(lambda _: None)
                attempt.cancel()

    def _logged(self, event: LogEvent) -> None:
        self.log.append(str(formatEvent(event)))
