"""Durations as OpenAI writes them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.duration import duration, seconds_of
from tests.core.cases import case


class DurationTests(SynchronousTestCase):
    """Both ways."""

    def test_written(self) -> None:
        """From the largest unit that is needed."""
        for seconds, text in (
            (0, "0s"),
            (59.6, "1m0s"),
            (360, "6m0s"),
            (3630, "1h0m30s"),
            (500_000, "138h53m20s"),
            (-5, "0s"),
        ):
            with case(seconds=seconds):
                self.assertEqual(duration(seconds), text)

    def test_read(self) -> None:
        """With fractions and milliseconds; a bare number is seconds."""
        for text, seconds in (
            ("6m0s", 360),
            ("1.5s", 1.5),
            ("120ms", 0.12),
            ("1d2h", 93_600),
            (" 7 ", 7),
            ("", None),
            ("soon", None),
            ("6m!", None),
            ("-1s", None),
            ("9" * 5000, None),
        ):
            with case(text=text):
                self.assertEqual(seconds_of(text), seconds)

    @given(st.integers(0, 10**9))
    def test_what_is_written_can_be_read(self, seconds: int) -> None:
        """And is the same."""
        self.assertEqual(seconds_of(duration(seconds)), seconds)
