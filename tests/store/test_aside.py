"""Counting aside, at a store that takes its time."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.usage import Usage
from chatmockd.errors import StoreError
from chatmockd.store.aside import Aside
from chatmockd.store.memory import memory_store


class AsideTests(SynchronousTestCase):
    """Writes are held up by hand."""

    def setUp(self) -> None:
        self.store = memory_store("disk")
        self.addCleanup(self.store.close)
        self.written: list[tuple[str, Usage]] = []
        self.waiting: list[Deferred[None]] = []
        self.patch(self.store, "add_usage", self._add)
        self.aside = Aside(self.store)

    def _add(self, owner: str, model: str, at: float, usage: Usage) -> Deferred[None]:
        self.written.append((model, usage))
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def add(self, model: str = "a") -> None:
        """One turn of it."""
        self.aside.add("alice", model, 1.0, Usage(1, 10))

    def test_what_comes_meanwhile_is_added_up(self) -> None:
        """A slow store gets one row for many turns, and loses none."""
        for _ in range(100):
            self.add()
        self.add("b")
        self.assertEqual(self.written, [("a", Usage(1, 10))])
        done = self.aside.when_written()
        self.waiting[0].callback(None)
        self.assertEqual(self.written[1:], [("a", Usage(99, 990))])
        self.waiting[1].callback(None)
        self.assertEqual(self.written[2:], [("b", Usage(1, 10))])
        self.assertNoResult(done)
        self.waiting[2].callback(None)
        self.successResultOf(done)

    def test_a_store_that_fails(self) -> None:
        """Costs what it was to count, and nobody else."""
        self.add()
        self.add("b")
        self.waiting[0].errback(StoreError("disk I/O error"))
        self.waiting[1].callback(None)
        self.add("c")
        self.assertEqual([model for model, _ in self.written], ["a", "b", "c"])

    def test_a_mistake(self) -> None:
        """It costs no more than that, now and at the daemon's end."""
        self.add()
        done = self.aside.when_written()
        self.waiting[0].errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.successResultOf(done)
        self.add("b")
        self.assertEqual([model for model, _ in self.written], ["a", "b"])
        self.waiting[1].callback(None)

    def test_nothing_to_write(self) -> None:
        """Nobody waits."""
        self.successResultOf(self.aside.when_written())
        waiting = self.aside.when_written
        self.add()
        gone = waiting()
        gone.cancel()
        self.failureResultOf(gone)
        self.waiting[0].callback(None)
