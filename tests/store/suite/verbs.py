"""What the tests of stores say: turns to keep, and what is found of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.likeness import DIGEST_SIZE
from chatmockd.core.transcript import Item
from chatmockd.store.contract import Ending, Opening, Record, Store
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
