"""Going in to the simulated upstream by its one door."""

from __future__ import annotations

from typing import Any

import h11
import msgspec
from twisted.internet.protocol import Protocol
from twisted.test.iosim import IOPump, connect, makeFakeClient, makeFakeServer

from chatmockd.simulator.origin import Origin
from tests.simulator.wired import Client, WiredTestCase

TURN = {"model": "gpt-test", "input": "Say hi"}


class Browser(Protocol):
    """Reads whatever comes."""

    pump: IOPump

    def __init__(self) -> None:
        self.read = b""
        self.gone = False

    def dataReceived(self, data: bytes) -> None:
        self.read += data

    def connectionLost(self, reason: Any = None) -> None:
        self.gone = True


class OriginCase(WiredTestCase):
    """Has one, and goes in by its door."""

    def setUp(self) -> None:
        super().setUp()
        self.build()

    def build(self, profile: str = "openai", **more: Any) -> None:
        """Another one."""
        self.origin = Origin(self.clock, profile, **more)
        self.simulator = self.origin.sockets

    def dial(self, **options: Any) -> Client:
        """See L{WiredTestCase.dial}."""
        return super().dial(**options, door=self.origin.factory)

    def open(self) -> Browser:
        """A connection over which nothing was said yet."""
        theirs, ours = self.origin.factory.buildProtocol(None), Browser()
        ours.pump = connect(
            theirs, makeFakeServer(theirs), ours, makeFakeClient(ours), greet=False
        )
        return ours

    def say(self, said: bytes) -> Browser:
        """A connection over which this was said, and what follows at once."""
        browser = self.open()
        assert browser.transport is not None
        browser.transport.write(said)
        browser.pump.flush()
        return browser

    def say_turn(self, **more: object) -> Browser:
        """A connection over which a turn was asked for."""
        body = msgspec.json.encode({**TURN, **more})
        head = "POST /v1/responses HTTP/1.1\r\nHost: h\r\nContent-Length: "
        return self.say(f"{head}{len(body)}\r\n\r\n".encode() + body)

    def ask(
        self, method: str, path: str, body: object = None, token: str = "t"
    ) -> tuple[int, bytes]:
        """Status and body of one HTTP request."""
        http = h11.Connection(h11.CLIENT)
        content = b"" if body is None else msgspec.json.encode(body)
        headers = [
            ("Host", "h"),
            ("Content-Length", str(len(content))),
            ("Authorization", f"Bearer {token}"),
        ]
        request = h11.Request(method=method, target=path, headers=headers)
        sent = [http.send(request), http.send(h11.Data(content))]
        sent.append(http.send(h11.EndOfMessage()))
        browser = self.say(b"".join(part or b"" for part in sent))
        self.clock.advance(0)
        browser.pump.flush()
        http.receive_data(browser.read)
        response = http.next_event()
        assert isinstance(response, h11.Response), response
        read = b""
        while isinstance(event := http.next_event(), h11.Data):
            read += event.data
        assert isinstance(event, h11.EndOfMessage), event
        assert browser.transport is not None
        browser.transport.loseConnection()
        browser.pump.flush()
        return response.status_code, read
