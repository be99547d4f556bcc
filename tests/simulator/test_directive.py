"""Directives inside a message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.directive import (
    BadDirective,
    directed,
    with_settings,
    without_directive,
)
from chatmockd.simulator.faults import Faults, names


class DirectedTests(SynchronousTestCase):
    """What a message asks for."""

    def test_settings(self) -> None:
        """Names with and without values, quotes around spaces."""
        faults = directed(
            'Say hi. [[simulate: close=4001 after=3 reason="not today, no" binary]]',
            Faults(),
        )
        self.assertEqual(
            faults,
            Faults(close=4001, after=3, reason="not today, no", binary=True),
        )

    def test_what_is_set_already_stays(self) -> None:
        """A directive changes what it names, in a copy."""
        before = Faults(pace_s=0.5, close=1000)
        self.assertEqual(
            directed("[[simulate: close=1011]]", before), Faults(pace_s=0.5, close=1011)
        )
        self.assertEqual(before.close, 1000)

    def test_no_directive(self) -> None:
        """Ordinary text asks for nothing, brackets or not."""
        for text in ("", "hello", "a[[1]]", "[[wiki]] simulate: close"):
            self.assertEqual(directed(text, Faults(drop=True)), Faults(drop=True))

    def test_an_unknown_name_is_told_the_known_ones(self) -> None:
        """Nobody has to read the source to find the next try."""
        problem = self.assertRaises(
            BadDirective, directed, "[[simulate: clos=1011]]", Faults()
        )
        for name in ("clos", *names(turn_only=True)):
            self.assertIn(name, str(problem))

    def test_malformed(self) -> None:
        """Whatever the grammar does not know is refused."""
        for text in (
            "[[simulate: close=1011",
            "[[simulate:]]",
            "[[simulate:   ]]",
            "[[simulate: close=]]",
            "[[simulate: close=1011,after=3]]",
            "[[simulate: close =1011]]",
            '[[simulate: reason="open]]',
            '[[simulate: reason="a"b]]',
            "[[simulate: close=1011 close=1012]]",
            "[[simulate: close=1006]]",
            "[[simulate: refuse=429]]",
            "[[simulate: drop]] and [[simulate: silent]]",
            "[[simulate: drop]] and [[simulate: silent",
        ):
            with self.subTest(text=text):
                self.assertRaises(BadDirective, directed, text, Faults())

    @given(st.text(alphabet='[]simulate: =1"after\nx', max_size=40))
    def test_any_text(self, text: str) -> None:
        """Nothing but a refusal comes of strange text."""
        try:
            directed("[[simulate:" + text, Faults())
        except BadDirective as problem:
            self.assertTrue(str(problem))

    def test_the_model_does_not_see_it(self) -> None:
        """A directive is no part of what the user says."""
        self.assertEqual(
            without_directive("Say hi.\n[[simulate: drop]]"),
            "Say hi.",
        )


class WithSettingsTests(SynchronousTestCase):
    """The same grammar on a command line."""

    def test_everything_may_be_set(self) -> None:
        """There, the connection's switches are known too."""
        self.assertEqual(
            with_settings("refuse=429 pace_s=0.1", Faults(), turn_only=False),
            Faults(refuse=429, pace_s=0.1),
        )
