"""What was used, by day and model, and how many nodes there are."""

from __future__ import annotations

from chatmockd.core.usage import Spent, Usage
from tests.store.suite.verbs import StoreVerbs, completed, opening

DAY = 86_400.0
ONE = Usage(1, 10, 4, 7, 5)


class UsageSuite(StoreVerbs):
    """Usage is counted with the end of a turn."""

    def spent(self, since: float = 0.0, owner: str = "alice") -> list[Spent]:
        """What was used since then."""
        return self.result(self.store.usage(owner, since))

    def test_usage_by_day_and_model(self) -> None:
        """A day is one in UTC, and begins with its first second."""
        for name, model, ended in (
            ("resp_1", "gpt-5", DAY - 0.5),
            ("resp_2", "gpt-5", DAY),
            ("resp_3", "gpt-5", DAY + 5),
            ("resp_4", "gpt-4", DAY + 5),
        ):
            number = self.result(self.store.journal(opening(model=model)))
            end = completed(name, ended=ended, usage=ONE)
            self.result(self.store.end(number, end))
        today = [
            Spent("1970-01-02", "gpt-4", ONE),
            Spent("1970-01-02", "gpt-5", ONE + ONE),
        ]
        self.assertEqual(self.spent(), [Spent("1970-01-01", "gpt-5", ONE), *today])
        self.assertEqual(self.spent(DAY + 40_000), today)
        self.assertEqual(self.spent(owner="bob"), [])

    def test_a_turn_without_usage(self) -> None:
        """Is not counted."""
        self.turn("resp_1")
        self.assertEqual(self.spent(), [])

    def test_usage_of_other_stores(self) -> None:
        """Is added, to the same rows."""
        self.turn("resp_1", usage=ONE)
        self.result(self.store.add_usage("alice", "gpt-5", 50.0, ONE))
        self.assertEqual(self.spent(), [Spent("1970-01-01", "gpt-5", ONE + ONE)])

    def test_usage_outlives_the_turns(self) -> None:
        """What was deleted, or swept, was used all the same."""
        self.turn("resp_1", usage=ONE)
        self.turn("resp_2", usage=ONE)
        self.result(self.store.delete("alice", "resp_1"))
        self.result(self.store.sweep(DAY, 0, 10**12))
        self.assertEqual(self.spent()[0].usage.turns, 2)

    def test_nodes_are_counted(self) -> None:
        """Those that somebody could continue."""
        self.assertEqual(self.result(self.store.count()), 0)
        self.chain("resp_1", "resp_2")
        self.result(self.store.journal(opening()))
        self.assertEqual(self.result(self.store.count()), 2)
        self.result(self.store.delete("alice", "resp_2"))
        self.assertEqual(self.result(self.store.count()), 1)
