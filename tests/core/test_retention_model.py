"""The table of connections, driven at random beside a model that is obviously right."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.retention import Retention
from chatmockd.errors import NoCapacity, PreviousResponseNotFound, ResponseInFlight

MAX, TTL, AGE = 4, 50, 120

IDS = st.sampled_from([f"resp_{number}" for number in range(4)])
INDEX = st.integers(0, 99)


@dataclass
class Known:
    """What the model says of one connection: leased, retained or spare."""

    born: float
    state: str = "leased"
    tip: str | None = None
    running: str | None = None
    since: float = 0


class RetentionMachine(RuleBasedStateMachine):
    """
    Every input of the table in any order.

    C{gone} has what was returned for closing or forgotten: each once, for ever.
    """

    def __init__(self) -> None:
        super().__init__()
        self.table: Retention[int] = Retention(
            max_retained=MAX, idle_ttl_s=TTL, max_age_s=AGE
        )
        self.now = 0.0
        self.known: dict[int, Known] = {}
        self.gone: set[int] = set()
        self.opened_so_far = 0
        self.connecting = 0

    def _in(self, *states: str) -> list[int]:
        return [c for c, known in self.known.items() if known.state in states]

    def _pick_leased(self, index: int) -> int:
        leased = self._in("leased")
        return leased[index % len(leased)]

    def _close(self, connections: list[int]) -> None:
        """The table gave these up."""
        for connection in connections:
            assert connection not in self.gone, f"{connection} is closed twice"
            self.gone.add(connection)
            del self.known[connection]

    @rule(seconds=st.sampled_from([0.5, 1, 1, 2, 5, TTL - 1, TTL]), looks=st.booleans())
    def time_passes(self, seconds: float, looks: bool) -> None:
        """And maybe somebody looks at the clock then."""
        self.now += seconds
        if not looks:
            return
        due = {
            connection
            for connection in self._in("retained", "spare")
            if self.now - self.known[connection].since >= TTL
            or self.now - self.known[connection].born >= AGE
        }
        expired = self.table.expire(self.now)
        assert set(expired) == due and len(expired) == len(due)
        self._close(expired)

    @rule(then=st.sampled_from(["opens", "opens", "opens", "fails", "takes its time"]))
    def reserve(self, then: str) -> None:
        """A new conversation wants a connection."""
        idle = self._in("retained")  # the longest idle one first
        spares = self._in("spare")
        full = len(self.known) + self.connecting >= MAX
        try:
            spare, evicted = self.table.reserve()
        except NoCapacity:
            assert full and not idle and not spares
            return
        if spares:
            assert spare in spares and evicted == []
            self.known[spare].state = "leased"
            return
        assert spare is None
        assert evicted == (idle[:1] if full else [])
        self._close(evicted)
        self.connecting += 1
        if then != "takes its time":
            self.attempt_ends(opens=then == "opens")

    @precondition(lambda self: self.connecting)
    @rule(opens=st.booleans())
    def attempt_ends(self, opens: bool) -> None:
        """A reserved connection comes about, or does not."""
        self.connecting -= 1
        if opens:
            self.opened_so_far += 1
            self.known[self.opened_so_far] = Known(self.now)
            self.table.opened(self.opened_so_far, self.now)
        else:
            self.table.not_opened()

    @rule(index=INDEX, marker=IDS)
    def follow_up(self, index: int, marker: str) -> None:
        """A client names a response, mostly one that there is."""
        tips = [known.tip for known in self.known.values() if known.tip]
        if tips and index % 3:
            marker = tips[index % len(tips)]
        holders = {c: k for c, k in self.known.items() if k.tip == marker}
        assert len(holders) <= 1
        runs = any(known.running == marker for known in self.known.values())
        try:
            connection = self.table.follow_up(marker)
        except PreviousResponseNotFound:
            assert not holders and not runs
        except ResponseInFlight:
            busy = any(known.state == "leased" for known in holders.values())
            assert busy or (runs and not holders)
        else:
            assert list(holders) == [connection]
            assert holders[connection].state == "retained"
            holders[connection].state = "leased"

    def _turn_is_named(self, connection: int, response_id: str) -> None:
        """The upstream tells the id of a running turn."""
        if any(known.running == response_id for known in self.known.values()):
            return  # two turns with one id: see the rules, one by one
        self.known[connection].running = response_id
        self.table.running(connection, response_id)

    @precondition(lambda self: self._in("leased"))
    @rule(
        index=INDEX,
        named=IDS,
        then=st.sampled_from(["runs on", "is kept", "is kept", "is kept", "is spare"]),
        response_id=IDS,
    )
    def turn(self, index: int, named: str, then: str, response_id: str) -> None:
        """A turn is named, and perhaps ends: well, or with an orderly error."""
        connection = self._pick_leased(index)
        self._turn_is_named(connection, named)
        if then == "runs on":
            return
        well = then == "is kept"
        if well:
            closed = self.table.keep(connection, response_id, self.now)
        else:
            closed = self.table.set_spare(connection, self.now)
        born = self.known[connection].born
        if self.now - born >= AGE:
            assert closed == [connection]
            self._close(closed)
            return
        del self.known[connection]  # it goes to the end of the line
        if not well:
            assert closed == []
            self.known[connection] = Known(born, "spare", since=self.now)
            return
        twins = [c for c, known in self.known.items() if known.tip == response_id]
        assert closed == [c for c in twins if self.known[c].state == "retained"]
        for twin in twins:
            self.known[twin].tip = None
        self._close(closed)
        self.known[connection] = Known(born, "retained", response_id, since=self.now)

    @precondition(lambda self: len(self.known) > 2)
    @rule(index=INDEX)
    def connection_is_lost(self, index: int) -> None:
        """Any connection may go at any time; not all of them all the time."""
        connection = list(self.known)[index % len(self.known)]
        assert self.table.forget(connection)
        self._close([connection])

    @precondition(lambda self: self.gone)
    @rule(index=INDEX, response_id=IDS)
    def news_of_a_closed_one(self, index: int, response_id: str) -> None:
        """What is heard of a connection that was given up means nothing."""
        connection = sorted(self.gone)[index % len(self.gone)]
        assert not self.table.forget(connection)
        assert self.table.keep(connection, response_id, self.now) == []
        assert self.table.set_spare(connection, self.now) == []
        self.table.running(connection, response_id)

    @invariant()
    def counts_add_up(self) -> None:
        """The table says of itself what the model says."""
        assert self.table.counts() == {
            "connecting": self.connecting,
            "leased": len(self._in("leased")),
            "retained": len(self._in("retained")),
            "spare": len(self._in("spare")),
        }
        assert set(self.table.idle()) == set(self._in("retained", "spare"))

    @invariant()
    def never_too_many(self) -> None:
        """Whatever happens."""
        assert sum(self.table.counts().values()) <= MAX


class RetentionModelTests(SynchronousTestCase):
    """The table agrees with the model."""

    def test_any_order_of_events(self) -> None:
        """No order closes a connection twice, loses one, or gives one to two."""
        run_state_machine_as_test(
            RetentionMachine,
            settings=settings(max_examples=150, stateful_step_count=50, deadline=None),
        )
