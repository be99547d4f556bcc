"""Something that happens now and then, and whoever waits for it."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.occasion import Occasion


class OccasionTests(SynchronousTestCase):
    """Who is told, and when."""

    def setUp(self) -> None:
        self.occasion = Occasion()

    def test_all_who_wait_are_told(self) -> None:
        """In the order in which they came."""
        told: list[str] = []
        for name in ("first", "second"):
            self.occasion.wait().addCallback(lambda _, name=name: told.append(name))
        self.assertTrue(self.occasion.is_awaited)
        self.assertEqual(told, [])
        self.occasion.happen()
        self.assertEqual(told, ["first", "second"])
        self.assertFalse(self.occasion.is_awaited)

    def test_who_comes_later_waits_for_the_next_time(self) -> None:
        """Also who comes because of this time."""
        self.occasion.happen()
        first = self.occasion.wait()
        again = first.addCallback(lambda _: self.occasion.wait())
        self.occasion.happen()
        self.assertNoResult(again)
        self.occasion.happen()
        self.successResultOf(again)

    def test_leaving(self) -> None:
        """It ends the waiting of one, and of nobody else."""
        leaving, staying = self.occasion.wait(), self.occasion.wait()
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.occasion.happen()
        self.successResultOf(staying)

    def test_leaving_because_of_another(self) -> None:
        """What the first does about it keeps it from nobody who stays."""
        first, second, third = (self.occasion.wait() for _ in range(3))
        first.addCallback(lambda _: second.cancel())
        self.occasion.happen()
        self.successResultOf(first)
        self.failureResultOf(second, CancelledError)
        self.successResultOf(third)
