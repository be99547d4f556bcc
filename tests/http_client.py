"""The near end of the bridge: one HTTP connection, and what a client has got on it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import h11
from twisted.internet.protocol import Protocol

from tests.wire import Link

if TYPE_CHECKING:
    from tests.bridge import Bridge


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


class Client(Protocol):
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
