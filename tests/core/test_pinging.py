"""Silence, questions, and when they are over."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.pinging import Pinging


class PingingTests(SynchronousTestCase):
    """A connection that is asked after 20 s of silence."""

    def setUp(self) -> None:
        self.pinging = Pinging(20, 100)

    def asked_at(self, *times: float) -> list[float]:
        """At which of these looks it is asked."""
        return [now for now in times if self.pinging.is_due(now)]

    def test_silence(self) -> None:
        """It is asked once, is late after five seconds, and over after twenty."""
        self.assertEqual(self.asked_at(*range(101, 140)), [120])
        for now, late, over in (
            (120, False, False),
            (124.9, False, False),
            (125, True, False),
            (139, True, False),
            (140, True, True),
        ):
            self.assertEqual(
                (self.pinging.is_late(now), self.pinging.is_over(now)), (late, over)
            )

    def test_an_answer(self) -> None:
        """Anything that comes is one; the silence begins anew."""
        self.assertEqual(self.asked_at(120), [120])
        self.pinging.heard = 121
        self.assertFalse(self.pinging.is_late(130))
        self.assertEqual(self.asked_at(*range(122, 150)), [141])

    def test_nothing_was_asked(self) -> None:
        """Then nothing can be late."""
        self.assertFalse(self.pinging.is_late(1000))
        self.assertFalse(self.pinging.is_over(1000))

    def test_trust(self) -> None:
        """What shows that it is there takes the question back."""
        self.asked_at(120)
        self.pinging.trust(121)
        self.assertFalse(self.pinging.is_late(140))
        self.assertEqual(self.asked_at(*range(122, 150)), [141])

    def test_doubt(self) -> None:
        """It is asked at the next look, even if it has been before."""
        for _ in range(2):
            self.pinging.doubt(101)
            self.assertEqual(self.asked_at(101, 102), [101])

    def test_never(self) -> None:
        """With an interval of 0."""
        self.pinging = Pinging(0, 100)
        self.pinging.doubt(100)
        self.assertEqual(self.asked_at(*range(100, 200)), [])
        self.assertFalse(self.pinging.is_late(200) or self.pinging.is_over(200))
