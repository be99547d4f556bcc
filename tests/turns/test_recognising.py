"""Finding the conversation that an input goes on with."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.likeness import digest_after
from chatmockd.core.transcript import Item, Node
from chatmockd.store.memory import memory_store
from chatmockd.store.tree import Tree
from chatmockd.turns.recognising import recognised
from tests.core.cases import case
from tests.store.suite.verbs import completed, opening
from tests.turns.durable import said, user

ONE = [user("One?"), said("1.")]
TWO = [*ONE, user("Two?"), said("2.")]
NEXT = [*TWO, user("Three?")]


class RecognisingTests(SynchronousTestCase):
    """A tree in which some conversations have ended, and connections wait."""

    def setUp(self) -> None:
        self.kept = memory_store("disk")
        self.fleeting = memory_store("memory")
        self.addCleanup(self.kept.close)
        self.addCleanup(self.fleeting.close)
        self.tree = Tree(self.kept, self.fleeting)
        self.idle: set[str] = set()
        self.looked_up = 0
        match = self.kept.match

        def counted(*arguments: Any) -> Deferred[list[Node]]:
            self.looked_up += 1
            return match(*arguments)

        self.patch(self.kept, "match", counted)

    def end(
        self, name: str, history: list[Item], *, stored: bool = True, known: bool = True
    ) -> None:
        """A turn has ended, and its conversation is C{history}."""
        begun = self.successResultOf(
            Deferred.fromCoroutine(self.tree.begin(opening(), None, stored=stored))
        )
        ending = completed(name, digest=digest_after(b"", history))
        end = self.tree.end("alice", begun, ending, model="gpt-5")
        self.successResultOf(Deferred.fromCoroutine(end))
        node = self.successResultOf(
            Deferred.fromCoroutine(self.tree.node("alice", name))
        )
        assert node is not None
        self.tree.forget() if not known else self.tree.remember("alice", node)

    def found(self, items: list[Item], **whose: Any) -> tuple[str, int] | None:
        """The end of what is recognised in C{items}, and how many of them it is."""
        asked = {"owner": "alice", "profile": "codex", "model": "gpt-5"} | whose
        stored = bool(asked.pop("stored", True))
        found = self.successResultOf(
            Deferred.fromCoroutine(
                recognised(
                    self.tree,
                    items=items,
                    stored=stored,
                    is_idle_tip=self.idle.__contains__,
                    **asked,
                )
            )
        )
        return None if found is None else (found[0].response_id, found[1])

    def test_what_nobody_can_know(self) -> None:
        """An input with no answer in it is not looked up."""
        for items in ([], [user("One?")], ONE[1:]):
            with case(items=items):
                self.assertIsNone(self.found(items))
        self.assertEqual(self.looked_up, 0)
        self.assertIsNone(self.found([user("Be brief."), user("One?")]))
        self.assertEqual(self.looked_up, 1)

    def test_a_connection_that_waits_spares_the_look_up(self) -> None:
        """It is the usual case: only the question is new."""
        self.end("resp_1", ONE)
        self.end("resp_2", TWO)
        self.idle = {"up_resp_2"}
        self.assertEqual(self.found(NEXT), ("resp_2", 4))
        self.assertEqual(self.looked_up, 0)

    def test_without_a_connection_the_store_is_asked(self) -> None:
        """It may know another node that means the same, and has one."""
        self.end("resp_2", TWO)
        self.end("resp_3", TWO)
        self.assertEqual(self.found(NEXT), ("resp_3", 4))
        self.idle = {"up_resp_2"}
        self.assertEqual(self.found(NEXT), ("resp_2", 4))
        self.idle = {"up_resp_2", "up_resp_3"}
        self.assertEqual(self.found(NEXT), ("resp_3", 4))
        self.assertEqual(self.looked_up, 2)

    def test_the_longest_counts_more_than_a_connection(self) -> None:
        """The rest would be sent a second time."""
        self.end("resp_1", ONE)
        self.end("resp_2", TWO)
        self.idle = {"up_resp_1"}
        self.assertEqual(self.found(NEXT), ("resp_2", 4))

    def test_after_a_restart(self) -> None:
        """Nothing is remembered, and all is found."""
        self.end("resp_1", ONE)
        self.end("resp_2", TWO, known=False)
        self.assertEqual(self.found(NEXT), ("resp_2", 4))
        self.assertEqual(self.found([*ONE, user("Or?"), said("3.")]), ("resp_1", 2))

    def test_nobody_else_s(self) -> None:
        """Not another owner's, profile's or model's, connection or not."""
        self.end("resp_2", TWO)
        self.idle = {"up_resp_2"}
        for other in ({"owner": "bob"}, {"profile": "openai"}, {"model": "gpt-4"}):
            with case(other=other):
                self.assertIsNone(self.found(NEXT, **other))

    def test_what_may_not_be_stored(self) -> None:
        """What may be does not go on with it, however good its connection."""
        self.end("resp_1", ONE)
        self.end("resp_2", TWO, stored=False)
        self.idle = {"up_resp_2"}
        self.assertEqual(self.found(NEXT, stored=False), ("resp_2", 4))
        self.assertEqual(self.found(NEXT, stored=True), ("resp_1", 2))

    def test_what_was_deleted(self) -> None:
        """It is not remembered either."""
        self.end("resp_1", ONE)
        self.end("resp_2", TWO)
        self.idle = {"up_resp_1", "up_resp_2"}
        deleted = self.tree.delete("alice", "resp_2")
        self.successResultOf(Deferred.fromCoroutine(deleted))
        self.assertEqual(self.found(NEXT), ("resp_1", 2))

    def test_an_id_that_comes_twice(self) -> None:
        """It names the newer one; what it stood for is not remembered by it."""
        self.end("resp_1", TWO)
        self.end("resp_1", ONE)
        self.idle = {"up_resp_1"}
        self.assertEqual(self.found(NEXT), ("resp_1", 2))
