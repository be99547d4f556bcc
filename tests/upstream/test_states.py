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
                tell_bearer=lambda what: done.append(f"bearer {what}"),
                tell_unusable=lambda: done.append("unusable"),
                tell_gone=lambda: done.append("gone"),
                tell_stray=lambda frames: done.append("stray"),
                shut=lambda abort: done.append("abort" if abort else "shut"),
                drop=lambda: done.append("drop"),
            )
        )

    def play(self, phase: Phase, word: str) -> None:
        {
            "opened": phase.opened,
            "refused": lambda: phase.refused(ChatmockdError("no")),
            "lease": phase.lease,
            "release": phase.release,
            "close": lambda: phase.close(False),
            "abort": lambda: phase.close(True),
            "ended": lambda: phase.ended("x"),
            "lost": phase.lost,
            "stray": lambda: phase.stray([]),
        }[word]()

    def test_lives(self) -> None:
        """Each row: what happens, and what is done about it."""
        rows = {
            "opened release lease release close ended lost": "opened shut gone",
            "refused lost": "drop refused no gone",
            "close lost refused": "drop gone",
            "close opened lost": "drop gone",
            "opened ended lost": "opened bearer x gone",
            "opened release ended lost": "opened unusable gone",
            "opened stray release stray close stray": "opened stray shut",
            "opened abort close ended lost lost": "opened abort gone",
        }
        for words, expected in rows.items():
            phase = self.fresh()
            for word in words.split():
                self.play(phase, word)
            self.assertEqual(" ".join(self.done), expected, words)

    def test_it_is_leased_once(self) -> None:
        """Only an idle connection can be leased."""
        self.assertFalse(self.phase.lease())
        self.phase.opened()
        self.assertFalse(self.phase.lease())
        self.phase.release()
        self.assertTrue(self.phase.lease())
        self.assertFalse(self.phase.lease())
        self.phase.close(False)
        self.assertFalse(self.phase.lease())

    def test_whatever_comes_it_is_closed_and_gone_at_most_once(self) -> None:
        """All sequences of what other parties may do, after each way to begin."""
        words = ("close", "abort", "ended", "stray", "lost")
        for start in ("", "opened", "opened release"):
            for sequence in product(words, repeat=4):
                phase = self.fresh()
                for word in start.split():
                    self.play(phase, word)
                ended = False
                for word in sequence:
                    # A transport is lost once, and says before that it ended.
                    if word == "lost":
                        if not ended:
                            self.play(phase, "refused")
                            self.play(phase, "ended")
                        ended = True
                    self.play(phase, word)
                ends = [d for d in self.done if d in ("shut", "abort", "drop")]
                told = [d for d in self.done if d.startswith(("bearer", "unusable"))]
                self.assertLessEqual(len(ends) + len(told), 1, (start, sequence))
                self.assertLessEqual(self.done.count("gone"), 1)
