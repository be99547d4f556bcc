"""Making room little by little, without reading all that was ever said."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, execute, succeed
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.store.contract import Ending, Opening
from chatmockd.store.schema import migrate
from chatmockd.store.sql import SqlStore

T = TypeVar("T")

NEVER, NO_LIMIT = 0.0, 10**12


class _Watched:
    """
    Runs transactions on a database in memory, and watches them.

    @ivar changes: How many rows each of them changed.
    @ivar said: The statements that were executed.
    @ivar between: What is done before the next one.
    """

    def __init__(self) -> None:
        self.database = sqlite3.connect(":memory:", isolation_level=None)
        migrate(self.database)
        self.changes: list[int] = []
        self.said: list[str] = []
        self.between: Callable[[], object] | None = None
        self.database.set_trace_callback(self.said.append)

    def run(self, work: Callable[[sqlite3.Cursor], T]) -> Deferred[T]:
        between, self.between = self.between, None
        if between is not None:
            between()
        before = self.database.total_changes
        done = execute(work, self.database.cursor())
        self.changes.append(self.database.total_changes - before)
        return done

    def rest(self) -> Deferred[None]:
        return succeed(None)

    def close(self) -> Deferred[None]:
        self.database.close()
        return succeed(None)


class SweepingTests(SynchronousTestCase):
    """What it does to a large store, and to who uses it meanwhile."""

    def setUp(self) -> None:
        self.runner = _Watched()
        self.addCleanup(self.runner.database.close)
        self.store = SqlStore(self.runner, "disk", "epoch")
        self.trees: list[int] = []

    def turn(self, at: float, parent: int | None = None) -> int:
        """A turn that was begun and ended then."""
        opening = Opening(
            owner="alice",
            profile="openai",
            model="gpt-5.5",
            parent=parent,
            outer_parent=None,
            input=b'[{"type":"message","role":"user","content":"Hello"}]',
            began=at,
        )
        number = self.successResultOf(self.store.journal(opening))
        ending = Ending(state="completed", ended=at, response_id=f"resp_{number}")
        self.successResultOf(self.store.end(number, ending))
        return number

    def fill(self, trees: int, turns: int = 2) -> None:
        """Make trees of so many turns, one after the other."""
        for at in range(trees):
            root = self.turn(float(at))
            self.trees.append(root)
            for _ in range(turns - 1):
                self.turn(float(at), root)
        self.runner.changes.clear()
        self.runner.said.clear()

    def sweep(self, oldest: float, max_bytes: int = NO_LIMIT) -> int:
        """See the store's method."""
        return self.successResultOf(self.store.sweep(oldest, NEVER, max_bytes))

    def is_there(self, number: int) -> bool:
        """Whether the store has this turn."""
        found = self.store.find("alice", f"resp_{number}")
        return self.successResultOf(found) is not None

    def test_a_little_at_a_time(self) -> None:
        """Turns that are journalled meanwhile wait for a part of it, not for all."""
        self.fill(trees=400)
        self.assertEqual(self.sweep(350.0), 700)
        self.assertLessEqual(max(self.runner.changes), 110)
        self.assertGreater(len(self.runner.changes), 7)

    def test_a_tree_is_deleted_whole(self) -> None:
        """However large; half of one would be of no use."""
        self.fill(trees=1, turns=300)
        self.assertEqual(self.sweep(10.0), 300)
        self.assertEqual(max(self.runner.changes), 300)

    def test_little_by_little_for_room_as_well(self) -> None:
        """Until there is enough of it."""
        self.fill(trees=400)
        size = self.successResultOf(self.store.size())
        deleted = self.sweep(NEVER, size // 2)
        self.assertLess(self.successResultOf(self.store.size()), size // 2)
        self.assertLess(deleted, 700)
        self.assertLessEqual(max(self.runner.changes), 110)

    def test_what_is_continued_meanwhile_stays(self) -> None:
        """It is not old any more when its turn comes."""
        self.fill(trees=200)
        last = self.trees[-1]

        def continue_at_the_end() -> None:
            if self.is_there(self.trees[0]):
                self.runner.between = continue_at_the_end
            else:
                self.turn(1000.0, last)

        self.runner.between = continue_at_the_end
        self.assertEqual(self.sweep(500.0), 398)
        self.assertTrue(self.is_there(last))

    def test_what_runs_meanwhile_stays(self) -> None:
        """Even if it began long ago, by a clock that was set."""
        self.fill(trees=200)
        last = self.trees[-1]

        def begin_at_the_end() -> None:
            if self.is_there(self.trees[0]):
                self.runner.between = begin_at_the_end
            else:
                opening = Opening(
                    owner="alice",
                    profile="openai",
                    model="gpt-5.5",
                    parent=last,
                    outer_parent=None,
                    input=b"[]",
                    began=1.0,
                )
                self.successResultOf(self.store.journal(opening))

        self.runner.between = begin_at_the_end
        self.assertEqual(self.sweep(500.0), 398)
        self.assertTrue(self.is_there(last))

    def test_nothing_reads_all_that_was_said(self) -> None:
        """What is asked every ten minutes is found in indices."""
        self.fill(trees=20)
        self.sweep(3.0)
        self.sweep(NEVER, 1)
        self.successResultOf(self.store.bury())
        self.successResultOf(self.store.count())
        self.successResultOf(self.store.continues(1))
        asked = [
            words
            for words in self.runner.said
            if words.lstrip().startswith(("SELECT", "UPDATE", "DELETE"))
        ]
        self.assertGreater(len(asked), 20)
        for words in asked:
            plan = self.runner.database.execute(f"EXPLAIN QUERY PLAN {words}")
            for *_, step in plan.fetchall():
                if step.startswith("SCAN turn"):
                    self.assertIn("USING COVERING INDEX", step, words)
