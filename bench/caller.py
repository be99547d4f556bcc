"""One keep-alive HTTP connection of the load client."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure

from bench.answer import LOOKS, Answer
from bench.loopback import HOST, connect


class _Wire(Protocol):
    """Tells its caller what arrives."""

    transport: Connection

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        self._caller.received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._caller.lost(self)


class Caller:
    """
    Asks one question after the other and checks each answer.

    @ivar response_id: The newest response it has seen, to continue from.
    @ivar first_event_s: Seconds from the newest question to its first event.
    """

    def __init__(self, port: int, api: str = "responses") -> None:
        self._port = port
        self._look = LOOKS[api]
        self._wire: _Wire | None = None
        self._answer: Answer | None = None
        self._done: Deferred[Answer] | None = None
        self._asked = 0.0
        self.first_event_s: float | None = None
        self.response_id: str | None = None
        self.on_read: Callable[[], None] | None = None

    @property
    def events(self) -> int:
        """Events of the answer that is arriving."""
        return self._answer.events if self._answer is not None else 0

    async def ask(self, body: bytes, expected_events: int) -> Answer:
        """Send one request; the answer when it has ended, right or wrong."""
        wire = await self._connected()
        self._answer = Answer(expected_events, self._look)
        self._done = Deferred()
        self.first_event_s = None
        head = (
            f"POST {self._look.path} HTTP/1.1\r\n"
            f"Host: {HOST}:{self._port}\r\n"
            "Content-Type: application/json\r\n"
            "Accept: text/event-stream\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._asked = time.perf_counter()
        wire.transport.write(head.encode() + body)
        answer = await self._done
        self._answer = None
        if not answer.keeps_connection:
            self.close()
        if answer.fault() is None:
            self.response_id = answer.response_id
        return answer

    def _connected(self) -> Deferred[_Wire]:
        if self._wire is not None:
            return succeed(self._wire)
        connecting = cast("Deferred[_Wire]", connect(self._port, lambda: _Wire(self)))
        return connecting.addCallback(self._keep)

    def _keep(self, wire: _Wire) -> _Wire:
        self._wire = wire
        return wire

    def received(self, data: bytes) -> None:
        """Bytes arrived."""
        if self._answer is None or self._done is None:
            return
        self._answer.receive(data)
        if self.first_event_s is None and self._answer.events:
            self.first_event_s = time.perf_counter() - self._asked
        if self.on_read is not None:
            self.on_read()
        if self._answer.ended:
            self._end()

    def lost(self, wire: _Wire) -> None:
        """The connection is gone, by our doing or theirs."""
        if wire is not self._wire:
            return
        self._wire = None
        if self._answer is not None and not self._answer.ended:
            self._answer.connection_closed()
            self._end()

    def _end(self) -> None:
        done, self._done = self._done, None
        if done is not None and self._answer is not None:
            done.callback(self._answer)

    def stop_reading(self) -> None:
        """Be the client that reads nothing."""
        if self._wire is not None:
            self._wire.transport.pauseProducing()

    def read_again(self) -> None:
        """Read what has piled up, and go on."""
        if self._wire is not None:
            self._wire.transport.resumeProducing()

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.transport.loseConnection()
