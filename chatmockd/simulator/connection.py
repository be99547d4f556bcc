"""One open WebSocket as the server sees it: its turns, their lanes and their pace."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from chatmockd.simulator.damage import (
    Act,
    Close,
    Drop,
    Hang,
    Refuse,
    Send,
    closes_afterwards,
)
from chatmockd.simulator.faults import Faults
from chatmockd.simulator.memory import Lane, Memory, Storage
from chatmockd.simulator.refusal import LIMIT_REACHED, Refused, refused_as
from chatmockd.simulator.requests import read_request, reply_to_other
from chatmockd.simulator.rules import lane_of
from chatmockd.simulator.turn import Turn

ACTIVE_TURNS = 16
NAMED_LANES = 32

# Measured on the ChatGPT backend: after an error it answers nothing more on that
# socket, and drops it so many seconds later.
DEAF_S = 2.7

# How long a peer may take to answer our close frame.
_CLOSING_S = 5.0


class Wire(Protocol):
    """What a connection needs from the WebSocket beneath it."""

    def send(self, payload: bytes, binary: bool, fragment: int) -> None:
        """Send one message, in frames of C{fragment} bytes unless that is 0."""

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake."""

    def lose(self) -> None:
        """End the TCP connection behind what was sent, without a close frame."""

    def abort(self) -> None:
        """End the TCP connection now; what was not sent yet is lost."""


@dataclass
class _Playing:
    """A turn under way."""

    lane: Lane
    acts: Iterator[Act]


class Connection:
    """The server's end of one WebSocket, without the WebSocket."""

    def __init__(
        self,
        wire: Wire,
        clock: IReactorTime,
        *,
        profile: str,
        number: int,
        headers: dict[str, str],
        storage: Storage,
        faults: Callable[[], Faults],
        record: Callable[[Connection, dict[str, Any], int], None],
    ) -> None:
        """
        @param number: Counts the simulator's connections, from 1.
        @param headers: Those of the upgrade, with lower-case names.
        @param faults: Asked at the start of each turn.
        @param record: Told of each C{response.create} and its size in bytes.
        """
        self.number, self.headers = number, headers
        self._wire, self._clock, self._profile = wire, clock, profile
        self._memory = Memory(storage)
        self._faults, self._record = faults, record
        self._waiting: list[tuple[Lane, dict[str, Any]]] = []
        self._busy: dict[Lane, _Playing] = {}
        self._ready: deque[_Playing] = deque()
        self._lanes: set[str] = set()
        self._timers: set[IDelayedCall] = set()
        self._idle_timer: IDelayedCall | None = None
        self._paused = self._running = False
        self._deaf = self._over = self._limit_due = False
        max_age_s = faults().max_age_s
        if max_age_s is not None:
            self._later(max_age_s, self._aged)

    # What the peer does.

    def received(self, payload: bytes, binary: bool) -> None:
        """A message came in."""
        lane: Lane = None
        try:
            request = read_request(payload, binary)
            creates = request["type"] == "response.create"
            if creates:
                self._record(self, request, len(payload))
            if self._deaf or self._over:
                return
            if creates:
                lane = self._lane(request)
                self._waiting.append((lane, request))
                self._start_turns()
            else:
                reply = reply_to_other(request, self._profile)
                if reply is not None:
                    self.say(reply)
        except Refused as refused:
            if not (self._deaf or self._over):
                self._refuse(refused, lane)

    def pause(self) -> None:
        """The peer does not read: stop making events."""
        self._paused = True

    def resume(self) -> None:
        """The peer reads again."""
        self._paused = False
        self._run()

    def gone(self) -> None:
        """The TCP connection has ended; nothing happens here any more."""
        self._over = True
        self._stop()

    # What the server does, also when a test tells it to.

    def say(self, event: dict[str, Any]) -> None:
        """Send C{event} as it is, whatever else is going on."""
        self._wire.send(msgspec.json.encode(event), False, 0)

    def limit_reached(self) -> None:
        """
        Report the connection limit and close.

        Which close code follows, and how soon, is not known; this closes at once.
        """
        self._refuse(refused_as(LIMIT_REACHED, now=self._clock.seconds()), None)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close with a close frame; drop the peer which does not answer it."""
        if not self._over:
            self._over = True
            self._stop()
            self._wire.close(code, reason)
            self._later(_CLOSING_S, self._wire.abort)

    def drop(self) -> None:
        """Abort the TCP connection without a close frame."""
        self._over = True
        self._stop()
        self._wire.abort()

    # Turns.

    def _lane(self, request: dict[str, Any]) -> Lane:
        lane = lane_of(request, self._profile)
        if lane is not None and lane not in self._lanes:
            if len(self._lanes) == NAMED_LANES:
                raise Refused(
                    message=f"A connection has at most {NAMED_LANES} streams.",
                    code="websocket_stream_limit_reached",
                    param="stream_id",
                )
            self._lanes.add(lane)
        return lane

    def _start_turns(self) -> None:
        """Start what may start: one turn per lane, so many in all, oldest first."""
        if self._idle_timer is not None:
            self._cancel(self._idle_timer)
            self._idle_timer = None
        for entry in list(self._waiting):
            if len(self._busy) == ACTIVE_TURNS:
                break
            lane, request = entry
            if lane not in self._busy:
                self._waiting.remove(entry)
                self._start(lane, request)
        self._run()

    def _start(self, lane: Lane, request: dict[str, Any]) -> None:
        turn = Turn(
            request,
            lane,
            self._profile,
            self._memory,
            self._faults(),
            self._clock.seconds,
        )
        playing = _Playing(lane, turn.acts())
        self._busy[lane] = playing
        self._ready.append(playing)

    def _run(self) -> None:
        """Play the turns in turn, an act each, until they end or have to wait."""
        if self._running:
            return
        self._running = True
        try:
            while self._ready and not (self._paused or self._over):
                self._step(self._ready.popleft())
        finally:
            self._running = False

    def _step(self, playing: _Playing) -> None:
        act = next(playing.acts, None)
        if act is None:
            self._ended(playing)
            return
        self._perform(act, playing)
        if self._over or isinstance(act, Hang):
            return
        if isinstance(act, Send) and act.pace_s:
            self._later(act.pace_s, self._again, playing)
        else:
            self._ready.append(playing)

    def _again(self, playing: _Playing) -> None:
        self._ready.append(playing)
        self._run()

    def _perform(self, act: Act, playing: _Playing) -> None:
        match act:
            case Send():
                self._wire.send(act.payload, act.binary, act.fragment)
            case Refuse():
                self._refuse(act.refused, playing.lane)
            case Close():
                self.close(act.code, act.reason)
            case Drop():
                self._over = True
                self._stop()
                self._wire.lose()
            case Hang():
                pass

    def _ended(self, playing: _Playing) -> None:
        del self._busy[playing.lane]
        if self._deaf or self._over:
            return
        if self._limit_due and not self._busy:
            self.limit_reached()
            return
        if self._waiting:
            self._start_turns()
        idle_limit_s = self._faults().idle_limit_s
        if idle_limit_s is not None and not (self._busy or self._over):
            self._idle_timer = self._later(idle_limit_s, self.limit_reached)

    # Ends.

    def _refuse(self, refused: Refused, lane: Lane) -> None:
        frame = refused.frame()
        if lane is not None:
            frame["stream_id"] = lane
        self.say(frame)
        if closes_afterwards(refused):
            self.close()
        elif self._profile == "chatgpt":
            self._deaf = True
            self._waiting.clear()
            self._later(DEAF_S, self.drop)

    def _aged(self) -> None:
        # Whether a running turn may end first is not known; here it may.
        if self._busy:
            self._limit_due = True
        elif not (self._deaf or self._over):
            self.limit_reached()

    def _stop(self) -> None:
        for timer in list(self._timers):
            self._cancel(timer)
        self._waiting.clear()
        self._busy.clear()
        self._ready.clear()

    def _later(
        self, delay_s: float, call: Callable[..., None], *args: object
    ) -> IDelayedCall:
        def due() -> None:
            self._timers.discard(timer)
            call(*args)

        timer = self._clock.callLater(delay_s, due)
        self._timers.add(timer)
        return timer

    def _cancel(self, timer: IDelayedCall) -> None:
        self._timers.discard(timer)
        if timer.active():
            timer.cancel()
