"""All turns that run, however they are asked for."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from random import random
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from chatmockd.core.create import Create
from chatmockd.core.usage import Spent
from chatmockd.errors import ChatmockdError, IdempotencyMismatch, ResponseInFlight
from chatmockd.occasion import Occasion
from chatmockd.settings import Settings
from chatmockd.store.tree import Tree
from chatmockd.turns.connecting import Connecting
from chatmockd.turns.direct import DirectCourse
from chatmockd.turns.durable import Asker, DurableCourse
from chatmockd.turns.running import RunningTurn
from chatmockd.turns.tally import Tally
from chatmockd.upstream.leasing import Leasing

OWNER = "default"
"""Whose everything is, as long as there are no keys to tell clients apart."""

_SWEEP_EVERY = 600.0  # seconds
_KEY_KEPT = 86_400.0  # seconds for which an idempotency key is remembered
_DAY = 86_400.0

# What clients want kept nowhere may take so much memory, in bytes.
_FLEETING_BYTES = 268_435_456


class _Kept(msgspec.Struct, frozen=True):
    """What there is to a running turn that will be a node."""

    asker: Asker
    course: DurableCourse
    background: bool


class Turns:
    """
    Begins turns, finds those that run, and gives up those that nobody waits for.

    @ivar tree: Where they are kept; None unless conversations outlive connections.
    """

    _log = Logger()

    def __init__(
        self,
        settings: Settings,
        upstream: Leasing,
        tree: Tree | None,
        clock: IReactorTime,
        now: Callable[[], float],
    ) -> None:
        """
        @param now: Unix time, in seconds.
        """
        self.tree = tree
        self.upstream = upstream
        self._clock = clock
        self._now = now
        self._connecting = Connecting(upstream, clock, random)
        self._retains = settings.continuity.mode != "off"
        self._backfill_empty = settings.compat.backfill_output == "empty"
        self._grace = settings.continuity.abandon_grace_s
        self._max_age = settings.store.retention_days * _DAY
        self._max_bytes = settings.store.max_bytes
        self._running: dict[RunningTurn, _Kept | None] = {}
        self._by_id: dict[tuple[str, str], RunningTurn] = {}
        self._by_key: dict[tuple[str, str], RunningTurn] = {}
        self._giving_up: dict[RunningTurn, IDelayedCall] = {}
        self._idle = Occasion()
        self._tally = Tally(now)
        self._sweeping: LoopingCall | None = None
        self._swept: Deferred[Any] = succeed(None)
        self._in_place = True
        self._knows_the_time = False

    def begin(self, create: Create, request_id: str, asker: Asker) -> RunningTurn:
        """
        Begin a turn.

        @raise ResponseInFlight: What it follows up on has not ended yet.
        """
        if self.tree is None:
            turn, kept = self._direct(create, request_id), None
        else:
            marker = create.marker
            if marker is not None and (asker.owner, marker) in self._by_id:
                raise ResponseInFlight(marker)
            turn, kept = self._durable(create, request_id, asker, self.tree)
        self._running[turn] = kept
        if kept is not None:
            if asker.key is not None:
                self._by_key[asker.owner, asker.key] = turn
            if turn.response_id is not None:
                self._by_id[asker.owner, turn.response_id] = turn
        turn.start()
        return turn

    def _direct(self, create: Create, request_id: str) -> RunningTurn:
        course = DirectCourse(
            create,
            self.upstream,
            # Without retention there is nothing that a marker could name.
            marker=create.marker if self._retains else None,
            backfill_empty=self._backfill_empty,
            spent=self._tally.add,
        )
        return RunningTurn(
            course, request_id, keeps_log=False, left=self._left, over=self._over
        )

    def _durable(
        self, create: Create, request_id: str, asker: Asker, tree: Tree
    ) -> tuple[RunningTurn, _Kept]:
        own_id = f"resp_{secrets.token_hex(25)}" if create.background else None
        course = DurableCourse(
            create,
            self.upstream,
            self._connecting,
            tree,
            asker,
            own_id=own_id,
            backfill_empty=self._backfill_empty,
            now=self._now,
            named=self._named,
        )
        turn = RunningTurn(
            course, request_id, keeps_log=True, left=self._left, over=self._over
        )
        turn.response_id = own_id
        return turn, _Kept(asker, course, create.background)

    @property
    def in_flight(self) -> int:
        """How many turns run."""
        return len(self._running)

    async def usage(self, owner: str, days: int) -> list[Spent]:
        """
        What was used today and on the days before, oldest first.

        @param days: How many, today being one of them.
        """
        if self.tree is None:
            return self._tally.usage(days)
        return await self.tree.usage(owner, self._now() - (days - 1) * _DAY)

    def find(self, owner: str, response_id: str) -> RunningTurn | None:
        """The running turn of this response, if it is one that can be retrieved."""
        turn = self._by_id.get((owner, response_id))
        kept = None if turn is None else self._running[turn]
        return turn if kept is not None and kept.course.retrievable else None

    def keyed(self, asker: Asker) -> RunningTurn | None:
        """
        The running turn of this idempotency key.

        @raise IdempotencyMismatch: It was asked for with another body.
        """
        if asker.key is None:
            return None
        turn = self._by_key.get((asker.owner, asker.key))
        kept = None if turn is None else self._running[turn]
        if kept is not None and kept.asker.body_hash != asker.body_hash:
            raise IdempotencyMismatch()
        return turn

    def snapshot(self, turn: RunningTurn) -> bytes:
        """The JSON of a running turn's response object as it is now."""
        kept = self._running[turn]
        assert kept is not None
        return kept.course.snapshot(turn)

    def is_background(self, turn: RunningTurn) -> bool:
        """Whether it was asked for with C{background: true}."""
        kept = self._running.get(turn)
        return kept is not None and kept.background

    def when_idle(self) -> Deferred[None]:
        """Fires when no turn runs; a new Deferred at each call."""
        return self._idle.wait() if self._running else succeed(None)

    def start(self) -> None:
        """Say what became of the turns of an earlier run; keep the stores small."""
        if self.tree is not None:
            self._sweeping = LoopingCall(self._sweep)
            self._sweeping.clock = self._clock
            self._swept = self._sweeping.start(_SWEEP_EVERY, now=True)

    async def stop(self) -> None:
        """Close the stores."""
        if self._sweeping is not None and self._sweeping.running:
            self._sweeping.stop()
            # One may be under way.
            await self._swept
        if self.tree is not None:
            await self.tree.close()

    def _sweep(self) -> Deferred[None]:
        swept = Deferred.fromCoroutine(self.sweep())
        return swept.addErrback(
            lambda reason: self._log.failure("sweeping the store", reason)
        )

    async def sweep(self) -> None:
        """
        Delete what is too old, or too much; at first only what is too much.

        Before that, end on record what has ended without that: in an earlier run, or
        when nothing could be written.
        """
        assert self.tree is not None
        was_in_place, self._in_place = self._in_place, self.tree.is_in_place()
        if was_in_place and not self._in_place:
            self._log.error(
                "the file of the store has been deleted, moved or replaced; chatmockd "
                "goes on with the one it has opened, and all that is in it is lost "
                "when chatmockd stops"
            )
        try:
            await self.tree.bury()
        except ChatmockdError as problem:
            self._log.warn("ending what was left behind: {problem}", problem=problem)
        oldest = keys_before = 0.0
        if self._knows_the_time:
            now = self._now()
            oldest, keys_before = now - self._max_age, now - _KEY_KEPT
        # A machine that has only just started may think that it is next year.
        self._knows_the_time = True
        limits = self._max_bytes, _FLEETING_BYTES
        for store, limit in zip(self.tree.stores, limits, strict=True):
            try:
                deleted = await store.sweep(oldest, keys_before, limit)
            except ChatmockdError as problem:
                self._log.warn("sweeping the store: {problem}", problem=problem)
            else:
                if deleted:
                    self._log.info("{count} old turns deleted", count=deleted)
                    self.tree.forget()

    # What turns report.

    def _named(self, turn: RunningTurn) -> None:
        kept = self._running.get(turn)
        if kept is not None and turn.response_id is not None:
            self._by_id[kept.asker.owner, turn.response_id] = turn

    def _left(self, turn: RunningTurn) -> None:
        """Nobody listens any more: read on for a while, to bank the result."""
        if self.is_background(turn):
            return
        if self.tree is None or self._grace == 0:
            turn.cancel()
        elif turn in self._giving_up:
            self._giving_up[turn].reset(self._grace)
        else:
            self._giving_up[turn] = self._clock.callLater(
                self._grace, self._give_up, turn
            )

    def _give_up(self, turn: RunningTurn) -> None:
        del self._giving_up[turn]
        if not turn.is_listened_to:
            self._log.info(
                "{request_id}: given up, nobody came back for it",
                request_id=turn.request_id,
            )
            turn.cancel()

    def _over(self, turn: RunningTurn) -> None:
        kept = self._running.pop(turn, None)
        giving_up = self._giving_up.pop(turn, None)
        if giving_up is not None:
            giving_up.cancel()
        if kept is not None:
            owner, key = kept.asker.owner, kept.asker.key
            if self._by_id.get((owner, turn.response_id or "")) is turn:
                del self._by_id[owner, turn.response_id or ""]
            if key is not None and self._by_key.get((owner, key)) is turn:
                del self._by_key[owner, key]
        if not self._running:
            self._idle.happen()
