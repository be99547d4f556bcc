"""How much room turns take, and which go to make room for others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tests.store.suite.verbs import NEVER, NO_LIMIT, StoreVerbs, completed


class SweepingSuite(StoreVerbs):
    """Which trees go, and which stay."""

    def test_old_trees_are_swept_whole(self) -> None:
        """Those in which nothing happened for long; they are counted by turns."""
        old = self.chain("old_1", "old_2", at=100.0)
        self.chain("new", at=500.0)
        self.assertEqual(self.result(self.store.sweep(400.0, NEVER, NO_LIMIT)), 2)
        self.assertEqual(self.kept("old_1", "old_2", "new"), ["new"])
        self.assertEqual(self.said_on(old[-1]), [])
        wanted = ["msg_of_old_1", "msg_of_new"]
        known = self.result(self.store.items("alice", wanted))
        self.assertEqual(list(known), ["msg_of_new"])

    def test_trees_that_begin_where_others_were_swept(self) -> None:
        """They are trees of their own, and go as such."""
        for number in range(3):
            at = 1000.0 * number
            first, second = f"first_{number}", f"second_{number}"
            self.chain(first, second, at=at)
            self.turn("other", at=at + 500)
            self.assertEqual(
                self.result(self.store.sweep(at + 100, NEVER, NO_LIMIT)), 2
            )
            self.assertEqual(self.kept(first, second, "other"), ["other"])
            self.assertEqual(
                self.result(self.store.sweep(at + 600, NEVER, NO_LIMIT)), 1
            )

    def test_an_old_turn_that_was_continued_lately_stays(self) -> None:
        """A tree is as old as the latest that happened in it, in any branch."""
        first, second = self.chain("first", "second", at=100.0)
        self.turn("branch", first, at=500.0)
        self.assertEqual(self.result(self.store.sweep(400.0, NEVER, NO_LIMIT)), 0)
        self.assertEqual(self.said_on(second), ["first", "Hi", "second", "Hi"])

    def test_a_turn_counts_from_its_end(self) -> None:
        """One that took long is not old because it began long ago."""
        self.turn("long", at=100.0, ended=450.0)
        self.assertEqual(self.result(self.store.sweep(400.0, NEVER, NO_LIMIT)), 0)

    def test_trees_with_a_turn_in_flight_are_never_swept(self) -> None:
        """Neither for their age nor for their size, and until the turn ends."""
        pending = self.turn("pending", at=100.0)
        sent = self.turn("sent", at=100.0)
        self.turn("idle", at=100.0)
        waiting = self.begun(parent=pending)
        going = self.begun(parent=sent)
        self.result(self.store.mark_sent(going))
        self.assertEqual(self.result(self.store.sweep(400.0, NEVER, 0)), 1)
        self.assertEqual(self.kept("pending", "sent", "idle"), ["pending", "sent"])
        for number, name in ((waiting, "end_1"), (going, "end_2")):
            self.result(self.store.end(number, completed(name)))
        self.assertEqual(self.said_on(waiting), ["pending", "Hi", "Hello", "Hi"])
        self.assertEqual(self.result(self.store.sweep(400.0, NEVER, 0)), 4)

    def test_the_oldest_trees_make_room_first(self) -> None:
        """As many as it takes, and no more than that and a little."""
        names = [f"tree_{number}" for number in range(10)]
        trees = [
            self.turn(name, at=100.0 + number, text="x" * 50_000)
            for number, name in enumerate(names)
        ]
        self.turn("late", trees[0], at=500.0)  # so the first tree is the newest
        size = self.result(self.store.size())
        limit = size * 3 // 4
        deleted = self.result(self.store.sweep(NEVER, NEVER, limit))
        self.assertEqual(self.kept(*names), [names[0], *names[deleted + 1 :]])
        self.assertIn(deleted, range(2, 6))
        self.assertEqual(self.kept("late"), ["late"])
        self.assertLessEqual(self.result(self.store.size()), limit)

    def test_nothing_goes_while_there_is_room(self) -> None:
        """A store that takes just what it may is left alone."""
        self.turn("resp_1")
        size = self.result(self.store.size())
        self.assertEqual(self.result(self.store.sweep(NEVER, NEVER, size)), 0)
        self.assertEqual(self.kept("resp_1"), ["resp_1"])

    def test_keys_are_forgotten_before_turns(self) -> None:
        """Old ones may be used again; the turns stay. Those in flight keep theirs."""
        for key, began in (("old", 100.0), ("new", 300.0)):
            number = self.begun(idempotency_key=key, body_hash=b"hash", began=began)
            self.result(self.store.end(number, completed(key)))
        self.begun(idempotency_key="running", began=100.0)
        self.assertEqual(self.result(self.store.sweep(NEVER, 200.0, NO_LIMIT)), 0)
        keyed = self.store.keyed
        self.assertIsNone(self.result(keyed("alice", "old")))
        self.assertIsNotNone(self.result(keyed("alice", "new")))
        self.assertIsNotNone(self.result(keyed("alice", "running")))
        self.assertIsNone(self.found("old").body_hash)
        self.begun(idempotency_key="old")


class SizeSuite(StoreVerbs):
    """How much room is taken."""

    def test_deleting_makes_room(self) -> None:
        """What is deleted does not count any more."""
        before = self.result(self.store.size())
        self.turn("resp_1", text="x" * 200_000)
        full = self.result(self.store.size())
        self.assertGreater(full - before, 180_000)
        self.result(self.store.delete("alice", "resp_1"))
        self.assertLess(self.result(self.store.size()) - before, 50_000)

    def test_size_grows_with_what_is_added(self) -> None:
        """A long conversation's turns cost what they add, not what came before."""
        sizes = self._sizes(turns=200, every=50)
        growth = [after - before for before, after in pairwise(sizes)]
        self.assertLess(max(growth), 1.5 * min(growth), f"{growth}")
        self.assertLess(sizes[-1] - sizes[0], 200 * 6_000)

    def _sizes(self, turns: int, every: int) -> Sequence[int]:
        """The sizes over one conversation of turns that each add 2,000 characters."""
        sizes = [self.result(self.store.size())]
        parent: int | None = None
        for number in range(1, turns + 1):
            parent = self.turn(f"resp_{number}", parent, text="x" * 2_000)
            if number % every == 0:
                sizes.append(self.result(self.store.size()))
        return sizes
