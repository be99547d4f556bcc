"""A strict HTTP client over a real socket: no answer that is cut short escapes it."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

import h11

TIMEOUT = 30.0  # seconds without a byte
QUESTION = {"model": "gpt-5.5", "input": "Count to 5."}

Event = dict[str, Any]


class Client:
    """
    One connection to the daemon.

    Events are read one at a time; h11 raises C{RemoteProtocolError} when the connection
    ends before the answer does.
    """

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        """
        @param receive_buffer: Bytes that the kernel may hold for us; few of them make
            the other side notice soon that we do not read.
        """
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self._http = h11.Connection(h11.CLIENT)
        self._unread = b""
        self._head: h11.Response | None = None
        self.ended = False

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Asking.

    def post(self, body: Mapping[str, Any] | None = None, **more: Any) -> Client:
        """Send C{POST /v1/responses}; C{more} goes into the body."""
        content = json.dumps(dict(QUESTION if body is None else body) | more).encode()
        return self.ask("POST", "/v1/responses", content)

    def stream(self, text: str, **more: Any) -> Client:
        """Send C{POST /v1/responses} with a text and C{stream: true}."""
        return self.post(input=text, stream=True, **more)

    def ask(self, method: str, target: str, content: bytes = b"") -> Client:
        """Send any request."""
        headers = [("Host", "127.0.0.1")]
        if content:
            headers += [
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(content))),
            ]
        if self._http.our_state is h11.DONE:
            self._http.start_next_cycle()
            self._head, self.ended = None, False
        request = h11.Request(method=method, target=target, headers=headers)
        self.socket.sendall(self._http.send(request) or b"")
        if content:
            self.socket.sendall(self._http.send(h11.Data(data=content)) or b"")
        self._http.send(h11.EndOfMessage())
        return self

    # What is answered.

    @property
    def status(self) -> int:
        return self._response().status_code

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers, with lower-case names."""
        return {
            name.decode(): value.decode() for name, value in self._response().headers
        }

    def body(self) -> bytes:
        """All of the answer that has not been read yet."""
        while self._more():
            pass
        unread, self._unread = self._unread, b""
        return unread

    def json(self) -> Any:
        """The answer's JSON."""
        return json.loads(self.body())

    def event(self) -> Event | None:
        """The next server-sent event; None at the end of the answer."""
        while True:
            while b"\n\n" not in self._unread:
                if not self._more():
                    assert not self._unread, f"half an event: {self._unread[:200]!r}"
                    return None
            block, _, self._unread = self._unread.partition(b"\n\n")
            if not block.startswith(b":"):
                return _event_of(block)

    def until(self, kind: str) -> Event:
        """Read events up to the first one of this kind."""
        for event in self.events():
            if event["type"] == kind:
                return event
        raise AssertionError(f"the answer ended without {kind}")

    def events(self) -> Iterator[Event]:
        """All events that have not been read yet."""
        while (event := self.event()) is not None:
            yield event

    def is_closed(self) -> bool:
        """Wait until the other side closes the connection, orderly or not."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    # Leaving.

    def reset(self) -> None:
        """Go away without a goodbye: TCP's RST."""
        self.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.socket.close()

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def _response(self) -> h11.Response:
        while self._head is None:
            assert self._more(), "no answer"
        return self._head

    def _more(self) -> bool:
        """Take the next piece of the answer; False when it was the last."""
        while not self.ended:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(self.socket.recv(262_144))
            elif isinstance(event, h11.Response):
                self._head = event
                return True
            elif isinstance(event, h11.Data):
                self._unread += bytes(event.data)
                return True
            elif isinstance(event, h11.EndOfMessage):
                self.ended = True
            else:
                raise AssertionError(f"unexpected: {event!r}")
        return False


def ask(port: int, body: Mapping[str, Any] | None = None, **more: Any) -> Any:
    """The JSON answer to one C{POST /v1/responses} that must succeed."""
    with Client(port) as client:
        client.post(body, **more)
        answer = client.json()
        assert client.status == 200, answer
        return answer


def is_healthy(port: int) -> bool:
    """Whether the daemon answers."""
    with Client(port) as client:
        client.ask("GET", "/health")
        return client.status == 200 and client.json() == {"status": "ok"}


def text_of(response: Event) -> str:
    """The text in a response object's output."""
    return "".join(
        part["text"]
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
    )


def deltas_of(events: list[Event]) -> str:
    """The text that was streamed."""
    return "".join(
        event["delta"]
        for event in events
        if event["type"] == "response.output_text.delta"
    )


def events_in(body: bytes) -> list[Event]:
    """The events of a whole stream; comments are left out."""
    *blocks, rest = body.split(b"\n\n")
    assert not rest, f"half an event: {rest[:200]!r}"
    return [_event_of(block) for block in blocks if not block.startswith(b":")]


def _event_of(block: bytes) -> Event:
    lines = block.split(b"\n")
    assert len(lines) == 2, f"not framed as an event: {block[:200]!r}"
    name, data = lines
    assert name.startswith(b"event: ") and data.startswith(b"data: "), block[:200]
    event: Event = json.loads(data[6:])
    assert event["type"].encode() == name[7:], block[:200]
    return event
