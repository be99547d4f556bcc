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

import h11
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

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
from tests.time_of_day import TimeOfDay
from tests.wire import Link

JSON = {"Content-Type": "application/json"}


def created(response_id: str, number: int = 0) -> dict[str, Any]:
    """A C{response.created} event."""
    return {
        "type": "response.created",
        "response": {"id": response_id, "status": "in_progress", "output": []},
        "sequence_number": number,
    }


def delta(text: str, number: int) -> dict[str, Any]:
    """A C{response.output_text.delta} event."""
    return {
        "type": "response.output_text.delta",
        "delta": text,
        "output_index": 0,
        "sequence_number": number,
    }


def item_done(item: Any, index: int, number: int) -> dict[str, Any]:
    """A C{response.output_item.done} event."""
    return {
        "type": "response.output_item.done",
        "item": item,
        "output_index": index,
        "sequence_number": number,
    }


def completed(response_id: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    """A C{response.completed} event."""
    response = {"id": response_id, "status": "completed", "output": [], **fields}
    return {"type": "response.completed", "response": response} | {
        "sequence_number": number
    }


def message(text: str) -> dict[str, Any]:
    """An output item which says C{text}."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }


class _ServerProtocol(WebSocketServerProtocol):  # type: ignore[misc]
    """The upstream's end of one socket."""

    socket: Socket

    def onConnect(self, request: Any) -> None:
        self.socket.upgrade_headers = dict(request.headers)
        refusal = self.socket.refusal
        if refusal is not None:
            raise ConnectionDeny(refusal, "refused")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.socket.take(json.loads(payload))

    def onPing(self, payload: bytes) -> None:
        self.socket.pings += 1
        if self.socket.answers_pings:
            super().onPing(payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.socket.closed = code if wasClean else 1006


class Socket:
    """
    One upstream socket, seen from the upstream.

    @ivar received: The messages that the bridge sent, decoded.
    @ivar asked_at: How many messages all sockets had got with its last one.
    @ivar closed: The close code, 1006 for a lost transport, None while it is open.
    """

    def __init__(self, bridge: Bridge, refusal: int | None) -> None:
        self._bridge = bridge
        self.refusal = refusal
        self.received: list[dict[str, Any]] = []
        self.asked_at = 0
        self.upgrade_headers: dict[str, str] = {}
        self.pings = 0
        self.answers_pings = True
        self.closed: int | None = None
        self.protocol = _ServerProtocol()
        self.protocol.socket = self
        self.protocol.factory = bridge.autobahn
        self.link: Link

    def take(self, message: dict[str, Any]) -> None:
        """The bridge sent a message."""
        self.received.append(message)
        self.asked_at = self._bridge.messages = self._bridge.messages + 1

    @property
    def is_open(self) -> bool:
        return self.closed is None and not self.link.cut

    def say(self, *events: Mapping[str, Any] | bytes) -> None:
        """Send events, all in one read, and let everything happen that follows."""
        for event in events:
            payload = event if isinstance(event, bytes) else json.dumps(event).encode()
            self.protocol.sendMessage(payload)
        self._bridge.pump()

    def say_raw(self, data: bytes) -> None:
        """Send bytes that no server should."""
        self.protocol.transport.write(data)
        self._bridge.pump()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin the closing handshake; any code may be given."""
        self.protocol.sendCloseFrame(code, reason.encode())
        self._bridge.pump()

    def drop(self) -> None:
        """Lose the transport without a word."""
        self.link.break_()
        self._bridge.pump()


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """Where the bridge believes that the upstream is."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def connect(self, factory: Any) -> Deferred[Any]:
        return self._bridge.accept(factory)


class Answer:
    """What a client has got so far."""

    def __init__(self, bridge: Bridge, link: Link) -> None:
        self._bridge = bridge
        self.link = link
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = b""
        self.ended = False
        self.broken = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """C{error} of a JSON answer."""
        error: dict[str, Any] = self.json["error"]
        return error

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """The server-sent events, each as its name and its decoded data."""
        found = []
        for block in self.body.decode().split("\n\n")[:-1]:
            if block.startswith(":"):
                continue
            first, second = block.split("\n")
            found.append(
                (
                    first.removeprefix("event: "),
                    json.loads(second.removeprefix("data: ")),
                )
            )
        return found

    @property
    def kinds(self) -> list[str]:
        return [name for name, _ in self.events]

    def leave(self) -> None:
        """The client goes away."""
        self.link.break_()
        self._bridge.pump()

    def stall(self) -> None:
        """The client reads no more."""
        self.link.server_end.stalled = True

    def read_on(self) -> None:
        """The client reads again."""
        self.link.server_end.stalled = False
        self._bridge.pump()


class _Client(Protocol):
    """The client's end of one HTTP connection."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._http = h11.Connection(h11.CLIENT)
        self.answer: Answer

    def ask(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes
    ) -> None:
        request = h11.Request(method=method, target=target, headers=headers)
        data = self._http.send(request) or b""
        if body:
            data += self._http.send(h11.Data(data=body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        assert self.transport is not None
        self.transport.write(data)

    def dataReceived(self, data: bytes) -> None:
        self._http.receive_data(data)
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Response):
                self.answer.status = event.status_code
                self.answer.headers = {
                    name.decode(): value.decode() for name, value in event.headers
                }
            elif isinstance(event, h11.Data):
                self.answer.body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self.answer.ended = True
                if self._http.our_state is h11.DONE:
                    self._http.start_next_cycle()
            else:
                return

    def connectionLost(self, reason: Any = None) -> None:
        if not self.answer.ended:
            self.answer.broken = True


class Bridge(TimeOfDay, SynchronousTestCase):
    """A test case with a bridge in it."""

    settings: Mapping[str, object] = {}
    environ: Mapping[str, str] = {}
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
            self.config, _Endpoint(self), credentials, pulse, self.limits.heard
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
        assert isinstance(client, _Client)
        client.answer = Answer(self, link)
        client.ask(method, target, fields, body)
        self.pump()
        return client.answer

    def connect_client(self) -> Link:
        """A client connection with nothing asked yet."""
        client = _Client(self)
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
