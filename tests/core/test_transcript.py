"""What the path of a conversation says to an upstream that has not seen it."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.likeness import NOTHING, digest_after
from chatmockd.core.transcript import (
    Step,
    as_items,
    identified,
    output_items,
    portable,
    references,
    replayed,
    resolved,
)
from tests.core.cases import case

Item = dict[str, Any]

QUICK = settings(max_examples=60, deadline=None)

QUESTION: Item = {"type": "message", "role": "user", "content": "Why?"}
ANSWER: Item = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "So.", "annotations": []}],
}
CALL: Item = {
    "type": "function_call",
    "call_id": "call_1",
    "name": "f",
    "arguments": "{}",
}
RESULT: Item = {"type": "function_call_output", "call_id": "call_1", "output": "42"}
SEALED: Item = {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
APPROVAL: Item = {"type": "mcp_approval_request", "id": "mcpr_1", "name": "f"}
REFERENCE: Item = {"type": "item_reference", "id": "msg_1"}

PLAIN = [QUESTION, ANSWER, CALL, RESULT, SEALED]
"""Items as any connection takes them."""


def step(given: list[Any], output: list[Any]) -> Step:
    """A turn which was given and produced these."""
    response = {"id": "resp_1", "object": "response", "output": output}
    return Step(msgspec.json.encode(given), msgspec.json.encode(response))


def named(item: Item, identity: str) -> Item:
    """C{item} as the upstream gave it out."""
    return item | {"id": identity, "status": "completed"}


class StepTests(SynchronousTestCase):
    """What one turn was given and produced."""

    def test_its_items(self) -> None:
        """As they were, ids and all."""
        turn = step([QUESTION], [named(ANSWER, "msg_1")])
        self.assertEqual(turn.input_items(), [QUESTION])
        self.assertEqual(turn.output_items(), [named(ANSWER, "msg_1")])

    def test_responses_without_output(self) -> None:
        """A turn that failed early has produced nothing."""
        for response in (b"{}", b'{"output": null}', b'{"output": []}'):
            with case(response=response):
                self.assertEqual(output_items(response), [])
                self.assertEqual(Step(b"[]", response).output_items(), [])

    def test_what_is_no_item(self) -> None:
        """It is passed over."""
        turn = step([QUESTION, "text", 5, None], [None, ANSWER, []])
        self.assertEqual(turn.input_items(), [QUESTION])
        self.assertEqual(turn.output_items(), [ANSWER])


class AsItemsTests(SynchronousTestCase):
    """C{input}, as a client may write it."""

    def test_every_way_to_write_it(self) -> None:
        """Nothing, a text, or a list."""
        text = {"type": "input_text", "text": "Why?"}
        message = {"type": "message", "role": "user", "content": [text]}
        ways = [
            (None, []),
            ([], []),
            ("Why?", [message]),
            ([QUESTION, CALL], [QUESTION, CALL]),
        ]
        for given_input, items in ways:
            with case(given_input=given_input):
                self.assertEqual(as_items(given_input), items)

    def test_a_text_means_what_the_message_means(self) -> None:
        """A client may write the same question either way."""
        self.assertEqual(
            digest_after(NOTHING, as_items("Why?")), digest_after(NOTHING, [QUESTION])
        )

    def test_the_list_is_a_copy(self) -> None:
        """Adding to it leaves the request alone."""
        items = [QUESTION]
        as_items(items).append(CALL)
        self.assertEqual(items, [QUESTION])


class ReplayedTests(SynchronousTestCase):
    """A path, as another connection can take it."""

    def test_a_path_in_order(self) -> None:
        """Root first, and each turn's input before its output."""
        path = [step([QUESTION], [CALL]), step([RESULT], [SEALED, ANSWER])]
        self.assertEqual(list(replayed(path)), [QUESTION, CALL, RESULT, SEALED, ANSWER])
        self.assertEqual(list(replayed([])), [])

    def test_ids_and_statuses_go(self) -> None:
        """Those of items; a call and its result keep what joins them."""
        path = [
            step([named(item, f"in_{item['type']}") for item in PLAIN], []),
            step([], [named(item, f"out_{item['type']}") for item in PLAIN]),
        ]
        self.assertEqual(list(replayed(path)), PLAIN * 2)

    def test_reasoning_that_only_its_maker_understands(self) -> None:
        """It goes; encrypted reasoning stays, without its id."""
        for content in ({}, {"encrypted_content": None}, {"encrypted_content": ""}):
            with case(content=content):
                open_reasoning = {"type": "reasoning", "id": "rs_1"} | content
                path = [step([open_reasoning], [open_reasoning, ANSWER])]
                self.assertEqual(list(replayed(path)), [ANSWER])
        path = [step([], [named(SEALED, "rs_1")])]
        self.assertEqual(list(replayed(path)), [SEALED])

    def test_what_an_answer_names_by_its_id(self) -> None:
        """It keeps the id, or the answer would answer nothing."""
        answer = {
            "type": "mcp_approval_response",
            "approval_request_id": "mcpr_1",
            "approve": True,
        }
        path = [step([], [APPROVAL]), step([answer], [])]
        self.assertEqual(list(replayed(path)), [APPROVAL, answer])

    def test_ids_inside_an_item(self) -> None:
        """Only the item's own goes."""
        search = {"type": "web_search_call", "action": {"id": "a", "status": "b"}}
        self.assertEqual(list(portable([named(search, "ws_1")])), [search])

    def test_what_is_kept_is_not_changed(self) -> None:
        """The items that were given are still whole afterwards."""
        items = [named(item, "id_1") for item in PLAIN]
        list(portable(items))
        self.assertEqual(items, [named(item, "id_1") for item in PLAIN])

    @QUICK
    @given(
        st.lists(
            st.builds(
                named,
                st.sampled_from([*PLAIN, {"type": "reasoning", "summary": []}]),
                st.text(max_size=4),
            )
        )
    )
    def test_replaying_does_not_change_what_it_means(self, items: list[Item]) -> None:
        """What is sent amounts to what was kept, and can be sent on as it is."""
        sent = list(replayed([step(items, items)]))
        self.assertEqual(
            digest_after(NOTHING, sent), digest_after(NOTHING, items + items)
        )
        self.assertEqual(list(portable(sent)), sent)
        self.assertFalse([item for item in sent if "id" in item])


class ReferenceTests(SynchronousTestCase):
    """C{item_reference}, and what it stands for."""

    def test_the_ids_that_are_referred_to(self) -> None:
        """In order; other items' own ids are none, nor are references to nothing."""
        items = [
            REFERENCE,
            named(ANSWER, "msg_2"),
            REFERENCE | {"id": "msg_3"},
            REFERENCE | {"id": None},
            {"type": "item_reference"},
        ]
        self.assertEqual(references(items), ["msg_1", "msg_3"])

    def test_what_is_known_takes_the_place_of_its_reference(self) -> None:
        """In the form that any connection takes; the others stay where they are."""
        known = {"msg_1": named(ANSWER, "msg_1")}
        items = [QUESTION, REFERENCE, named(CALL, "fc_1")]
        self.assertEqual(
            resolved(items, known), [QUESTION, ANSWER, named(CALL, "fc_1")]
        )
        self.assertEqual(items, [QUESTION, REFERENCE, named(CALL, "fc_1")])

    def test_a_reference_to_reasoning(self) -> None:
        """Such reasoning as only its maker understands goes."""
        known = {"msg_1": {"type": "reasoning", "id": "msg_1", "summary": []}}
        self.assertEqual(resolved([QUESTION, REFERENCE], known), [QUESTION])
        known = {"msg_1": named(SEALED, "msg_1")}
        self.assertEqual(resolved([QUESTION, REFERENCE], known), [QUESTION, SEALED])

    def test_pictures_that_are_only_named(self) -> None:
        """By their call, less what came of it; a whole one stands for itself."""
        made = {"type": "image_generation_call", "result": "iVBOR"}
        whole = made | {"id": "ig_1", "status": "completed"}
        for result in ({}, {"result": None}, {"result": ""}):
            item = {"type": "image_generation_call", "id": "ig_1"} | result
            self.assertEqual(references([QUESTION, item]), ["ig_1"])
            self.assertEqual(resolved([item], {"ig_1": whole}), [made])
            self.assertEqual(resolved([item], {}), [item])
            self.assertEqual(list(identified([item])), [])
        self.assertEqual(references([whole, {"type": "image_generation_call"}]), [])
        self.assertEqual(list(identified([whole])), [("ig_1", whole)])

    def test_what_is_not_known_stays(self) -> None:
        """The upstream says what it makes of it."""
        items: list[Item] = [
            REFERENCE,
            {"type": "item_reference", "id": 5},
            named(CALL, "msg_2"),
        ]
        self.assertEqual(resolved(items, {"msg_2": ANSWER}), items)

    def test_what_can_be_referred_to(self) -> None:
        """Items with an id; a reference itself is none."""
        items = [
            named(ANSWER, "msg_1"),
            QUESTION,
            CALL | {"id": ""},
            RESULT | {"id": 5},
            REFERENCE | {"id": "msg_2"},
        ]
        self.assertEqual(list(identified(items)), [("msg_1", named(ANSWER, "msg_1"))])

    @QUICK
    @given(st.lists(st.sampled_from(PLAIN), unique_by=id, max_size=5))
    def test_references_to_everything(self, items: list[Item]) -> None:
        """A history that is written in references only is the history."""
        whole = [named(item, f"id_{number}") for number, item in enumerate(items)]
        written = [REFERENCE | {"id": item["id"]} for item in whole]
        self.assertEqual(references(written), [item["id"] for item in whole])
        self.assertEqual(resolved(written, dict(identified(whole))), items)


class OddItemTests(SynchronousTestCase):
    """What is not stripped."""

    def test_what_is_nothing_without_its_id(self) -> None:
        """A reference that nobody could resolve, and what an approval names."""
        for kind in ("item_reference", "mcp_approval_request"):
            item = {"type": kind, "id": "x_1"}
            self.assertEqual(list(portable([item])), [item])

    def test_a_type_that_is_no_text(self) -> None:
        """It is the upstream's to refuse."""
        self.assertEqual(list(portable([{"type": ["x"]}])), [{"type": ["x"]}])
