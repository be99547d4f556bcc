"""The course of a turn whose conversation lives on its connection alone."""

from __future__ import annotations

from collections.abc import Callable

from chatmockd.core.create import Create
from chatmockd.core.outcome import Failed, Outcome
from chatmockd.core.turn import Turn
from chatmockd.core.usage import Usage
from chatmockd.turns.running import RunningTurn
from chatmockd.upstream.lease import AnyLease
from chatmockd.upstream.leasing import Leasing


class DirectCourse:
    """Modes C{retained} and C{off}: the marker's own connection, or none."""

    def __init__(
        self,
        create: Create,
        upstream: Leasing,
        *,
        marker: str | None,
        backfill_empty: bool,
        spent: Callable[[str, Usage], None],
    ) -> None:
        """
        @param marker: What the turn follows up on; None without retention, too.
        @param spent: Told of what model how much was used.
        """
        self._create = create
        self._upstream = upstream
        self._marker = marker
        self._message = create.as_frame(marker)
        self._backfill_empty = backfill_empty
        self._spent = spent

    async def prepare(self, turn: RunningTurn) -> None:
        """Nothing comes before the first attempt."""

    async def attempt(self, turn: RunningTurn) -> tuple[AnyLease, Turn, bytes]:
        """See L{Course.attempt}."""
        lease = await self._upstream.lease(self._marker, turn.request_id)
        turn.remarks = [
            "follow-up" if self._marker is not None else "new",
            lease.connection.name,
        ]
        following = Turn(
            streaming=self._create.streaming,
            backfill_empty=self._backfill_empty,
            marker=self._marker,
            held_tip=lease.held_tip,
        )
        return lease, following, self._message

    def leads_on(self, lease: AnyLease, outcome: Failed) -> bool:
        """
        See L{Course.leads_on}.

        Refused for the age of a connection which the client knows nothing about; the
        next one is younger. A client with a marker resends its history instead.
        """
        return self._marker is None and lease.reused

    def named(self, turn: RunningTurn) -> None:
        """Nobody can ask for it by its name."""
        assert turn.turn is not None
        turn.response_id = turn.turn.response_id

    async def arrive(self, turn: RunningTurn, outcome: Outcome) -> Outcome:
        """There is nothing to keep but what it has used."""
        if outcome.usage is not None:
            self._spent(self._create.model, outcome.usage)
        return outcome
