"""The simulated upstream: a Responses WebSocket server that answers offline."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from chatmockd.simulator.adapter import ServerFactory, ServerProtocol
from chatmockd.simulator.connection import Connection
from chatmockd.simulator.faults import Faults
from chatmockd.simulator.memory import Storage
from chatmockd.simulator.rules import PROFILES
from chatmockd.simulator.upgrade import PATHS, Ignore, Refusal, refusal_of

# Bounds of what C{seen} keeps: a simulator inside a daemon may run for days.
_MOST_SEEN = 1000
_MOST_SEEN_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Seen:
    """One C{response.create} as it came in."""

    connection: int
    """The number of the connection, counted from 1."""
    body: dict[str, Any]
    headers: dict[str, str]
    """Those of the upgrade, with lower-case names."""
    size: int
    """The message's bytes."""


class Simulator:
    """
    A server of one profile.

    Use C{factory} with a transport of your own, in memory say; a port of its own it has
    as part of an L{Origin<chatmockd.simulator.origin.Origin>}.

    @ivar faults: What it does wrong; change or replace it between turns.
    @ivar seen: The newest requests, oldest first, refused ones included.
    @ivar opened: How many upgrades were accepted so far.
    @ivar connections: Those which are open now.
    """

    def __init__(
        self,
        clock: IReactorTime,
        profile: str = "openai",
        *,
        faults: Faults | None = None,
        bearer: str | None = None,
        admits: Callable[[str], bool] | None = None,
        storage: Storage | None = None,
    ) -> None:
        """
        @param clock: Runs every timer and gives the time of day.
        @param profile: C{openai} or C{chatgpt}.
        @param bearer: Refuse upgrades with 401 that do not bring exactly this token.
        @param admits: Or those whose token it says no to.
        @param storage: Where responses are stored, if others look there, too.
        """
        if profile not in PROFILES:
            raise ValueError(f"profile: one of {PROFILES}")
        self.profile = profile
        self.path = PATHS[profile]
        self.faults = Faults() if faults is None else faults
        self.seen: deque[Seen] = deque()
        self.opened = 0
        self.connections: set[Connection] = set()
        self.factory = ServerFactory(self, clock)
        self._clock, self._bearer, self._admits = clock, bearer, admits
        self._storage = Storage() if storage is None else storage
        self._seen_bytes = 0
        self._wires: set[ServerProtocol] = set()
        self._emptied: list[Deferred[None]] = []

    # For those who run it.

    def stop(self) -> Deferred[None]:
        """Drop all connections, and wait until they are gone."""
        emptied: Deferred[None] = Deferred()
        self._emptied.append(emptied)
        for wire in list(self._wires):
            wire.abort()
        self._check_empty()
        return emptied

    def close_all(self, code: int = 1000, reason: str = "") -> None:
        """Close every connection with a close frame."""
        for connection in list(self.connections):
            connection.close(code, reason)

    def drop_all(self) -> None:
        """Abort every connection without a close frame."""
        for connection in list(self.connections):
            connection.drop()

    # For its protocols.

    def refusal_of(self, path: str, headers: dict[str, str]) -> Refusal | Ignore | None:
        """Why an upgrade is not accepted; C{None} when it is."""
        return refusal_of(
            path,
            headers,
            self.faults,
            profile=self.profile,
            bearer=self._bearer,
            admits=self._admits,
        )

    def accept(self, wire: ServerProtocol, headers: dict[str, str]) -> Connection:
        """An upgrade was accepted."""
        self.opened += 1
        connection = Connection(
            wire,
            self._clock,
            profile=self.profile,
            number=self.opened,
            headers=headers,
            storage=self._storage,
            faults=lambda: self.faults,
            record=self._saw,
        )
        self.connections.add(connection)
        return connection

    def attached(self, wire: ServerProtocol) -> None:
        """A TCP connection was made."""
        self._wires.add(wire)

    def detached(self, wire: ServerProtocol, connection: Connection | None) -> None:
        """It has ended."""
        self._wires.discard(wire)
        if connection is not None:
            self.connections.discard(connection)
        self._check_empty()

    def _saw(self, connection: Connection, body: dict[str, Any], size: int) -> None:
        self.seen.append(Seen(connection.number, body, connection.headers, size))
        self._seen_bytes += size
        while len(self.seen) > _MOST_SEEN or self._seen_bytes > _MOST_SEEN_BYTES:
            self._seen_bytes -= self.seen.popleft().size

    def _check_empty(self) -> None:
        if not self._wires:
            waiting, self._emptied = self._emptied, []
            for emptied in waiting:
                emptied.callback(None)
