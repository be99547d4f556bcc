"""One turn that a WebSocket client asked for, in its lane."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from chatmockd.core.create import Create
from chatmockd.core.message import (
    Unframing,
    end_message,
    error_message,
    refusal_message,
)
from chatmockd.core.outcome import Failed
from chatmockd.core.steering import Steering, steer_message
from chatmockd.errors import ChatmockdError
from chatmockd.printable import printable
from chatmockd.turns.durable import Asker
from chatmockd.turns.registry import OWNER, Turns
from chatmockd.turns.running import Ended, RunningTurn, Seat

Send = Callable[[list[bytes]], None]


class LaneTurn:
    """
    Carries the events of one turn to a WebSocket client.

    @ivar lane: Where it was asked for; None is the default lane.
    """

    _log = Logger()

    def __init__(
        self,
        asked: Create | ChatmockdError,
        lane: str | None,
        request_id: str,
        turns: Turns,
        clock: IReactorTime,
        send: Send,
        *,
        log_all: bool,
    ) -> None:
        """
        @param asked: What is to be carried out, or why it cannot be: a refusal waits
            its turn, too, so that it is not taken for an answer to what runs.
        @param request_id: For the log.
        @param send: Takes the messages for the client.
        @param log_all: Whether it is logged if it goes well.
        """
        self.lane = lane
        self._asked = asked
        self._request_id = request_id
        self._turns = turns
        self._clock = clock
        self._send = send
        self._log_all = log_all
        self._unframing = Unframing(lane)
        self._steering = Steering()
        self._turn: RunningTurn | None = None
        self._seat: Seat | None = None
        self._task: Deferred[None] | None = None
        self._paused = False

    @property
    def response_id(self) -> str | None:
        """What the client calls the response, once that is known."""
        return None if self._turn is None else self._turn.response_id

    def carry(self) -> Deferred[None]:
        """Begin; fires when the end has been sent."""
        task = self._task = Deferred.fromCoroutine(self._carry())
        return task

    def refuse(self, error: ChatmockdError) -> None:
        """Do not begin at all."""
        self._log_end(error.status, [_words(error)], noteworthy=True)
        self._send([error_message(error, self.lane)])

    def leave(self) -> None:
        """The client is gone."""
        if self._task is not None:
            self._task.cancel()

    def pause(self) -> None:
        """Bring no more until L{resume}."""
        self._paused = True
        if self._seat is not None:
            self._seat.pause()

    def resume(self) -> None:
        """Bring more."""
        self._paused = False
        if self._seat is not None:
            self._seat.resume()

    def steer(self, given: object) -> bool:
        """
        Add to what the turn was asked.

        @return: Whether it went upstream.
        """
        turn = self._turn
        if turn is None or turn.lease is None or turn.response_id is None:
            return False
        sent = turn.lease.steer(steer_message(turn.response_id, given))
        if sent:
            self._steering.sent(turn.response_id, given)
        return sent

    async def _carry(self) -> None:
        began = self._clock.seconds()
        try:
            if isinstance(self._asked, ChatmockdError):
                raise self._asked
            asker = Asker(OWNER)
            turn = self._turns.begin(self._asked, self._request_id, asker)
        except ChatmockdError as problem:
            self.refuse(problem)
            return
        self._turn = turn
        seat = self._seat = turn.seat()
        try:
            seat.take(self._deliver)
            if self._paused:
                seat.pause()
            ended = await turn.when_ended(seat)
            self._deliver_end(ended)
            self._tell(turn, ended, self._clock.seconds() - began)
        except CancelledError:
            self._log.info("{request_id}: client gone", request_id=self._request_id)
            raise
        finally:
            seat.abandon()

    def _deliver(self, pieces: list[bytes]) -> None:
        messages = self._unframing.messages(pieces)
        self._steering.saw(messages)
        self._send(messages)

    def _deliver_end(self, ended: Ended) -> None:
        outcome = ended.outcome
        if isinstance(outcome, Failed) and not ended.accepted:
            self._send([refusal_message(outcome, self.lane)])
            return
        *messages, last = self._unframing.messages(ended.pieces)
        self._steering.saw(messages)
        if isinstance(outcome, Failed):
            last = end_message(outcome, last, self.lane)
        self._send([*messages, *self._steering.given_back(self.lane), last])

    def _tell(self, turn: RunningTurn, ended: Ended, seconds: float) -> None:
        outcome = ended.outcome
        assert isinstance(self._asked, Create)
        remarks = [f"in {seconds:.3f} s"]
        if self._asked.adjusted:
            remarks.append(f"profile changed {', '.join(self._asked.adjusted)}")
        events = turn.turn.events if turn.turn is not None else 0
        remarks += [*turn.remarks, f"{events} events"]
        if turn.response_id is not None:
            remarks.append(printable(turn.response_id))
        status = 200
        if isinstance(outcome, Failed):
            remarks.append(_words(outcome.error))
            if not ended.accepted:
                status = outcome.error.status
        noteworthy = isinstance(outcome, Failed) or bool(self._asked.adjusted)
        self._log_end(status, remarks, noteworthy=noteworthy)

    def _log_end(self, status: int, remarks: list[str], *, noteworthy: bool) -> None:
        if noteworthy or self._log_all:
            lane = "" if self.lane is None else f" in lane {self.lane}"
            line = (
                f"{self._request_id}: response.create{lane} {status} "
                f"({', '.join(remarks)})"
            )
            self._log.info("{line}", line=line)


def _words(error: ChatmockdError) -> str:
    return printable(f"{error.code or error.type}: {error}")
