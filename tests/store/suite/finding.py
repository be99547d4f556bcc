"""What is found again, by digest and by id, and by whom."""

from __future__ import annotations

import msgspec

from tests.core.cases import case
from tests.store.suite.verbs import StoreVerbs, completed, digest_of, response, said


class MatchingSuite(StoreVerbs):
    """Recognising a resent history."""

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


class ItemsSuite(StoreVerbs):
    """Items, by their ids."""

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


class OwnersSuite(StoreVerbs):
    """What is one owner's is nobody else's."""

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
