"""
What every store has to do, whatever it keeps turns in.

A store is put to it by a class of L{StoreSuite} and C{SynchronousTestCase} that says
how one is made. One that needs threads or sockets gives them L{own_reactor}.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.likeness import DIGEST_SIZE
from chatmockd.core.transcript import Item, Node
from chatmockd.errors import IdempotencyUnknown
from chatmockd.store.contract import (
    Ending,
    Opening,
    ParentGone,
    Record,
    State,
    Store,
)
from tests.core.cases import case
from tests.store.spinning import result_of

if TYPE_CHECKING:
    _Case = SynchronousTestCase
else:
    _Case = object

T = TypeVar("T")

NO_LIMIT = 10**12  # bytes
NEVER = 0.0  # nothing is older than this


def opening(text: str = "Hello", **changes: Any) -> Opening:
    """A turn as Alice asks for it, in which she says C{text}."""
    fields: dict[str, Any] = {
        "owner": "alice",
        "profile": "codex",
        "model": "gpt-5",
        "parent": None,
        "outer_parent": None,
        "input": msgspec.json.encode([said("user", text)]),
        "began": 100.0,
    }
    return Opening(**(fields | changes))


def said(role: str, text: str, **more: Any) -> Item:
    """A message."""
    return {"type": "message", "role": role, "content": text, **more}


def response(response_id: str, text: str = "Hi") -> bytes:
    """A response object whose answer is C{text}."""
    answer = said("assistant", text, id=f"msg_of_{response_id}")
    return msgspec.json.encode({"id": response_id, "output": [answer]})


def digest_of(name: str) -> bytes:
    """A digest, as long as they are."""
    return name.encode().ljust(DIGEST_SIZE)


def completed(response_id: str, **changes: Any) -> Ending:
    """A turn's end as it should be."""
    fields: dict[str, Any] = {
        "state": "completed",
        "ended": 101.0,
        "response_id": response_id,
        "upstream_id": f"up_{response_id}",
        "digest": digest_of(response_id),
        "response": response(response_id),
        "events": f"data: {response_id}\n\n".encode(),
        "items": [f"msg_of_{response_id}"],
    }
    return Ending(**(fields | changes))


class StoreVerbs(_Case):
    """
    What the tests of stores say.

    @ivar place: What the store's nodes say where they are.
    """

    place: str

    def make_store(self) -> Store:
        """A new, empty store, which nobody else has."""
        raise NotImplementedError

    def result(self, deferred: Deferred[T]) -> T:
        """What a method of the store comes to."""
        return result_of(deferred)

    def setUp(self) -> None:
        self.store = self.make_store()

    def turn(
        self,
        response_id: str,
        parent: int | None = None,
        *,
        owner: str = "alice",
        at: float = 100.0,
        text: str | None = None,
        **ending: Any,
    ) -> int:
        """A whole turn; its number. The user says the response id to be."""
        begun = opening(text or response_id, owner=owner, parent=parent, began=at)
        number = self.result(self.store.journal(begun))
        end = completed(response_id, **({"ended": at + 1} | ending))
        self.result(self.store.end(number, end))
        return number

    def chain(self, *response_ids: str, at: float = 100.0) -> list[int]:
        """A conversation of these turns; their numbers."""
        numbers: list[int] = []
        for response_id in response_ids:
            parent = numbers[-1] if numbers else None
            numbers.append(self.turn(response_id, parent, at=at))
        return numbers

    def begun(self, **changes: Any) -> int:
        """A turn in flight; its number."""
        return self.result(self.store.journal(opening(**changes)))

    def found(self, response_id: str, owner: str = "alice") -> Record:
        """The turn of this id, which must be there."""
        record = self.result(self.store.find(owner, response_id))
        assert record is not None, f"{response_id} is gone"
        return record

    def kept(self, *response_ids: str) -> list[str]:
        """Those of these turns of Alice's that can be found."""
        find = self.store.find
        return [name for name in response_ids if self.result(find("alice", name))]

    def said_on(self, number: int) -> list[str]:
        """What was said on the path to this node, in order."""
        steps, _ = self.result(self.store.path(number))
        return [
            item["content"]
            for step in steps
            for item in [*step.input_items(), *step.output_items()]
        ]

    def matching(self, *names: str, **changes: str) -> list[str]:
        """The ids of the responses with a digest of one of these names."""
        digests = [digest_of(name) for name in names]
        whose = {"owner": "alice", "profile": "codex", "model": "gpt-5"} | changes
        nodes = self.result(self.store.match(**whose, digests=digests))
        return [node.response_id for node in nodes]

    def assert_unreachable(self, response_id: str) -> None:
        """Nothing of Alice's leads to this turn."""
        store = self.store
        self.assertIsNone(self.result(store.find("alice", response_id)))
        self.assertIsNone(self.result(store.events("alice", response_id)))
        self.assertEqual(self.matching(response_id), [])
        item = f"msg_of_{response_id}"
        self.assertEqual(self.result(store.items("alice", [item])), {})


class StoreSuite(StoreVerbs):
    """The tests, to be mixed into a test case that says what store is meant."""

    # The life of a turn.

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

    # Paths.

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

    # Recognising a resent history.

    def test_nodes_by_their_digest(self) -> None:
        """Those of the last digest that is known, the newest first."""
        self.chain("resp_1", "resp_2")
        self.turn("again", digest=digest_of("resp_1"))
        self.turn("resp_0")
        self.assertEqual(self.matching("resp_1", "none"), ["again", "resp_1"])
        self.assertEqual(self.matching("resp_1", "resp_2"), ["resp_2"])
        self.assertEqual(self.matching("resp_2", "resp_1"), ["again", "resp_1"])
        self.assertEqual(self.matching("none"), [])
        self.assertEqual(self.matching(), [])

    def test_only_what_can_be_continued_matches(self) -> None:
        """Not another owner's, profile's or model's; not what failed or goes on."""
        self.turn("resp_1")
        for other in ({"owner": "bob"}, {"profile": "openai"}, {"model": "gpt-4"}):
            with case(other=other):
                self.assertEqual(self.matching("resp_1", **other), [])
        self.turn("broken", state="failed", digest=digest_of("broken"))
        self.turn("other", owner="bob", digest=digest_of("broken"))
        self.assertEqual(self.matching("broken"), [])
        self.assertEqual(self.matching("resp_1", "broken"), ["resp_1"])

    def test_a_very_long_history(self) -> None:
        """More digests than a database takes parameters."""
        self.chain("resp_1", "resp_2")
        long = [f"resp_0{number}" for number in range(40_000)]
        self.assertEqual(self.matching("resp_1", *long, "resp_2"), ["resp_2"])
        self.assertEqual(self.matching("resp_2", *long), ["resp_2"])

    def test_a_digest_at_the_border_of_two(self) -> None:
        """Only whole ones count, though they are looked for in one piece."""
        ends, begins = digest_of("one")[10:], digest_of("two")[:10]
        self.turn("resp_1", digest=ends + begins)
        self.assertEqual(self.matching("one", "two"), [])

    # Items.

    def test_items_by_id(self) -> None:
        """Of the input as well as of the output; unknown ones are left out."""
        asked = said("user", "Look", id="msg_in")
        number = self.begun(input=msgspec.json.encode([asked]))
        end = completed("resp_1", items=["msg_in", "msg_of_resp_1"])
        self.result(self.store.end(number, end))
        wanted = ["msg_in", "msg_none", "msg_of_resp_1"]
        known = self.result(self.store.items("alice", wanted))
        answer = said("assistant", "Hi", id="msg_of_resp_1")
        self.assertEqual(known, {"msg_in": asked, "msg_of_resp_1": answer})

    def test_very_many_items(self) -> None:
        """Each is known, whatever is in its name."""
        names = [f"msg_{number}" for number in range(120)] + ["it's \x00 \U0001f40d"]
        items = [said("assistant", name, id=name) for name in names]
        body = msgspec.json.encode({"output": items})
        self.turn("resp_1", response=body, items=names)
        known = self.result(self.store.items("alice", names))
        self.assertEqual([item["content"] for item in known.values()], names)

    def test_an_item_that_comes_again(self) -> None:
        """An id stands for what it was given to last."""
        for name, text in (("resp_1", "Old"), ("resp_2", "New")):
            answer = said("assistant", text, id="msg_1")
            body = msgspec.json.encode({"output": [answer]})
            self.turn(name, response=body, items=["msg_1"])
        known = self.result(self.store.items("alice", ["msg_1"]))
        self.assertEqual(known["msg_1"]["content"], "New")

    # Owners.

    def test_owners_never_see_each_others_turns(self) -> None:
        """Whatever Bob asks for, he does not learn that Alice's turn exists."""
        self.begun(response_id="running", idempotency_key="key")
        self.turn("resp_1")
        store = self.store
        for response_id in ("resp_1", "running"):
            with case(response_id=response_id):
                self.assertIsNone(self.result(store.find("bob", response_id)))
                self.assertIsNone(self.result(store.events("bob", response_id)))
                self.assertFalse(self.result(store.delete("bob", response_id)))
        self.assertIsNone(self.result(store.keyed("bob", "key")))
        self.assertEqual(self.matching("resp_1", owner="bob"), [])
        self.assertEqual(self.result(store.items("bob", ["msg_of_resp_1"])), {})
        self.assertEqual(self.kept("resp_1", "running"), ["resp_1", "running"])

    def test_two_owners_with_the_same_names(self) -> None:
        """Ids and keys of one owner's do not get in the way of another's."""
        for owner in ("alice", "bob"):
            number = self.begun(owner=owner, idempotency_key="key")
            body = response("resp_1", f"Hi {owner}")
            self.result(self.store.end(number, completed("resp_1", response=body)))
        for owner in ("alice", "bob"):
            with case(owner=owner):
                body = response("resp_1", f"Hi {owner}")
                self.assertEqual(self.found("resp_1", owner).response, body)
                keyed = self.result(self.store.keyed(owner, "key"))
                self.assertEqual(keyed, self.found("resp_1", owner))
                items = self.result(self.store.items(owner, ["msg_of_resp_1"]))
                content = items["msg_of_resp_1"]["content"]
                self.assertEqual(content, f"Hi {owner}")

    # Ids and keys that come twice.

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

    # Deleting.

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

    # Making room.

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
