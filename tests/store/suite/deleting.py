"""What is gone when a turn has been deleted, and what stays for others."""

from __future__ import annotations

import msgspec

from chatmockd.store.contract import ParentGone
from tests.core.cases import case
from tests.store.suite.verbs import StoreVerbs, completed, said


class DeletingSuite(StoreVerbs):
    """What is deleted, and what stays for others."""

    def test_a_deleted_turn_is_gone(self) -> None:
        """Nothing leads to it any more, and its key may be used again."""
        number = self.begun(idempotency_key="key")
        self.result(self.store.end(number, completed("resp_1")))
        store = self.store
        self.assertTrue(self.result(store.delete("alice", "resp_1")))
        self.assert_unreachable("resp_1")
        self.assertEqual(self.result(store.path(number)), ([], None))
        self.assertFalse(self.result(store.delete("alice", "resp_1")))
        self.begun(idempotency_key="key")

    def test_a_parent_that_is_gone(self) -> None:
        """A turn does not hang in the air, where no sweep would find it."""
        (number,) = self.chain("only")
        self.result(self.store.delete("alice", "only"))
        with self.assertRaises(ParentGone):
            self.begun(parent=number)

    def test_an_item_that_came_again(self) -> None:
        """It is known as long as one of the turns that had it."""
        for response_id in ("first", "second"):
            number = self.begun(input=msgspec.json.encode([said("user", "?", id="m")]))
            ending = completed(response_id, items=["m"])
            self.result(self.store.end(number, ending))
        self.result(self.store.delete("alice", "second"))
        self.assertEqual(list(self.result(self.store.items("alice", ["m"]))), ["m"])

    def test_deleting_what_others_continue(self) -> None:
        """It cannot be reached any more, but stays in the path of those."""
        for place in (0, 1):
            with case(place=place):
                names = [f"{place}_{name}" for name in ("first", "middle", "last")]
                response_id = names[place]
                numbers = self.chain(*names)
                whole = self.said_on(numbers[-1])
                self.assertTrue(self.result(self.store.delete("alice", response_id)))
                self.assert_unreachable(response_id)
                self.assertEqual(self.said_on(numbers[-1]), whole)
                self.assertFalse(self.result(self.store.delete("alice", response_id)))

    def test_the_key_of_a_deleted_turn_that_others_continue(self) -> None:
        """It may be used again."""
        number = self.begun(idempotency_key="key")
        self.result(self.store.end(number, completed("first")))
        self.turn("second", number)
        self.assertTrue(self.result(self.store.delete("alice", "first")))
        self.assertIsNone(self.result(self.store.keyed("alice", "key")))
        self.begun(idempotency_key="key")

    def test_what_was_kept_only_for_others_goes_with_the_last(self) -> None:
        """A deleted turn takes no room when nothing continues it any more."""
        first, second, third = self.chain("first", "second", "third")
        branch = self.turn("branch", first)
        for response_id in ("first", "second"):
            self.result(self.store.delete("alice", response_id))
        self.result(self.store.delete("alice", "third"))
        self.assertEqual(self.said_on(third), [])
        self.assertEqual(self.said_on(second), [])
        self.assertEqual(self.said_on(branch), ["first", "Hi", "branch", "Hi"])
        self.result(self.store.delete("alice", "branch"))
        self.assertEqual(self.said_on(first), [])

    def test_deleting_a_leaf_leaves_what_it_continued(self) -> None:
        """The turns before it keep their names."""
        first, _ = self.chain("first", "second")
        self.result(self.store.delete("alice", "second"))
        self.assertEqual(self.found("first").number, first)
        self.assertEqual(self.said_on(first), ["first", "Hi"])
