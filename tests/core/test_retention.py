"""Which connection serves which marker: the rules, one by one."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.retention import Retention
from chatmockd.errors import NoCapacity, PreviousResponseNotFound, ResponseInFlight

NOTHING = {"connecting": 0, "leased": 0, "retained": 0, "spare": 0}


class RetentionCase(SynchronousTestCase):
    """A table with room for two; connections are letters."""

    def setUp(self) -> None:
        self.table: Retention[str] = Retention(
            max_retained=2, idle_ttl_s=600, max_age_s=3300
        )

    def lease(self, connection: str, now: float = 0) -> list[str]:
        """Open and lease C{connection}; return what was evicted for it."""
        spare, evicted = self.table.reserve()
        assert spare is None
        self.table.opened(connection, now)
        return evicted

    def retain(self, connection: str, tip: str, now: float = 0) -> None:
        """Have C{connection} idle under C{tip}."""
        self.lease(connection, now)
        assert self.table.keep(connection, tip, now) == []

    def expect(self, **counts: int) -> None:
        """All else is nought."""
        self.assertEqual(self.table.counts(), {**NOTHING, **counts})


class FollowUpTests(RetentionCase):
    """A marker leads to the connection that holds it."""

    def test_a_retained_connection(self) -> None:
        """Kept under its response id, found by it, and leased to one."""
        self.retain("a", "resp_1")
        self.expect(retained=1)
        self.assertEqual(self.table.follow_up("resp_1"), "a")
        self.expect(leased=1)

    def test_unknown(self) -> None:
        """Nobody holds it."""
        self.retain("a", "resp_1")
        error = self.assertRaises(
            PreviousResponseNotFound, self.table.follow_up, "resp_2"
        )
        self.assertIn("'resp_2'", str(error))

    def test_already_followed_up(self) -> None:
        """Busy while the follow-up runs; unknown when it is done."""
        self.retain("a", "resp_1")
        self.table.follow_up("resp_1")
        self.assertRaises(ResponseInFlight, self.table.follow_up, "resp_1")
        self.table.keep("a", "resp_2", 1)
        self.assertRaises(PreviousResponseNotFound, self.table.follow_up, "resp_1")
        self.assertEqual(self.table.follow_up("resp_2"), "a")

    def test_the_turn_itself_is_in_flight(self) -> None:
        """A client that is faster than the end of the turn is told to wait."""
        self.lease("a")
        self.table.running("a", "resp_1")
        self.assertRaises(ResponseInFlight, self.table.follow_up, "resp_1")
        self.table.keep("a", "resp_1", 1)
        self.assertEqual(self.table.follow_up("resp_1"), "a")

    def test_a_turn_that_ends_under_another_id(self) -> None:
        """The id that counts is the one at its end."""
        self.lease("a")
        self.table.running("a", "resp_1")
        self.table.keep("a", "resp_2", 1)
        self.assertRaises(PreviousResponseNotFound, self.table.follow_up, "resp_1")
        self.assertEqual(self.table.follow_up("resp_2"), "a")

    def test_a_turn_that_was_named_and_failed(self) -> None:
        """Its id leads nowhere."""
        self.lease("a")
        self.table.running("a", "resp_1")
        self.table.running("a", "resp_2")
        self.assertRaises(PreviousResponseNotFound, self.table.follow_up, "resp_1")
        self.table.forget("a")
        self.assertRaises(PreviousResponseNotFound, self.table.follow_up, "resp_2")

    def test_forgotten(self) -> None:
        """A lost connection takes its marker with it, once."""
        self.retain("a", "resp_1")
        self.assertTrue(self.table.forget("a"))
        self.assertFalse(self.table.forget("a"))
        self.assertRaises(PreviousResponseNotFound, self.table.follow_up, "resp_1")
        self.expect()

    def test_lost_during_its_turn(self) -> None:
        """It is not kept when its turn then ends."""
        self.lease("a")
        self.table.forget("a")
        self.assertEqual(self.table.keep("a", "resp_1", 1), [])
        self.assertEqual(self.table.set_spare("a", 1), [])
        self.table.running("a", "resp_1")
        self.assertRaises(PreviousResponseNotFound, self.table.follow_up, "resp_1")
        self.expect()


class ReserveTests(RetentionCase):
    """Room for a new conversation."""

    def test_an_attempt_counts(self) -> None:
        """What is connecting takes a place, whether it opens or not."""
        self.assertEqual(self.table.reserve(), (None, []))
        self.assertEqual(self.table.reserve(), (None, []))
        self.expect(connecting=2)
        self.assertRaises(NoCapacity, self.table.reserve)
        self.table.not_opened()
        self.expect(connecting=1)
        self.table.opened("a", 0)
        self.expect(leased=1)
        self.assertEqual(self.table.reserve(), (None, []))
        self.assertRaises(NoCapacity, self.table.reserve)

    def test_the_longest_idle_one_goes_first(self) -> None:
        """By when it was last used, not by when it was opened."""
        self.retain("a", "resp_a", now=0)
        self.retain("b", "resp_b", now=1)
        self.table.follow_up("resp_a")
        self.table.keep("a", "resp_a2", 2)
        self.assertEqual(self.lease("c", 3), ["b"])
        self.assertRaises(PreviousResponseNotFound, self.table.follow_up, "resp_b")
        self.assertEqual(self.table.follow_up("resp_a2"), "a")

    def test_only_as_many_as_needed(self) -> None:
        """No eviction while there is room, and one for one after that."""
        self.retain("a", "resp_a")
        self.assertEqual(self.lease("b"), [])
        self.assertEqual(self.lease("c"), ["a"])
        self.expect(leased=2)

    def test_nothing_idle(self) -> None:
        """A turn that runs is never evicted."""
        self.lease("a")
        self.retain("b", "resp_b")
        self.table.follow_up("resp_b")
        error = self.assertRaises(NoCapacity, self.table.reserve)
        assert isinstance(error, NoCapacity)
        self.assertIn("2", str(error))
        self.assertTrue(error.retry_after)
        self.expect(leased=2)


class SpareTests(RetentionCase):
    """A connection in order, whose response nobody can follow up on."""

    def test_given_to_the_next_conversation(self) -> None:
        """It spares a handshake, and makes no room."""
        self.lease("a")
        self.lease("b")
        self.assertEqual(self.table.set_spare("a", 1), [])
        self.expect(leased=1, spare=1)
        self.assertEqual(self.table.reserve(), ("a", []))
        self.expect(leased=2)

    def test_it_loses_its_tip(self) -> None:
        """After a follow-up that was refused, its marker leads nowhere."""
        self.retain("a", "resp_1")
        self.table.follow_up("resp_1")
        self.table.running("a", "resp_2")
        self.table.set_spare("a", 1)
        for marker in ("resp_1", "resp_2"):
            self.assertRaises(PreviousResponseNotFound, self.table.follow_up, marker)

    def test_the_last_used_first(self) -> None:
        """The others grow old in peace."""
        for name, now in (("a", 1), ("b", 2)):
            self.lease(name)
            self.table.set_spare(name, now) if name == "b" else None
        self.table.set_spare("a", 3)
        self.assertEqual(self.table.reserve(), ("a", []))
        self.assertEqual(self.table.reserve(), ("b", []))

    def test_too_old(self) -> None:
        """It is to be closed instead."""
        self.lease("a", now=0)
        self.assertEqual(self.table.set_spare("a", 3300), ["a"])
        self.expect()


class KeepTests(RetentionCase):
    """Two connections cannot hold one id."""

    def test_the_same_id_twice(self) -> None:
        """The later one serves; the earlier one is to be closed, once."""
        self.retain("a", "resp_1")
        self.lease("b")
        self.assertEqual(self.table.keep("b", "resp_1", 1), ["a"])
        self.assertFalse(self.table.forget("a"))
        self.assertEqual(self.table.follow_up("resp_1"), "b")
        self.expect(leased=1)

    def test_the_same_id_while_a_turn_runs_on_it(self) -> None:
        """A client waits for that turn; its connection only loses the name."""
        self.retain("a", "resp_1")
        self.table.follow_up("resp_1")
        self.lease("b")
        self.assertEqual(self.table.keep("b", "resp_1", 1), [])
        self.assertEqual(self.table.follow_up("resp_1"), "b")
        self.assertEqual(self.table.keep("a", "resp_2", 2), [])
        self.assertEqual(self.table.follow_up("resp_2"), "a")

    def test_the_same_id_on_the_same_connection(self) -> None:
        """An upstream that gives one id twice does not close its own socket."""
        self.retain("a", "resp_1")
        self.table.follow_up("resp_1")
        self.assertEqual(self.table.keep("a", "resp_1", 1), [])
        self.assertEqual(self.table.follow_up("resp_1"), "a")

    def test_two_turns_named_alike(self) -> None:
        """The end of one does not make the other's id forgotten."""
        for name in "ab":
            self.lease(name)
            self.table.running(name, "resp_1")
        self.table.forget("a")
        self.assertRaises(ResponseInFlight, self.table.follow_up, "resp_1")

    def test_too_old(self) -> None:
        """A connection that is past its age when its turn ends is to be closed."""
        self.lease("a", now=0)
        self.lease("b", now=0.5)
        self.table.running("a", "resp_1")
        self.assertEqual(self.table.keep("a", "resp_1", 3300), ["a"])
        self.assertEqual(self.table.keep("b", "resp_2", 3300), [])
        self.assertRaises(PreviousResponseNotFound, self.table.follow_up, "resp_1")
        self.expect(retained=1)


class ExpireTests(RetentionCase):
    """Nothing stays for ever."""

    def test_idle_too_long(self) -> None:
        """Counted from when it was last used."""
        self.retain("a", "resp_1", now=0)
        self.table.follow_up("resp_1")
        self.table.keep("a", "resp_2", 100)
        self.assertEqual(self.table.expire(699), [])
        self.assertEqual(self.table.expire(700), ["a"])
        self.assertEqual(self.table.expire(701), [])
        self.assertRaises(PreviousResponseNotFound, self.table.follow_up, "resp_2")

    def test_too_old(self) -> None:
        """Counted from when it was opened, however lately it was used."""
        self.lease("a", now=0)
        self.table.keep("a", "resp_1", 3299)
        self.assertEqual(self.table.expire(3299), [])
        self.assertEqual(self.table.expire(3300), ["a"])

    def test_spare_ones_too(self) -> None:
        """They are idle like the others."""
        self.lease("a", now=0)
        self.table.set_spare("a", 0)
        self.assertEqual(self.table.idle(), ["a"])
        self.assertEqual(self.table.expire(600), ["a"])
        self.expect()

    def test_a_running_turn_is_let_be(self) -> None:
        """Age is looked at when it has ended."""
        self.retain("a", "resp_1", now=0)
        self.table.follow_up("resp_1")
        self.assertEqual(self.table.idle(), [])
        self.assertEqual(self.table.expire(10**6), [])
        self.expect(leased=1)
