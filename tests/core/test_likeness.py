"""What makes two items mean the same, and what a history amounts to."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.likeness import NOTHING, Likeness, asks_first, digest_after
from tests.core.cases import case
from tests.core.items import (
    CALL,
    CUSTOM,
    CUSTOM_RESULT,
    LISTED,
    REASONING,
    RESULT,
    SEARCH,
    WEB_SEARCH,
    Item,
    amounts_to,
    message,
    part,
)

QUICK = settings(max_examples=60, deadline=None)

ANSWER = part("Hi", "output_text", annotations=[], logprobs=[])

APPROVAL = {"type": "mcp_approval_request", "id": "mcpr_1", "name": "f"}
APPROVED = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1"}

# Each pair means the same.
ALIKE: dict[str, tuple[Item, Item]] = {
    "text and its only part": (message("Hi"), message([part("Hi")])),
    "id and status": (message("Hi"), message("Hi", id="msg_1", status="completed")),
    "type left out": (message("Hi"), {"role": "user", "content": "Hi"}),
    "annotations": (
        message([ANSWER], "assistant"),
        message([ANSWER | {"annotations": [{"type": "url_citation"}]}], "assistant"),
    ),
    "log probabilities": (
        message([ANSWER], "assistant"),
        message([ANSWER | {"logprobs": [{"token": "Hi"}]}], "assistant"),
    ),
    "answer as a text": (message([ANSWER], "assistant"), message("Hi", "assistant")),
    "kind of text": (
        message([part("Hi", "output_text")]),
        message([part("Hi", "text")]),
    ),
    "call": (CALL, CALL | {"id": "fc_1", "status": "completed"}),
    "call without namespace": (CALL, CALL | {"namespace": None}),
    "arguments with spaces": (
        CALL | {"arguments": '{"city":"Paris","days":[1,2]}'},
        CALL | {"arguments": '{"city": "Paris", "days": [1, 2]}'},
    ),
    "arguments in another order": (
        CALL | {"arguments": '{"a":1,"b":{"c":2,"d":3}}'},
        CALL | {"arguments": '{"b":{"d":3,"c":2},"a":1}'},
    ),
    "arguments with escapes": (
        CALL | {"arguments": '{"city":"Zürich"}'},
        CALL | {"arguments": '{"city":"Z\\u00fcrich"}'},
    ),
    "result": (RESULT, RESULT | {"id": "fco_1", "status": "completed"}),
    "custom call": (CUSTOM, CUSTOM | {"id": "ctc_1", "status": "completed"}),
    "custom result": (CUSTOM_RESULT, CUSTOM_RESULT | {"id": "ctco_1"}),
    "other kind": (SEARCH, SEARCH | {"id": "ws_1", "status": "completed"}),
    "members that are null": (
        SEARCH | {"results": None},
        SEARCH | {"score_threshold": None},
    ),
    "members of members that are null": (
        LISTED,
        LISTED
        | {"tools": [{"name": "f", "annotations": None, "input_schema": {"type": "x"}}]}
        | {"error": None},
    ),
    "a null in a kind that nobody knows": (
        {"type": "new", "of": {"a": None}},
        {"type": "new", "of": {"a": None}, "b": None},
    ),
    "order of members": (SEARCH, dict(reversed(SEARCH.items()))),
    "refusal": (
        message([{"type": "refusal", "refusal": "No."}], "assistant"),
        message([{"type": "refusal", "refusal": "No.", "id": "x"}], "assistant"),
    ),
}

# Each pair means something else.
UNLIKE: dict[str, tuple[Item, Item]] = {
    "role": (message("Hi"), message("Hi", "developer")),
    "text": (message("Hi"), message("Hi!")),
    "white space": (message("Hi"), message("Hi ")),
    "text in two parts": (message("ab"), message([part("a"), part("b")])),
    "order of parts": (
        message([part("a"), part("b")]),
        message([part("b"), part("a")]),
    ),
    "no text and nothing": (message(""), message([])),
    "parts, and a text that is none": (
        message([{"type": "refusal", "refusal": "No."}, part("Hi")]),
        message([{"type": "text", "text": ["refusal", "No."]}, part("Hi")]),
    ),
    "no content, and a text that is none": (
        message(None),
        message([{"type": "text", "text": None}]),
    ),
    "refusal and text": (
        message([{"type": "refusal", "refusal": "No."}]),
        message([part("No.")]),
    ),
    "picture": (
        message([{"type": "input_image", "image_url": "data:a"}]),
        message([{"type": "input_image", "image_url": "data:b"}]),
    ),
    "call and result": (CALL, RESULT),
    "call and custom call": (
        CALL | {"arguments": "x"},
        CUSTOM | {"arguments": "x"},
    ),
    "namespace": (CALL, CALL | {"namespace": "tools"}),
    "arguments": (
        CALL | {"arguments": '{"city":"Paris"}'},
        CALL | {"arguments": '{"city":"paris"}'},
    ),
    "space in an argument": (
        CALL | {"arguments": '{"cmd":"ls -l"}'},
        CALL | {"arguments": '{"cmd":"ls  -l"}'},
    ),
    "order in a list of arguments": (
        CALL | {"arguments": '{"days":[1,2]}'},
        CALL | {"arguments": '{"days":[2,1]}'},
    ),
    "arguments that are no object": (
        CALL | {"arguments": "1"},
        CALL | {"arguments": " 1"},
    ),
    "other kind": (SEARCH, SEARCH | {"action": {"query": "news"}}),
    "member nobody knows": (SEARCH, SEARCH | {"new": 1}),
    "null and nothing": (SEARCH | {"results": None}, SEARCH | {"results": []}),
    "null in a list": (SEARCH | {"results": [None]}, SEARCH | {"results": []}),
    "output of a tool that is null": (RESULT | {"output": None}, RESULT),
    "null within a kind that nobody knows": (
        {"type": "new", "of": {"a": None}},
        {"type": "new", "of": {}},
    ),
}

# What counts of a kind, one member each.
COUNTING = [
    (CALL, ("call_id", "name", "arguments")),
    (RESULT, ("call_id", "output")),
    (CUSTOM, ("call_id", "name", "input")),
    (CUSTOM_RESULT, ("call_id", "output")),
    (message("Hi"), ("role", "content")),
]

_words = st.text(max_size=8)
_parts = st.lists(
    st.builds(part, _words, st.sampled_from(["input_text", "output_text", "text"]))
    | st.builds(lambda text: {"type": "refusal", "refusal": text}, _words)
    | st.builds(lambda url: {"type": "input_image", "image_url": url}, _words),
    max_size=3,
)
ITEMS: st.SearchStrategy[Item] = (
    st.builds(message, _words | _parts, st.sampled_from(["user", "assistant"]))
    | st.builds(lambda a, b: CALL | {"call_id": a, "arguments": b}, _words, _words)
    | st.builds(lambda a, b: RESULT | {"call_id": a, "output": b}, _words, _words)
    | st.builds(lambda query: SEARCH | {"action": query}, _words)
)
HISTORIES = st.lists(ITEMS, max_size=5)
_words_back = st.builds(lambda text: message(text, "assistant"), _words)
_calls = st.builds(lambda a, b: CALL | {"call_id": a, "arguments": b}, _words, _words)
# What turns were given, and an answer each.
TURNS = st.lists(
    st.tuples(
        st.lists(ITEMS, max_size=3),
        st.lists(_words_back | _calls, min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=4,
)
CALLS = st.lists(
    st.builds(lambda a, b: CALL | {"call_id": a, "arguments": b}, _words, _words),
    max_size=4,
)


def digests_by_count(items: list[Item]) -> dict[int, bytes]:
    """What so many of C{items} amount to, wherever a turn may have ended."""
    return {count: digest for digest, count in Likeness().take(items).items()}


def dressed(item: Item, identity: str) -> Item:
    """C{item} with what an upstream adds to it."""
    more = item | {"id": identity, "status": "completed"}
    content = item.get("content")
    if isinstance(content, str):
        content = [part(content)]
    if isinstance(content, list):
        more["content"] = [
            one | ({"annotations": [], "logprobs": []} if "text" in one else {})
            for one in content
        ]
    return more


class LikenessTests(SynchronousTestCase):
    """Single items."""

    def test_what_means_the_same(self) -> None:
        """What clients leave out or write otherwise makes no difference."""
        for name, (one, other) in ALIKE.items():
            with case(name=name):
                self.assertEqual(amounts_to(one), amounts_to(other))

    def test_what_means_something_else(self) -> None:
        """What an upstream would understand differently does."""
        for name, (one, other) in UNLIKE.items():
            with case(name=name):
                self.assertNotEqual(amounts_to(one), amounts_to(other))

    def test_every_member_that_counts(self) -> None:
        """Changing or leaving out any one of them makes a difference."""
        for item, names in COUNTING:
            for name in names:
                with case(item=item, name=name):
                    changed = item | {name: "something else"}
                    self.assertNotEqual(amounts_to(item), amounts_to(changed))
                    less = {key: item[key] for key in item if key != name}
                    self.assertNotEqual(amounts_to(item), amounts_to(less))

    def test_arguments_of_any_form(self) -> None:
        """What cannot be read counts as it is."""
        for odd in (
            "",
            '{"a":',
            '{"a":"\\ud800"}',
            '{"a":123456789012345678901234567890}',
            '{"a":' * 5000 + "1" + "}" * 5000,
            '{"a":1e999}',
            '{"a":' + "9" * 5000 + "}",
            {"a": 1},
            None,
        ):
            with case(odd=odd):
                one, other = CALL | {"arguments": odd}, CALL | {"arguments": "{}"}
                self.assertEqual(amounts_to(one), amounts_to(dict(one)))
                self.assertNotEqual(amounts_to(one), amounts_to(other))

    def test_output_in_parts(self) -> None:
        """The output of a tool may be a list; all of it counts."""
        one = RESULT | {"output": [part("a")]}
        other = RESULT | {"output": [part("b")]}
        self.assertNotEqual(amounts_to(one), amounts_to(other))

    def test_reasoning_does_not_count(self) -> None:
        """Clients drop it, or send another form of it."""
        question, answer = message("Why?"), message("So.", "assistant")
        self.assertEqual(
            amounts_to(question, REASONING, answer), amounts_to(question, answer)
        )
        self.assertEqual(amounts_to(REASONING), NOTHING)

    def test_searches_count(self) -> None:
        """Where clients are told of them, they send them back."""
        other = WEB_SEARCH | {"action": {"query": "news"}}
        self.assertNotEqual(amounts_to(WEB_SEARCH), amounts_to(other))
        self.assertNotEqual(amounts_to(WEB_SEARCH), NOTHING)

    def test_what_is_nested_deeper_than_python_goes(self) -> None:
        """It is an answer like any other."""
        deep: Any = None
        for _ in range(300):
            deep = {"a": [deep]}
        self.assertNotEqual(amounts_to(LISTED | {"tools": deep}), amounts_to(LISTED))

    def test_contents_of_no_known_form(self) -> None:
        """Each is something else than any other, and than a text."""
        odd = (
            *("a", None, 5, [], {}, {"type": "a"}, {"type": "text", "text": "a"}),
            *([None], ["a"], [["type", "text"]], [{}], [{"type": "text"}]),
            *([{"text": "a"}], [{"type": ["text"], "text": "a"}]),
            *([{"type": "text", "text": ["a"]}], [{"type": "new", "text": "a"}]),
        )
        found = {amounts_to(message(content)) for content in odd}
        self.assertEqual(len(found), len(odd))
        among_others = {amounts_to(message([part("b"), one])) for one in odd}
        self.assertEqual(len(among_others), len(odd))

    def test_items_of_no_known_form(self) -> None:
        """They are compared as they are."""
        for odd in ({}, {"type": 5}, {"type": ["message"]}, {"type": None, "a": 1}):
            with case(odd=odd):
                self.assertEqual(amounts_to(odd), amounts_to(dict(odd)))
                self.assertNotEqual(amounts_to(odd), NOTHING)
                self.assertNotEqual(amounts_to(odd), amounts_to(odd | {"b": 2}))


class LikenessesTests(SynchronousTestCase):
    """Whole histories."""

    def test_a_history_without_items(self) -> None:
        """It amounts to nothing, or to what came before it."""
        self.assertEqual(Likeness().take([]), {})
        self.assertEqual(digest_after(NOTHING, []), NOTHING)
        self.assertEqual(digest_after(b"before", [REASONING]), b"before")

    def test_a_digest_stays_the_same(self) -> None:
        """They are kept on disk: another release must find the same ones."""
        digest = amounts_to(message("Hi"), CALL, RESULT)
        self.assertEqual(digest.hex(), "2080342f5fd3a644a2ff82399ad5158551ac6f50")

    def test_where_a_turn_may_have_ended(self) -> None:
        """Behind an answer, or where nothing came of a question."""
        asked, answered = message("Why?"), message("So.", "assistant")
        plain = {"role": "assistant", "content": "So."}
        for items, counts in (
            ([asked, answered], [2]),
            ([asked], []),
            ([asked, CALL, RESULT, CALL, RESULT], [2, 4]),
            ([asked, CALL, CALL, RESULT, RESULT, answered], [2, 3, 4, 6]),
            ([asked, asked, plain], [1, 3]),
            ([message("Be brief.", "developer"), asked, answered], [1, 3]),
            ([asked, REASONING, answered, REASONING, asked], [3]),
            ([REASONING, asked, REASONING, asked, SEARCH], [2, 5]),
            ([CUSTOM, CUSTOM_RESULT, {"type": 5}, {}], [1, 3, 4]),
            ([asked, APPROVAL, APPROVED, answered], [2, 4]),
        ):
            with case(items=items):
                ends = Likeness().take(items)
                self.assertEqual(list(ends.values()), counts)
                for digest, count in ends.items():
                    self.assertEqual(digest, amounts_to(*items[:count]))

    def test_what_begins_with_a_question(self) -> None:
        """Whatever stands before it that does not count."""
        asked, answered = message("Why?"), message("So.", "assistant")
        for items, asks in (
            ([asked, answered], True),
            ([REASONING, RESULT, answered], True),
            ([CUSTOM_RESULT], True),
            ([{"role": "developer", "content": "Be brief."}], True),
            ([answered, asked], False),
            ([{"role": "assistant", "content": "So."}, asked], False),
            ([REASONING, CALL, RESULT], False),
            ([REASONING], False),
            ([], False),
        ):
            with case(items=items):
                self.assertIs(asks_first(items), asks)

    @QUICK
    @given(TURNS, ITEMS)
    def test_every_turn_is_found_again(
        self, turns: list[tuple[list[Item], list[Item]]], more: Item
    ) -> None:
        """When all that they were given and answered comes back, and one item more."""
        history: list[Item] = []
        kept: dict[bytes, int] = {}
        digest = NOTHING
        for given_items, answered in turns:
            history += [*given_items, *answered]
            digest = digest_after(digest, [*given_items, *answered])
            kept[digest] = len(history)
        ends = Likeness().take([*history, more])
        self.assertLessEqual(kept.items(), ends.items())

    @QUICK
    @given(HISTORIES, HISTORIES)
    def test_piece_by_piece(self, start: list[Item], rest: list[Item]) -> None:
        """A history comes to the same however many of its items come at once."""
        likeness = Likeness()
        likeness.take(start)
        self.assertEqual(likeness.digest, amounts_to(*start))
        likeness.take(rest)
        self.assertEqual(likeness.digest, amounts_to(*start, *rest))

    @QUICK
    @given(HISTORIES)
    def test_a_history_as_an_upstream_dresses_it(self, history: list[Item]) -> None:
        """Ids, statuses, annotations and reasoning leave what it amounts to."""
        more: list[Item] = []
        for number, item in enumerate(history):
            more += [REASONING, dressed(item, f"id_{number}")]
        self.assertEqual(amounts_to(*more), amounts_to(*history))

    @QUICK
    @given(HISTORIES, ITEMS, ITEMS, HISTORIES)
    def test_one_item_that_is_different(
        self, start: list[Item], one: Item, other: Item, rest: list[Item]
    ) -> None:
        """Wherever it is, nothing from there on is the same; before it, all is."""
        ours, theirs = (
            digests_by_count([*start, item, *rest, message("So.", "assistant")])
            for item in (one, other)
        )
        alike = amounts_to(one) == amounts_to(other)
        for count in ours.keys() & theirs.keys():
            same = count <= len(start) or alike
            self.assertEqual(ours[count] == theirs[count], same)

    @QUICK
    @given(HISTORIES, ITEMS)
    def test_an_item_more(self, history: list[Item], item: Item) -> None:
        """A longer history never amounts to its beginning."""
        found = [amounts_to(*[*history, item][:end]) for end in range(len(history) + 2)]
        self.assertEqual(len(set(found)), len(history) + 2)

    @QUICK
    @given(CALLS, CALLS)
    def test_different_histories_amount_to_different_things(
        self, ours: list[Item], theirs: list[Item]
    ) -> None:
        """Where every member counts, equal digests are equal histories."""
        self.assertEqual(ours == theirs, amounts_to(*ours) == amounts_to(*theirs))

    @QUICK
    @given(HISTORIES, st.data())
    def test_any_text_that_is_changed(
        self, history: list[Item], draw: st.DataObject
    ) -> None:
        """A character more anywhere changes what the whole amounts to."""
        index = draw.draw(st.integers(0, len(history)))
        text = draw.draw(_words)
        ours, theirs = (
            [*history[:index], message([part(said)]), *history[index:]]
            for said in (text, text + "x")
        )
        self.assertNotEqual(amounts_to(*ours), amounts_to(*theirs))


class OddItemTests(SynchronousTestCase):
    """What no client should send."""

    def test_a_type_that_is_no_text(self) -> None:
        """It counts as it is, like anything unknown."""
        for odd in (["text"], {"a": 1}, None, 5):
            part = {"type": odd, "text": "x"}
            for item in ({"role": "user", "content": [part]}, {"type": odd, "x": 1}):
                self.assertNotEqual(digest_after(NOTHING, [item]), NOTHING)
