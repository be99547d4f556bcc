"""Response ids and idempotency keys that come twice."""

from __future__ import annotations

from chatmockd.errors import IdempotencyUnknown
from chatmockd.store.contract import Ending
from tests.store.suite.verbs import StoreVerbs, completed, digest_of, opening


class TwiceSuite(StoreVerbs):
    """Ids and keys that come twice."""

    def test_a_response_id_that_comes_twice(self) -> None:
        """It names the newer turn; the older one stays what others continue."""
        old = self.turn("resp_1", text="Old")
        after = self.turn("resp_2", old)
        new = self.turn("resp_1", text="New", digest=digest_of("new"))
        self.assertEqual(self.found("resp_1").number, new)
        self.assertEqual(self.said_on(after), ["Old", "Hi", "resp_2", "Hi"])
        self.assertEqual(self.matching("resp_1", "new"), ["resp_1"])

    def test_an_idempotency_key_stands_for_one_turn(self) -> None:
        """A repetition is refused, and what became of the first can be seen."""
        first = self.begun(idempotency_key="key", body_hash=b"hash")
        with self.assertRaises(IdempotencyUnknown):
            self.begun(idempotency_key="key", body_hash=b"other")
        self.result(self.store.end(first, completed("resp_1")))
        with self.assertRaises(IdempotencyUnknown):
            self.begun(idempotency_key="key")
        record = self.result(self.store.keyed("alice", "key"))
        assert record is not None
        self.assertEqual(record, self.found("resp_1"))
        self.assertEqual(record.body_hash, b"hash")

    def test_a_key_that_is_asked_for_twice_at_once(self) -> None:
        """Of two requests that do not wait for each other one begins a turn."""
        asked = [
            self.store.journal(opening(idempotency_key="key", response_id=name))
            for name in ("resp_1", "resp_2")
        ]
        self.result(asked[0])
        with self.assertRaises(IdempotencyUnknown):
            self.result(asked[1])
        self.assertEqual(self.kept("resp_1", "resp_2"), ["resp_1"])

    def test_a_turn_that_frees_its_key(self) -> None:
        """Nothing was done: the same request may be made again under the key."""
        number = self.begun(idempotency_key="key", response_id="resp_1")
        ending = Ending("failed", 101.0, frees_key=True)
        self.result(self.store.end(number, ending))
        self.assertIsNone(self.result(self.store.keyed("alice", "key")))
        self.assertEqual(self.found("resp_1").state, "failed")
        self.begun(idempotency_key="key")

    def test_turns_without_a_key(self) -> None:
        """There may be many."""
        self.assertNotEqual(self.begun(), self.begun())
