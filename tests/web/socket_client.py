"""A WebSocket client in memory, with a parser that is not the daemon's."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.protocol import Protocol
from websockets.client import ClientProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from tests.bridge import Bridge, completed, created, delta
from tests.wire import Link

Event = dict[str, Any]


class SocketClient(Protocol):
    """
    The client's end of one WebSocket.

    @ivar response: The answer to the handshake.
    @ivar events: The messages that came, decoded.
    @ivar frames: All frames that came.
    @ivar lost: The transport is gone.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self.parser = ClientProtocol(
            parse_uri("ws://127.0.0.1:8000/v1/responses"), max_size=None
        )
        self.response: Response | None = None
        self.events: list[Event] = []
        self.frames: list[Frame] = []
        self.lost = False
        self.answers = True
        self.link: Link

    def open(self, headers: dict[str, str], rest: bytes = b"") -> None:
        """Send the handshake, and C{rest} with it."""
        request = self.parser.connect()
        for name, value in headers.items():
            if name in request.headers:
                del request.headers[name]
            request.headers[name] = value
        self.parser.send_request(request)
        data = b"".join(self.parser.data_to_send())
        self.link.client_end.write(data + rest)
        self._bridge.pump()

    def dataReceived(self, data: bytes) -> None:
        self.parser.receive_data(data)
        for event in self.parser.events_received():
            if isinstance(event, Response):
                self.response = event
            else:
                self._frame(event)
        if self.answers:
            self.flush()

    def _frame(self, frame: Any) -> None:
        self.frames.append(frame)
        if frame.opcode is Opcode.TEXT:
            assert frame.fin
            self.events.append(json.loads(bytes(frame.data)))

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True

    def flush(self) -> None:
        """Send what the parser has to say."""
        for data in self.parser.data_to_send():
            if data and not self.lost:
                self.link.client_end.write(data)

    # What a test has it do.

    def say(self, message: object = None, **more: object) -> None:
        """
        Send one text message.

        @param message: The JSON, or bytes to send as they are; by default a question.
        """
        if message is None:
            message = {
                "type": "response.create",
                "model": "gpt-5.5",
                "input": "Hello?",
                **more,
            }
        if not isinstance(message, bytes):
            message = json.dumps(message).encode()
        self.parser.send_text(message)
        self.flush()
        self._bridge.pump()

    def say_raw(self, data: bytes) -> None:
        """Send any bytes."""
        self.link.client_end.write(data)
        self._bridge.pump()

    def ping(self, payload: bytes) -> None:
        self.parser.send_ping(payload)
        self.flush()
        self._bridge.pump()

    def close(self) -> None:
        """Begin the closing handshake."""
        self.parser.send_close(CloseCode.NORMAL_CLOSURE)
        self.flush()
        self._bridge.pump()

    def leave(self) -> None:
        """Go without a word."""
        self.link.break_()
        self._bridge.pump()

    def stall(self) -> None:
        """Read no more."""
        self.link.server_end.stalled = True

    def read_on(self) -> None:
        """Read again."""
        self.link.server_end.stalled = False
        self._bridge.pump()

    # What came.

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    @property
    def close_code(self) -> int | None:
        """Of the close frame that came, if one did."""
        return None if self.parser.close_rcvd is None else self.parser.close_rcvd.code

    @property
    def pings(self) -> int:
        return sum(frame.opcode is Opcode.PING for frame in self.frames)

    @property
    def pongs(self) -> list[bytes]:
        return [bytes(f.data) for f in self.frames if f.opcode is Opcode.PONG]

    def lane(self, stream_id: str | None) -> list[str]:
        """The kinds of the events of one lane."""
        return [e["type"] for e in self.events if e.get("stream_id") == stream_id]

    def forget(self) -> None:
        """Look at what comes from now on."""
        self.events.clear()


class SocketBridge(Bridge):
    """A bridge with WebSocket clients."""

    settings = {"upstream__profile": "openai"}

    def connect(
        self, headers: dict[str, str] | None = None, rest: bytes = b""
    ) -> SocketClient:
        """
        A client that has asked for a WebSocket.

        @param headers: To put into the handshake.
        @param rest: Bytes to send right behind it.
        """
        client = SocketClient(self)
        client.link = Link(self.site.buildProtocol(None), client)
        self._links.append(client.link)
        client.open({"Host": "127.0.0.1:8000", **(headers or {})}, rest)
        return client

    def open(self) -> SocketClient:
        """One that has got it."""
        client = self.connect()
        assert client.response is not None
        self.assertEqual(client.response.status_code, 101)
        return client

    def answer_socket(self, number: int, response_id: str, text: str = "Hi.") -> None:
        """Upstream socket C{number} answers what it was asked last."""
        self.sockets[number].say(
            created(response_id), delta(text, 1), completed(response_id, 2)
        )

    def assert_error_event(
        self, event: Event, status: int, code: str | None, lane: str | None = None
    ) -> None:
        """An error as both Codex and OpenAI's SDKs understand it."""
        self.assertEqual(event["type"], "error")
        self.assertEqual((event["status"], event["code"]), (status, code), event)
        self.assertEqual(set(event["error"]), {"message", "type", "param", "code"})
        for name in ("message", "param", "code"):
            self.assertEqual(event["error"][name], event[name])
        self.assertEqual(event.get("stream_id"), lane)
