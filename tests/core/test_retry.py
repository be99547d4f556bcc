"""L{chatmockd.core.retry}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.retry import RetryBudget, delay, may_help
from tests.core.cases import case


class RetryBudgetTests(SynchronousTestCase):
    """Retries stay a small part of what is asked."""

    def taken(self, budget: RetryBudget, now: float, tries: int = 1000) -> int:
        """How many of so many retries are allowed."""
        return sum(budget.take(now) for _ in range(tries))

    def test_a_few_are_always_allowed(self) -> None:
        """Somebody who asks twice an hour gets his retry."""
        budget = RetryBudget()
        budget.asked(0.0)
        self.assertEqual(self.taken(budget, 0.0), 3)

    def test_a_fifth_of_many(self) -> None:
        """When all fail, one in five is tried again."""
        budget = RetryBudget()
        for _ in range(100):
            budget.asked(5.0)
        self.assertEqual(self.taken(budget, 7.0), 20)

    def test_a_minute_later_it_is_full_again(self) -> None:
        """What was used up long ago does not count."""
        budget = RetryBudget()
        self.assertEqual(self.taken(budget, 0.0), 3)
        for now, count in ((49.0, 0), (61.0, 3), (100.0, 0), (1e6, 3)):
            with case(now=now):
                self.assertEqual(self.taken(budget, now), count)

    def test_it_remembers_a_minute_only(self) -> None:
        """Of a clock that jumps, too."""
        budget = RetryBudget()
        for now in (0.0, 1e9, 5.0, 1e12, 15.0):
            budget.asked(now)
            budget.take(now)
        self.assertLessEqual(len(budget._asked), 2)
        self.assertEqual(self.taken(budget, 15.0), 2)


class DelayTests(SynchronousTestCase):
    """The wait before a retry."""

    def test_anywhere_below_half_a_second(self) -> None:
        """Spread over the whole of it."""
        self.assertEqual(delay(0.0), 0.0)
        self.assertEqual(delay(0.5), 0.25)
        self.assertEqual(delay(1.0), 0.5)


class MayHelpTests(SynchronousTestCase):
    """Which failures are worth another try."""

    def test_what_passes(self) -> None:
        """A refused connection may be taken a moment later; a certificate stays bad."""
        for phase, seconds, helps in (
            ("connect", 0.0, True),
            ("DNS", 1.0, True),
            ("WebSocket upgrade", 1.9, True),
            ("connect", 10.0, False),
            ("TLS", 0.0, False),
            ("proxy", 0.0, False),
        ):
            with case(phase=phase, seconds=seconds):
                self.assertIs(may_help(phase, seconds), helps)
