"""A turn from its beginning to its end, and the path that it stands on."""

from __future__ import annotations

from chatmockd.core.transcript import Node
from chatmockd.store.contract import Ending, Record, State
from tests.core.cases import case
from tests.store.suite.verbs import StoreVerbs, completed, digest_of, response, said


class TurnsSuite(StoreVerbs):
    """The life of a turn."""

    def test_a_store_begins_empty(self) -> None:
        """Nothing is found where nothing was put."""
        store = self.store
        self.assertIsNone(self.result(store.find("alice", "resp_1")))
        self.assertIsNone(self.result(store.keyed("alice", "key")))
        self.assertIsNone(self.result(store.events("alice", "resp_1")))
        self.assertEqual(self.result(store.path(1)), ([], None))
        self.assertEqual(self.matching("digest"), [])
        self.assertEqual(self.result(store.items("alice", ["msg_1"])), {})
        self.assertFalse(self.result(store.delete("alice", "resp_1")))
        self.assertEqual(self.result(store.sweep(1e12, 1e12, 0)), 0)

    def test_a_turn_on_its_way(self) -> None:
        """A turn is pending when journalled, then sent, and no node before its end."""
        number = self.begun(response_id="resp_1", background=True, body_hash=b"hash")
        pending = Record(
            place=self.place,
            number=number,
            state="pending",
            response_id="resp_1",
            node=None,
            response=None,
            background=True,
            body_hash=b"hash",
            began=100.0,
        )
        self.assertEqual(self.found("resp_1"), pending)
        self.result(self.store.mark_sent(number))
        self.assertEqual(self.found("resp_1").state, "sent")
        self.assertIsNone(self.found("resp_1").node)
        self.assertIsNone(self.result(self.store.events("alice", "resp_1")))

    def test_a_response_before_its_end(self) -> None:
        """What can be said of it when it begins is there until it ends."""
        number = self.begun(response_id="resp_1", response=b'{"status": "queued"}')
        self.result(self.store.mark_sent(number))
        self.assertEqual(self.found("resp_1").response, b'{"status": "queued"}')
        self.result(self.store.end(number, completed("resp_1")))
        self.assertEqual(self.found("resp_1").response, response("resp_1"))

    def test_a_completed_turn_is_a_node(self) -> None:
        """It can be found with all that a follow-up needs, and its response as is."""
        number = self.turn("resp_1")
        record = self.found("resp_1")
        self.assertEqual(record.state, "completed")
        self.assertEqual(record.response, response("resp_1"))
        self.assertFalse(record.background)
        self.assertEqual(
            record.node,
            Node(
                place=self.place,
                number=number,
                response_id="resp_1",
                upstream_id="up_resp_1",
                profile="codex",
                model="gpt-5",
                digest=digest_of("resp_1"),
            ),
        )

    def test_an_id_that_the_upstream_gave(self) -> None:
        """Where the upstream has no other name for it, it goes by the client's."""
        self.turn("resp_1", upstream_id=None)
        node = self.found("resp_1").node
        assert node is not None
        self.assertEqual(node.upstream_id, "resp_1")

    def test_an_id_from_the_beginning_stays(self) -> None:
        """An ending that names no response leaves the turn's id as it was."""
        number = self.begun(response_id="resp_1")
        self.result(self.store.end(number, Ending("failed", 101.0)))
        self.assertEqual(self.found("resp_1").state, "failed")

    def test_turns_that_did_not_complete(self) -> None:
        """They are found, with their response and events, but are no nodes."""
        states: list[State] = ["failed", "cancelled"]
        for state in states:
            with case(state=state):
                self.turn(state, state=state, digest=None)
                record = self.found(state)
                self.assertEqual(record.state, state)
                self.assertIsNone(record.node)
                self.assertEqual(record.response, response(state))
                events = self.result(self.store.events("alice", state))
                self.assertEqual(events, f"data: {state}\n\n".encode())

    def test_what_one_turn_was_given_and_produced(self) -> None:
        """A turn's own items, without those of the turns before it."""
        self.chain("resp_1", "resp_2")
        *_, step = self.result(self.store.path(self.found("resp_2").number))[0]
        self.assertEqual(step.input_items(), [said("user", "resp_2")])
        self.assertEqual(step.response, response("resp_2"))

    def test_a_turn_in_flight_has_produced_nothing(self) -> None:
        """What it was given is known all the same."""
        self.begun(text="Well?", response_id="resp_1")
        (step,) = self.result(self.store.path(self.found("resp_1").number))[0]
        self.assertEqual(step.input_items(), [said("user", "Well?")])
        self.assertEqual(step.output_items(), [])

    def test_events_come_back_whole(self) -> None:
        """Byte for byte as they were given, however many there are."""
        logs = {
            "plain": b"data: {}\n\n",
            "repetitive": b"event: delta\ndata: {}\n\n" * 50_000,
            "any_bytes": bytes(range(256)) * 10,
        }
        for name, events in logs.items():
            with case(name=name):
                self.turn(name, events=events)
                kept = self.result(self.store.events("alice", name))
                self.assertEqual(kept, events)

    def test_a_turn_without_events(self) -> None:
        """Nothing is made up for it."""
        self.turn("resp_1", events=None)
        self.assertIsNone(self.result(self.store.events("alice", "resp_1")))

    def test_the_end_of_a_deleted_turn(self) -> None:
        """Whoever deletes a turn in flight does not get it back when it ends."""
        number = self.begun(response_id="resp_1")
        self.assertTrue(self.result(self.store.delete("alice", "resp_1")))
        self.result(self.store.mark_sent(number))
        self.result(self.store.end(number, completed("resp_1")))
        self.assertIsNone(self.result(self.store.find("alice", "resp_1")))


class PathsSuite(StoreVerbs):
    """What led to a node."""

    def test_a_path_goes_from_the_root(self) -> None:
        """Every step once, in order, and nothing of the other branches."""
        first, second, third = self.chain("resp_1", "resp_2", "resp_3")
        branch = self.turn("branch", second)
        start = ["resp_1", "Hi", "resp_2", "Hi"]
        self.assertEqual(self.said_on(first), start[:2])
        self.assertEqual(self.said_on(third), [*start, "resp_3", "Hi"])
        self.assertEqual(self.said_on(branch), [*start, "branch", "Hi"])

    def test_a_path_that_begins_in_the_store_on_disk(self) -> None:
        """The path says which node there the first of its steps continues."""
        first = self.begun(outer_parent=77)
        self.result(self.store.end(first, completed("resp_1")))
        second = self.turn("resp_2", first)
        for number, steps in ((first, 1), (second, 2)):
            with case(number=number):
                path, outer = self.result(self.store.path(number))
                self.assertEqual(len(path), steps)
                self.assertEqual(outer, 77)

    def test_a_path_that_begins_here(self) -> None:
        """It continues nothing elsewhere."""
        _, outer = self.result(self.store.path(self.turn("resp_1")))
        self.assertIsNone(outer)
