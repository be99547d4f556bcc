"""A turn while it runs, and the clients that listen to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger

from chatmockd.core.outcome import Failed, Outcome
from chatmockd.core.turn import Turn
from chatmockd.errors import ChatmockdError, ResponseCancelled
from chatmockd.occasion import Occasion
from chatmockd.turns.dying import may_die
from chatmockd.turns.log import EventLog
from chatmockd.upstream.lease import AnyLease

Deliver = Callable[[list[bytes]], None]


class Ended(msgspec.Struct, frozen=True):
    """
    How a turn ended, for one who listened.

    @ivar accepted: The upstream had taken it on, so that a stream may have begun.
    @ivar pieces: The events that he has not been given yet, the terminal one last.
    """

    outcome: Outcome
    accepted: bool
    pieces: list[bytes]


class Course(Protocol):
    """How a turn gets to the upstream, and what becomes of its end."""

    async def prepare(self, turn: RunningTurn) -> None:
        """
        Whatever comes before the first attempt.

        @raise ChatmockdError: The turn cannot be begun.
        """

    async def attempt(self, turn: RunningTurn) -> tuple[AnyLease, Turn, bytes]:
        """
        The way to go next: whom to ask, how to follow the answer, and what to send.

        @raise ChatmockdError: There is none.
        """

    def leads_on(self, lease: AnyLease, outcome: Failed) -> bool:
        """Whether there is another way, after this one was refused unread."""

    async def arrive(self, turn: RunningTurn, outcome: Outcome) -> Outcome:
        """
        Keep what is to be kept, before anybody sees the end.

        @return: The end to show.
        """

    def named(self, turn: RunningTurn) -> None:
        """The response has an id."""


class Seat:
    """
    One listener's place at a turn; the source of a relay.

    @ivar behind: Up to which place of the log he has it, where he has not all of it.
    """

    def __init__(self, turn: RunningTurn) -> None:
        self.behind: int | None = None
        self.paused = False
        self.deliver: Deliver = _nowhere
        self._turn = turn
        self._left = False

    def take(self, deliver: Deliver, *, from_start: bool = False) -> None:
        """
        Listen from now on.

        @param deliver: Called with the pieces of each read.
        @param from_start: Have what came before delivered, too.
        """
        self.deliver = deliver
        self._turn.seat_taken(self, from_start)

    def pause(self) -> None:
        """Bring no more until L{resume}."""
        if not self.paused:
            self.paused = True
            self._turn.seat_paused(self)

    def resume(self) -> None:
        """Bring more."""
        if self.paused:
            self.paused = False
            self._turn.seat_resumed(self)

    def abandon(self) -> None:
        """Nobody sits here any more; harmless twice."""
        if not self._left:
            self._left = True
            # A circle through the relay would keep the last events until the garbage
            # collector comes.
            self.deliver = _nowhere
            self._turn.seat_left(self)


class RunningTurn:
    """
    One turn, from the request to its end.

    @ivar request_id: Of the request that began it, for the log.
    @ivar response_id: What its clients call the response, once that is known.
    @ivar log: The events so far; None where nobody can ask for them again.
    @ivar turn: What follows the frames of the attempt under way.
    @ivar lease: What carries it.
    @ivar remarks: What the log shall say of it.
    """

    _log = Logger()

    def __init__(
        self,
        course: Course,
        request_id: str,
        *,
        keeps_log: bool,
        left: Callable[[RunningTurn], None],
        over: Callable[[RunningTurn], None],
    ) -> None:
        """
        @param left: Told when the last listener has left before the end.
        @param over: Told when it has ended.
        """
        self.request_id = request_id
        self.response_id: str | None = None
        self.log = EventLog() if keeps_log else None
        self.turn: Turn | None = None
        self.lease: AnyLease | None = None
        self.remarks: list[str] = []
        self.ended: Outcome | None = None
        self._course = course
        self._left = left
        self._over = over
        self._seats: list[Seat] = []
        self._waiting: dict[Deferred[Ended], Seat] = {}
        self._unseen: list[bytes] = []
        self._task: Deferred[None] | None = None
        self._arriving = False
        self._prepared = False
        self._is_unwanted = False
        self._beginning = Occasion()
        self._ending = Occasion()

    @property
    def accepted(self) -> bool:
        """The upstream has taken it on."""
        return self.turn is not None and self.turn.accepted

    @property
    def is_listened_to(self) -> bool:
        """Whether anybody waits for it."""
        return bool(self._seats)

    def start(self) -> None:
        """Send it on its way."""
        self._task = Deferred.fromCoroutine(self._run())

    def cancel(self) -> None:
        """Give it up: whoever listens is told that it was cancelled."""
        if not self._prepared:
            # What is being journalled cannot be called back, only ended.
            self._is_unwanted = True
        elif self._task is not None and not self._arriving:
            self._task.cancel()

    def last_pieces(self, outcome: Outcome) -> list[bytes]:
        """The events that came with the end, which the log does not have."""
        return [*self._unseen, outcome.event]

    def seat(self) -> Seat:
        """A place for one more listener."""
        return Seat(self)

    def when_prepared(self) -> Deferred[None]:
        """Fires when it is known whether the turn begins, even if it does not."""
        return succeed(None) if self._prepared else self._beginning.wait()

    def when_over(self) -> Deferred[None]:
        """Fires when it has ended, and that is on record."""
        return self._ending.wait() if self.ended is None else succeed(None)

    def when_ended(self, seat: Seat) -> Deferred[Ended]:
        """Fires with the end, for this listener; cancelling it is harmless."""
        waiting: Deferred[Ended] = Deferred(self._wait_no_more)
        self._waiting[waiting] = seat
        if self.ended is not None:
            self._tell_end()
        return waiting

    def _wait_no_more(self, waiting: Deferred[Ended]) -> None:
        self._waiting.pop(waiting, None)

    # What seats report.

    def seat_taken(self, seat: Seat, from_start: bool) -> None:
        """Somebody listens."""
        self._seats.append(seat)
        if from_start and self.log is not None:
            seat.behind = 0
            self._catch_up(seat)
        self._pause_or_resume()

    def seat_paused(self, seat: Seat) -> None:
        """He does not keep up."""
        if self.log is not None and seat.behind is None:
            seat.behind = self.log.size
        self._pause_or_resume()

    def seat_resumed(self, seat: Seat) -> None:
        """He can take more."""
        self._catch_up(seat)
        self._pause_or_resume()
        if self.ended is not None:
            self._tell_end()

    def seat_left(self, seat: Seat) -> None:
        """He is gone."""
        if seat in self._seats:
            self._seats.remove(seat)
        for waiting in [d for d, s in self._waiting.items() if s is seat]:
            del self._waiting[waiting]
        if self.ended is None:
            self._pause_or_resume()
            if not self._seats:
                self._left(self)

    # The turn itself.

    async def _run(self) -> None:
        try:
            await self._course.prepare(self)
            self._tell_prepared()
            if self._is_unwanted:
                raise CancelledError
            outcome = await self._outcome()
        except CancelledError:
            outcome = self._broken(ResponseCancelled())
        except ChatmockdError as problem:
            outcome = self._broken(problem)
        except Exception:
            self._log.failure("{request_id}: failed", request_id=self.request_id)
            outcome = self._broken(ChatmockdError("chatmockd failed; see its log."))
        self._arriving = True
        try:
            outcome = await self._course.arrive(self, outcome)
        except ChatmockdError as problem:
            outcome = self._broken(problem)
        except Exception:
            self._log.failure("{request_id}: failed", request_id=self.request_id)
            outcome = self._broken(ChatmockdError("chatmockd failed; see its log."))
        self._end(outcome)

    async def _outcome(self) -> Outcome:
        while True:
            lease, turn, message = await self._course.attempt(self)
            self.lease, self.turn = lease, turn
            try:
                self._pause_or_resume()
                carried = lease.carry(message, turn, self._deliver)
                may_die("sent")
                outcome = await carried
                self._unseen = lease.unwritten
                if (
                    isinstance(outcome, Failed)
                    and outcome.unread
                    and self._course.leads_on(lease, outcome)
                ):
                    continue
                if self.response_id is None and turn.response_id is not None:
                    self._course.named(self)
                return outcome
            finally:
                lease.abandon()

    def _tell_prepared(self) -> None:
        self._prepared = True
        self._beginning.happen()

    def _deliver(self, pieces: list[bytes]) -> None:
        turn = self.turn
        if self.response_id is None and turn is not None:
            if turn.response_id is not None:
                self._course.named(self)
        if self.log is None:
            for seat in self._seats:
                seat.deliver(pieces)
            return
        self.log.append(pieces)
        for seat in tuple(self._seats):
            if seat.behind is None:
                seat.deliver(pieces)
        may_die("mid-stream")

    def _catch_up(self, seat: Seat) -> None:
        """Deliver from the log until he has it all, or pauses again."""
        while seat.behind is not None and not seat.paused:
            assert self.log is not None
            events = self.log.read(seat.behind)
            seat.behind += len(events)
            if seat.behind == self.log.size:
                seat.behind = None
            if events:
                seat.deliver([events])

    def _pause_or_resume(self) -> None:
        lease = self.lease
        if lease is not None and self.ended is None:
            if self._seats and all(seat.paused for seat in self._seats):
                lease.pause()
            else:
                lease.resume()

    def _broken(self, error: ChatmockdError) -> Outcome:
        """The end that we put to it."""
        turn = self.turn or Turn(streaming=True)
        return turn.break_off(error)

    def _end(self, outcome: Outcome) -> None:
        self.ended = outcome
        self._over(self)
        self._tell_prepared()
        self._ending.happen()
        self._tell_end()
        may_die("written")

    def _tell_end(self) -> None:
        """Tell those who have all that came before; the others are not there yet."""
        assert self.ended is not None
        for deferred, seat in list(self._waiting.items()):
            if seat.behind is None and deferred in self._waiting:
                del self._waiting[deferred]
                pieces = self.last_pieces(self.ended)
                deferred.callback(Ended(self.ended, self.accepted, pieces))


def _nowhere(pieces: list[bytes]) -> None:
    """What becomes of events when a client wants none."""
