"""The store in memory: what every store does, and at once."""

from __future__ import annotations

import sqlite3
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.store.contract import Store
from chatmockd.store.memory import memory_store
from chatmockd.store.sql import SqlStore
from tests.store.suite.verbs import NEVER, NO_LIMIT, completed, opening
from tests.store.suite.whole import StoreSuite


class MemoryStoreTests(StoreSuite, SynchronousTestCase):
    """The suite, and what is particular to memory."""

    place = "memory"

    def make_store(self) -> Store:
        store = memory_store()
        self.addCleanup(store.close)
        return store

    def test_it_answers_at_once(self) -> None:
        """No reactor has to turn before a result is there."""
        number = self.successResultOf(self.store.journal(opening()))
        self.successResultOf(self.store.end(number, completed("resp_1")))
        self.assertIsNotNone(self.successResultOf(self.store.find("alice", "resp_1")))

    def test_a_sweep_lets_others_have_their_turn(self) -> None:
        """It happens in the reactor's thread, which has streams to serve."""
        clock = Clock()
        self.store = memory_store(clock=clock)
        self.addCleanup(self.store.close)
        names = [f"resp_{number}" for number in range(250)]
        for number, name in enumerate(names):
            self.turn(name, at=100.0 + number)
        swept = self.store.sweep(1000.0, NEVER, NO_LIMIT)
        self.assertNoResult(swept)
        self.assertEqual(len(self.kept(*names)), 150)
        clock.advance(0)
        self.assertEqual(self.successResultOf(swept), 250)
        self.assertEqual(self.kept(*names), [])

    def test_it_has_no_files(self) -> None:
        """None that could go, and none for what has to be sorted."""
        self.assertTrue(self.store.is_in_place())

        def sorting(cursor: sqlite3.Cursor) -> Any:
            return cursor.execute("PRAGMA temp_store").fetchone()

        assert isinstance(self.store, SqlStore)
        self.assertEqual(self.successResultOf(self.store._run(sorting)), (2,))

    def test_two_stores_share_nothing(self) -> None:
        """A store is its maker's alone."""
        self.turn("resp_1")
        other = self.make_store()
        self.assertIsNone(self.result(other.find("alice", "resp_1")))

    def test_a_place_of_ones_own(self) -> None:
        """Its nodes say the place that it was made with."""
        self.store = memory_store("elsewhere")
        self.addCleanup(self.store.close)
        self.turn("resp_1")
        node = self.found("resp_1").node
        assert node is not None
        self.assertEqual(node.place, "elsewhere")
