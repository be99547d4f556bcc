"""The states of a connection, in any order of events."""

from __future__ import annotations

from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.errors import ChatmockdError
from chatmockd.upstream.states import Phase, Steps, connection_phase


class StatesTests(SynchronousTestCase):
    """What is done on which input."""

    def setUp(self) -> None:
        super().setUp()
        self.done: list[str] = []
        self.phase = self.fresh()

    def fresh(self) -> Phase:
        self.done = done = []
        return connection_phase(
            Steps(
                tell_opened=lambda: done.append("opened"),
                tell_refused=lambda error: done.append(f"refused {error}"),
                tell_ended=lambda what: done.append(f"ended {what}"),
                tell_gone=lambda: done.append("gone"),
                shut=lambda abort: done.append("abort" if abort else "shut"),
                drop=lambda: done.append("drop"),
            )
        )

    def play(self, phase: Phase, word: str) -> None:
        {
            "opened": phase.opened,
            "refused": lambda: phase.refused(ChatmockdError("no")),
            "close": lambda: phase.close(False),
            "abort": lambda: phase.close(True),
            "ended": lambda: phase.ended("x"),
            "lost": phase.lost,
        }[word]()

    def test_lives(self) -> None:
        """Each row: what happens, and what is done about it."""
        rows = {
            "opened close ended lost": "opened shut gone",
            "refused lost": "drop refused no gone",
            "close lost refused": "drop gone",
            "close opened lost": "drop gone",
            "opened ended close lost": "opened ended x gone",
            "opened abort close ended lost lost": "opened abort gone",
        }
        for words, expected in rows.items():
            phase = self.fresh()
            for word in words.split():
                self.play(phase, word)
            self.assertEqual(" ".join(self.done), expected, words)

    def test_whatever_comes_it_is_closed_and_gone_at_most_once(self) -> None:
        """All sequences of what other parties may do, after each way to begin."""
        words = ("opened", "close", "abort", "ended", "lost")
        for start in ("", "opened"):
            for sequence in product(words, repeat=5):
                phase = self.fresh()
                for word in start.split():
                    self.play(phase, word)
                ended = False
                for word in sequence:
                    # An upgrade is through once, and a transport that is lost has
                    # ended before.
                    if word == "opened" and (ended or "opened" in self.done):
                        continue
                    if word == "lost" and not ended:
                        self.play(phase, "refused")
                        self.play(phase, "ended")
                        ended = True
                    self.play(phase, word)
                ends = [d for d in self.done if d in ("shut", "abort", "drop")]
                told = [d for d in self.done if d.startswith("ended")]
                self.assertLessEqual(len(ends) + len(told), 1, (start, sequence))
                self.assertLessEqual(self.done.count("gone"), 1)
