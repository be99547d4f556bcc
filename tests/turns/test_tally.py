"""Usage without a store."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.usage import Spent, Usage
from chatmockd.turns.tally import Tally


class TallyTests(SynchronousTestCase):
    """By day and model."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_790_035_199)  # the last second of 2026-09-21, UTC
        self.tally = Tally(self.clock.seconds)

    def test_by_day_and_model(self) -> None:
        """Midnight is in UTC."""
        self.tally.add("a", Usage(1, 10))
        self.tally.add("b", Usage(1, 1))
        self.tally.add("a", Usage(1, 5))
        self.clock.advance(1)
        self.tally.add("a", Usage(1, 7))
        today = Spent("2026-09-22", "a", Usage(1, 7))
        self.assertEqual(self.tally.usage(1), [today])
        self.assertEqual(
            self.tally.usage(2),
            [
                Spent("2026-09-21", "a", Usage(2, 15)),
                Spent("2026-09-21", "b", Usage(1, 1)),
                today,
            ],
        )

    def test_it_stays_small(self) -> None:
        """Neither days nor names of models pile up."""
        for day in range(100):
            self.clock.advance(86_400)
            self.tally.add("a", Usage(day))
        self.assertEqual(len(self.tally.usage(1000)), 31)
        for number in range(2000):
            self.tally.add(str(number), Usage(1))
        self.assertEqual(len(self.tally.usage(1)), 1000)
        self.tally.add("a", Usage(1))
        self.assertIn(
            Spent(self.tally.usage(1)[0].day, "a", Usage(100)), self.tally.usage(1)
        )
