"""The clock of all timers, whatever is done to the time of day."""

from __future__ import annotations

import time
from types import SimpleNamespace

from twisted.internet.base import ReactorBase
from twisted.trial.unittest import SynchronousTestCase

from chatmockd import steady


class Reactor(ReactorBase):
    """One that only keeps timers."""

    def installWaker(self) -> None:
        """Nobody wakes it."""


class SteadyTests(SynchronousTestCase):
    """A reactor that goes by it."""

    def setUp(self) -> None:
        self.at = time.clock_gettime(steady._clock_id)
        clock = SimpleNamespace(clock_gettime=lambda number: self.at)
        self.patch(steady, "time", clock)
        self.reactor = Reactor()
        self.fired: list[str] = []

    def wait(self, seconds: float) -> None:
        """Time goes by, and the time of day stands still."""
        self.at += seconds
        self.reactor.runUntilCurrent()

    def test_timers(self) -> None:
        """They fire when it is time, and not before."""
        steady.keep_steady(self.reactor)
        self.reactor.callLater(60, self.fired.append, "a")
        self.wait(59)
        self.assertEqual(self.fired, [])
        self.assertEqual(round(self.reactor.timeout() or 0), 1)
        self.wait(1)
        self.assertEqual(self.fired, ["a"])

    def test_timers_that_wait_already(self) -> None:
        """They are neither forgotten nor hurried."""
        self.reactor.callLater(60, self.fired.append, "a")
        steady.keep_steady(self.reactor)
        self.wait(30)
        self.assertEqual(self.fired, [])
        self.wait(60)
        self.assertEqual(self.fired, ["a"])

    def test_timers_that_are_moved(self) -> None:
        """By the same clock."""
        steady.keep_steady(self.reactor)
        call = self.reactor.callLater(60, self.fired.append, "a")
        self.wait(50)
        call.reset(60)
        self.wait(59)
        self.assertEqual(self.fired, [])
        self.wait(1)
        self.assertEqual(self.fired, ["a"])
