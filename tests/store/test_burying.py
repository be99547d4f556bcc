"""What becomes of turns that a daemon left behind when it died."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.errors import IdempotencyUnknown
from tests.core.cases import case
from tests.store.on_disk import OnDisk
from tests.store.suite.verbs import NEVER


class BuryTests(OnDisk, SynchronousTestCase):
    """What becomes of turns that a daemon left behind when it died."""

    def leave(self, response_id: str, key: str | None, *, sent: bool) -> int:
        """A turn that was in flight at that moment; its number."""
        number = self.begun(response_id=response_id, idempotency_key=key)
        if sent:
            self.result(self.store.mark_sent(number))
        return number

    def bury(self) -> None:
        """Do as the daemon does when it starts."""
        self.result(self.store.bury())

    def test_a_turn_that_may_have_been_sent(self) -> None:
        """Nobody knows; its key is not good for another attempt."""
        self.leave("resp_1", "key", sent=True)
        self.reopen()
        self.bury()
        self.assertEqual(self.found("resp_1").state, "unknown")
        with self.assertRaises(IdempotencyUnknown):
            self.begun(idempotency_key="key")
        keyed = self.result(self.store.keyed("alice", "key"))
        self.assertEqual(keyed, self.found("resp_1"))

    def test_a_turn_with_a_key_that_was_not_sent(self) -> None:
        """It is abandoned, and may be asked for again under its key."""
        self.leave("resp_1", "key", sent=False)
        self.reopen()
        self.bury()
        self.assertEqual(self.found("resp_1").state, "abandoned")
        self.assertIsNone(self.result(self.store.keyed("alice", "key")))
        self.begun(idempotency_key="key")

    def test_turns_without_a_key(self) -> None:
        """They need not have been marked when they were sent: nobody knows."""
        self.leave("resp_1", None, sent=False)
        self.leave("resp_2", None, sent=True)
        self.reopen()
        self.bury()
        for response_id in ("resp_1", "resp_2"):
            with case(response_id=response_id):
                self.assertEqual(self.found(response_id).state, "unknown")

    def test_turns_that_ended_stay_as_they_are(self) -> None:
        """Only those in flight are buried."""
        self.turn("resp_1")
        self.turn("resp_2", state="failed", digest=None)
        self.reopen()
        self.bury()
        self.assertEqual(self.found("resp_1").state, "completed")
        self.assertEqual(self.found("resp_2").state, "failed")

    def test_turns_of_this_daemon_stay_as_they_are(self) -> None:
        """They are in flight."""
        self.leave("resp_1", "key", sent=False)
        self.leave("resp_2", None, sent=True)
        self.bury()
        self.assertEqual(self.found("resp_1").state, "pending")
        self.assertEqual(self.found("resp_2").state, "sent")

    def test_a_buried_turn_can_be_swept(self) -> None:
        """It is not in flight, and so holds its tree no longer."""
        parent = self.turn("resp_1")
        self.begun(parent=parent, response_id="resp_2")
        self.reopen()
        self.assertEqual(self.result(self.store.sweep(1000.0, NEVER, 10**9)), 0)
        self.bury()
        self.assertEqual(self.result(self.store.sweep(1000.0, NEVER, 10**9)), 2)
