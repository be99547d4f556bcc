"""One errand for all who wait for it."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.account.flight import Flight


class FlightTests(SynchronousTestCase):
    """Who waits, and for what."""

    def setUp(self) -> None:
        self.flight: Flight[str] = Flight()
        self.begun: list[Deferred[str]] = []

    async def errand(self) -> str:
        self.begun.append(Deferred())
        return await self.begun[-1]

    def test_once_for_all(self) -> None:
        """And once more for who comes later."""
        first, second = self.flight.join(self.errand), self.flight.join(self.errand)
        self.begun[0].callback("a")
        self.assertEqual(self.successResultOf(first), "a")
        self.assertEqual(self.successResultOf(second), "a")
        later = self.flight.join(self.errand)
        self.assertEqual(len(self.begun), 2)
        self.begun[1].callback("b")
        self.assertEqual(self.successResultOf(later), "b")

    def test_a_failure_is_everybodys(self) -> None:
        """Each is told."""
        waiting = [self.flight.join(self.errand) for _ in range(2)]
        self.begun[0].errback(ValueError())
        for each in waiting:
            self.failureResultOf(each, ValueError)

    def test_leaving(self) -> None:
        """It ends the waiting only."""
        leaving, staying = (self.flight.join(self.errand) for _ in range(2))
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.begun[0].callback("a")
        self.assertEqual(self.successResultOf(staying), "a")

    def test_leaving_because_of_another(self) -> None:
        """What the first does with the result keeps it from nobody."""
        first, second, third = (self.flight.join(self.errand) for _ in range(3))
        first.addCallback(lambda _: second.cancel())
        self.begun[0].callback("a")
        self.failureResultOf(second, CancelledError)
        self.assertEqual(self.successResultOf(third), "a")

    def test_leaving_while_the_next_one_is_under_way(self) -> None:
        """What the first does with the result may be to ask once more."""
        first, second = (self.flight.join(self.errand) for _ in range(2))
        again: list[Deferred[str]] = []
        first.addCallback(lambda _: again.append(self.flight.join(self.errand)))
        first.addCallback(lambda _: second.cancel())
        self.begun[0].callback("a")
        self.successResultOf(first)
        self.failureResultOf(second, CancelledError)
        self.begun[1].callback("b")
        self.assertEqual(self.successResultOf(again[0]), "b")

    def test_a_failure_that_nobody_waits_for(self) -> None:
        """It is in the log."""
        leaving = self.flight.join(self.errand)
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.begun[0].errback(ValueError())
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_landed(self) -> None:
        """At once where nothing is under way; else with the rest, even if it fails."""
        self.successResultOf(self.flight.landed())
        waiting = self.flight.join(self.errand)
        landed = self.flight.landed()
        self.assertNoResult(landed)
        self.begun[0].errback(ValueError())
        self.successResultOf(landed)
        self.failureResultOf(waiting, ValueError)
