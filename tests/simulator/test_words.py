"""Text in token-sized pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.words import count, filler, pieces


class PiecesTests(SynchronousTestCase):
    """What is streamed is what was said."""

    @given(st.text())
    def test_nothing_is_lost(self, text: str) -> None:
        """The pieces join to the text, and there are as many as it counts for."""
        self.assertEqual("".join(pieces(text)), text)
        self.assertEqual(count(text), len(pieces(text)))

    def test_words(self) -> None:
        """A space goes with the word behind it; long words are cut."""
        self.assertEqual(pieces("a bc, extraordinarily"), ["a", " bc", ",", *_LONG])

    def test_filler(self) -> None:
        """Exactly as many words as asked for."""
        for number in (0, 1, 19, 1000):
            self.assertEqual(len(filler(number).split()), number)


_LONG = [" extraordinar", "ily"]
