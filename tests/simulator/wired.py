"""A real Autobahn client joined to the simulator, in memory and on a clock of ours."""

from __future__ import annotations

from typing import Any

import msgspec
import txaio
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.testing import MemoryReactorClock
from twisted.test.iosim import IOPump, connect, makeFakeClient, makeFakeServer
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.faults import Faults
from chatmockd.simulator.server import Simulator

TERMINAL = ("response.completed", "response.incomplete", "response.failed", "error")

Event = dict[str, Any]


class _ClientProtocol(WebSocketClientProtocol):
    client: Client

    def onOpen(self) -> None:
        self.client.opened = True

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.client.messages.append((payload, isBinary))

    def onMessageFrameBegin(self, length: int) -> None:
        super().onMessageFrameBegin(length)
        self.client.frames.append(length)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.client.closed = (wasClean, code, reason)


class Client:
    """A client of the simulated upstream, and what it got."""

    pump: IOPump

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        protocol.client = self
        self.opened = False
        self.messages: list[tuple[bytes, bool]] = []
        self.frames: list[int] = []
        self.closed: tuple[bool, int | None, str | None] | None = None

    @property
    def events(self) -> list[Event]:
        """Every text message so far, decoded."""
        return [
            msgspec.json.decode(payload)
            for payload, binary in self.messages
            if not binary
        ]

    def send(self, message: Event | bytes, *, binary: bool = False) -> None:
        """Send a message and let everything happen that follows at once."""
        payload = (
            message if isinstance(message, bytes) else msgspec.json.encode(message)
        )
        self.protocol.sendMessage(payload, binary)
        self.flush()

    def flush(self) -> None:
        """Carry bytes both ways until there are none."""
        self.pump.flush(advanceClock=False)

    def create(self, said: object = "hello", **fields: object) -> None:
        """Send a C{response.create}; a field which is C{...} is left out."""
        body: dict[str, object] = {
            "type": "response.create",
            "model": "gpt-test",
            "input": said,
            **fields,
        }
        self.send({name: value for name, value in body.items() if value is not ...})

    def ask(self, said: object = "hello", **fields: object) -> list[Event]:
        """The events that a C{response.create} is answered with."""
        before = len(self.messages)
        self.create(said, **fields)
        return self.events[before:]

    def respond(self, said: object = "hello", **fields: object) -> Event:
        """The response object of the terminal event."""
        event = self.ask(said, **fields)[-1]
        assert event["type"] in TERMINAL[:3], event
        response: Event = event["response"]
        return response

    def text(self, said: object = "hello", **fields: object) -> str:
        """What a turn says in the end."""
        return text_of(self.respond(said, **fields))

    def error(self, said: object = "hello", **fields: object) -> Event:
        """The C{error} object of a turn that is refused."""
        event = self.ask(said, **fields)[-1]
        assert event["type"] == "error", event
        error: Event = event["error"]
        return error

    def leave(self) -> None:
        """Lose the TCP connection."""
        self.protocol.transport.loseConnection()
        self.flush()


class WiredTestCase(SynchronousTestCase):
    """Has a simulator, and connects clients to it."""

    profile = "openai"

    def setUp(self) -> None:
        self.clock = MemoryReactorClock()
        # Else the client's own timers ask for the global reactor.
        self.patch(txaio.config, "loop", self.clock)  # type: ignore[attr-defined]
        self.simulator = Simulator(self.clock, self.profile)

    def set(self, **faults: Any) -> None:
        """Set faults for the turns that follow, and no others."""
        self.simulator.faults = Faults(**faults)

    def dial(
        self,
        path: str | None = None,
        headers: dict[str, str] | None = None,
        simulator: Simulator | None = None,
        door: Any = None,
    ) -> Client:
        """
        A client whose handshake went as far as it goes at once.

        @param door: What it connects to, if not to the simulator's own factory.
        """
        simulator = simulator or self.simulator
        factory = WebSocketClientFactory(
            f"ws://127.0.0.1{simulator.path if path is None else path}",
            headers=headers or {},
            reactor=self.clock,
        )
        factory.setProtocolOptions(
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            serverConnectionDropTimeout=0,
        )
        factory.protocol = _ClientProtocol
        theirs = (door or simulator.factory).buildProtocol(None)
        ours = factory.buildProtocol(None)
        client = Client(ours)
        client.pump = connect(
            theirs, makeFakeServer(theirs), ours, makeFakeClient(ours), greet=False
        )
        client.flush()
        return client

    def connect(self, **options: Any) -> Client:
        """A client whose handshake succeeded."""
        client = self.dial(**options)
        self.assertTrue(client.opened, client.closed)
        return client


def kinds(events: list[Event]) -> list[str]:
    """The types of C{events}, in order."""
    return [event["type"] for event in events]


def text_of(response: Event) -> str:
    """The text in a response object's output."""
    return "".join(
        part["text"]
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
    )
