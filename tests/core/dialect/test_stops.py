"""Where a text ends that has stop sequences."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.stops import Stops
from tests.core.cases import case


def cut(stops: list[str], *deltas: str) -> tuple[list[str], bool]:
    """What is said of these deltas, the rest included, and whether a stop came."""
    cutting = Stops(stops)
    said = [cutting.feed(delta) for delta in deltas]
    return [*said, cutting.rest()], cutting.found


class StopsTests(SynchronousTestCase):
    """Sequences, whole and in pieces."""

    def test_cases(self) -> None:
        """Nothing is held back that can be no beginning of one."""
        for stops, deltas, said, found in (
            ([], ["a"], ["a", ""], False),
            (["x"], ["ab", "c"], ["ab", "c", ""], False),
            (["x"], ["axb", "c"], ["a", "", ""], True),
            (["end"], ["the e", "nd is", "x"], ["the ", "", "", ""], True),
            (["end"], ["the e", "xit"], ["the ", "exit", ""], False),
            (["end"], ["the en"], ["the ", "en"], False),
            (["\n\n"], ["a\n", "b\n", "\n"], ["a", "\nb", "", ""], True),
            (["abc", "b"], ["abc"], ["a", ""], True),
            (["aab"], ["aaa", "b"], ["a", "", ""], True),
        ):
            with case(stops=stops, deltas=deltas):
                self.assertEqual(cut(stops, *deltas), (said, found))

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(st.text("ab", min_size=1, max_size=4), max_size=4),
        st.lists(st.text("ab", max_size=4), max_size=8),
    )
    def test_any_cut(self, stops: list[str], deltas: list[str]) -> None:
        """How the text is cut into deltas makes no difference."""
        said, found = cut(stops, *deltas)
        whole, found_at_once = cut(stops, "".join(deltas))
        self.assertEqual(("".join(said), found), ("".join(whole), found_at_once))
        for stop in stops:
            self.assertNotIn(stop, "".join(said))
