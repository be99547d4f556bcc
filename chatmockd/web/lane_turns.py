"""The turns of one client WebSocket: those that run, and those that wait in lanes."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure

from chatmockd.core.lanes import Lanes
from chatmockd.errors import ChatmockdError, ShuttingDown
from chatmockd.web.lane_turn import LaneTurn


class LaneTurns:
    """
    Runs turns as their lanes allow, no faster than the client reads.

    @ivar is_paused: The client does not keep up.
    """

    _log = Logger()

    def __init__(
        self,
        max_waiting_bytes: int,
        *,
        begun: Callable[[], None],
        answered: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:
        """
        @param max_waiting_bytes: See L{Lanes}.
        @param begun: Told of each turn that enters.
        @param answered: Told of each that entered, when it has ended or the client is
            gone.
        @param changed: Told when a turn has begun or ended.
        """
        self.is_paused = False
        self._begun = begun
        self._answered = answered
        self._changed = changed
        self._lanes: Lanes[LaneTurn] = Lanes(max_waiting_bytes)
        self._running: dict[str | None, LaneTurn] = {}
        self._starting = self._left = False

    @property
    def is_full(self) -> bool:
        """Whether no more should be read from the client for now."""
        return self._lanes.is_full

    @property
    def is_idle(self) -> bool:
        """Whether no turn runs."""
        return not self._running

    def enter(self, turn: LaneTurn, size: int) -> None:
        """
        Have C{turn} run when it is its turn.

        @param size: Of its message, in bytes.
        """
        try:
            self._lanes.enter(turn.lane, turn, size)
        except ChatmockdError as problem:
            turn.refuse(problem)
            return
        self._begun()
        self._start()

    def steer(self, target: str, given: object) -> bool:
        """
        Add to what the running turn of the response C{target} was asked.

        @return: Whether it went upstream.
        """
        for turn in self._running.values():
            if turn.response_id == target:
                return turn.steer(given)
        return False

    def refuse_waiting(self) -> None:
        """Have none begin that has not begun yet."""
        for _, turn in self._lanes.clear():
            turn.refuse(ShuttingDown())
            self._answered()

    def leave(self) -> None:
        """The client is gone; harmless twice."""
        self._left = True
        for _ in self._lanes.clear():
            self._answered()
        for turn in list(self._running.values()):
            turn.leave()

    def pause(self) -> None:
        """Bring no more until L{resume}."""
        if not self.is_paused:
            self.is_paused = True
            for turn in list(self._running.values()):
                turn.pause()

    def resume(self) -> None:
        """Bring more."""
        self.is_paused = False
        for lane, turn in list(self._running.items()):
            # One alone may have more in store than the client takes at once. Then the
            # others come first the next time.
            if self.is_paused:
                break
            if self._running.get(lane) is turn:
                self._running[lane] = self._running.pop(lane)
                turn.resume()

    def _start(self) -> None:
        if self._starting:
            return
        # A turn may end before `carry` returns; a thousand might, each within the one
        # before.
        self._starting = True
        while (entered := self._lanes.start_next()) is not None:
            lane, turn = entered
            self._running[lane] = turn
            if self.is_paused:
                turn.pause()
            turn.carry().addBoth(self._ended, turn)
        self._starting = False
        self._changed()

    def _ended(self, result: object, turn: LaneTurn) -> None:
        if isinstance(result, Failure) and not result.check(CancelledError):
            self._log.failure("{turn}: failed", result, turn=turn)
            turn.refuse(ChatmockdError("chatmockd failed; its log has the reason."))
        del self._running[turn.lane]
        self._lanes.leave(turn.lane)
        self._answered()
        if not self._left:
            self._start()
