"""The right to use one connection for one turn, and the turn while it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from autobahn.exception import Disconnected
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from chatmockd.core.outcome import Outcome
from chatmockd.core.turn import Turn
from chatmockd.errors import (
    ChatmockdError,
    FirstEventTimeout,
    UpstreamOutcomeUnknown,
    UpstreamSilent,
)
from chatmockd.upstream.parties import Carrier

Deliver = Callable[[list[bytes]], None]

_Leased = TypeVar("_Leased", bound=Carrier)
_TakenBack = TypeVar("_TakenBack", bound=Carrier, contravariant=True)


class Lessor(Protocol[_TakenBack]):
    """Who gave the lease and takes the connection back."""

    def turn_named(self, connection: _TakenBack, response_id: str) -> None:
        """The running turn will be known by this id."""

    def limits_told(self, connection: _TakenBack, frame: bytes) -> None:
        """The upstream said what the account may still use."""

    def turn_ended(self, connection: _TakenBack, outcome: Outcome | None) -> None:
        """
        The turn is over.

        @param outcome: How it ended; None when nobody waited for the end.
        """


class Lease(Generic[_Leased]):
    """
    One turn on one connection, or in one HTTP exchange.

    It is the relay's source: pausing it stops reading from the upstream.

    @ivar connection: The leased connection.
    @ivar reused: The connection has served a turn before.
    @ivar unwritten: Events that came with the end of the turn, and can be written
        together with it.
    """

    _log = Logger()

    def __init__(
        self,
        connection: _Leased,
        lessor: Lessor[_Leased],
        request_id: str,
        *,
        reused: bool,
        now: float,
        first_event_timeout: float,
        idle_timeout: float,
    ) -> None:
        """
        @param first_event_timeout: Seconds until the turn must have been accepted.
        @param idle_timeout: Seconds of silence after that. 0 waits for ever.
        """
        self.connection = connection
        self.reused = reused
        self.unwritten: list[bytes] = []
        self._lessor = lessor
        self._request_id = request_id
        self._now = now
        self._first_event_timeout = first_event_timeout
        self._idle_timeout = idle_timeout
        self._asked = now
        self._heard = now
        self._paused = False
        self._turn: Turn | None = None
        self._deliver: Deliver = _nowhere
        self._ended: Deferred[Outcome] | None = None
        self._over = False

    @property
    def held_tip(self) -> str | None:
        """
        Whose late frames may still come over the connection.

        @return: None on a new one; C{""} where a response came to nothing.
        """
        return (self.connection.held_tip or "") if self.reused else None

    def carry(self, message: bytes, turn: Turn, deliver: Deliver) -> Deferred[Outcome]:
        """
        Send C{message} and follow the turn to its end.

        @param deliver: Called with the server-sent events of each read.
        @return: Fires with the outcome, once the connection has been dealt with, and
            never with a failure of the upstream's. Cancelling it abandons the turn.
        """
        self._turn = turn
        self._deliver = deliver
        ended: Deferred[Outcome] = Deferred(lambda _: self.abandon())
        self._ended = ended
        self.connection.carry_for(self)
        try:
            self.connection.send(message)
        except Disconnected:
            self._end(turn.not_sent("the connection was closing"))
        return ended

    def steer(self, message: bytes) -> bool:
        """
        Send C{message}, which is about the running turn.

        The upstream may go on with a turn that nobody asked for, so the connection
        serves no other one after this.

        @return: Whether it was sent.
        """
        connection = self.connection
        if self._over or self._turn is None or not connection.takes_more:
            return False
        try:
            connection.send(message)
        except Disconnected:
            return False
        connection.is_steered = True
        return True

    def abandon(self) -> None:
        """Nobody waits for the turn any more: give its connection up."""
        if not self._over:
            self._let_go()
            self._lessor.turn_ended(self.connection, None)

    def refused(self, error: ChatmockdError) -> None:
        """The turn was not taken on; the client is told C{error}."""
        if not self._over and self._turn is not None:
            self._end(self._turn.refused(error))

    def break_off(self, error: ChatmockdError) -> None:
        """End the turn from our side; the client is told C{error}."""
        if not self._over and self._turn is not None:
            self._end(self._turn.break_off(error))

    def pause(self) -> None:
        """Read no more: the client does not keep up."""
        if not self._paused and not self._over:
            self._paused = True
            self.connection.pause()

    def resume(self) -> None:
        """Read on."""
        if self._paused and not self._over:
            self._paused = False
            self._heard = self._now
            self.connection.resume()

    def beat(self, now: float) -> None:
        """Look at the clock: an upstream that says nothing is not waited for."""
        self._now = now
        turn = self._turn
        if turn is None or self._over or self._paused:
            return
        # A long message that is being taken is no silence.
        self._asked = max(self._asked, self.connection.upload_moved)
        if not turn.accepted:
            if 0 < self._first_event_timeout <= now - self._asked:
                self.break_off(FirstEventTimeout(self._first_event_timeout))
            return
        # Nor is a long frame that is on its way.
        self._heard = max(self._heard, self.connection.frame_moved)
        if 0 < self._idle_timeout <= now - self._heard:
            self.break_off(UpstreamSilent(self._idle_timeout))

    def frames_received(self, frames: Sequence[bytes]) -> None:
        """The connection brings the frames of one read."""
        turn = self._turn
        if turn is None or self._over:
            return
        self._heard = self._now
        unnamed = turn.response_id is None
        try:
            pieces = turn.receive(frames)
            if turn.limits:
                frame, turn.limits = turn.limits, b""
                self._lessor.limits_told(self.connection, frame)
            if unnamed and turn.response_id is not None:
                self._lessor.turn_named(self.connection, turn.response_id)
            if turn.outcome is not None:
                self.unwritten = pieces
            elif pieces:
                self._deliver(pieces)
        except Exception:
            self._log.failure(
                "{request_id}: following the turn on {connection}",
                request_id=self._request_id,
                connection=self.connection,
            )
            self.break_off(
                UpstreamOutcomeUnknown("chatmockd failed to follow the turn.")
            )
        if turn.outcome is not None:
            self._end(turn.outcome)

    def connection_lost(self, what: str) -> None:
        """The connection has ended under the turn."""
        turn = self._turn
        if not self._over and turn is not None:
            # Of half a message nobody does anything.
            unread = self.connection.is_uploading and not turn.accepted
            self._end(turn.not_sent(what) if unread else turn.lost(what))

    def _end(self, outcome: Outcome) -> None:
        if self._over:
            return
        ended, turn = self._ended, self._turn
        assert ended is not None and turn is not None
        self._let_go()
        try:
            self._lessor.turn_ended(self.connection, outcome)
            if turn.surplus:
                # Nobody asked for these: whether the connection can stand them is
                # decided as if they had come a moment later.
                self.connection.surplus_received(turn.surplus)
        finally:
            # Whatever goes wrong with the connection, a turn that has ended has.
            ended.callback(outcome)

    def _let_go(self) -> None:
        """
        The turn is over: refer to nobody any more who refers to us.

        As circles, turns with their last events would lie about until the garbage
        collector finds them, and meanwhile every turn would fill fresh memory instead
        of what the one before it has just given back.
        """
        self._over = True
        self._turn = self._ended = None
        self._deliver = _nowhere


def _nowhere(pieces: list[bytes]) -> None:
    """Where a turn's events go before anybody wants them."""


AnyLease = Lease[Any]
"""A lease, whatever carries its turn."""
