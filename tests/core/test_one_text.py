"""Answers as clients have them that are shown one text."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.likeness import as_heard
from tests.core.cases import case
from tests.core.items import (
    CALL,
    REASONING,
    SEARCH,
    WEB_SEARCH,
    Item,
    amounts_to,
    message,
    part,
)

QUICK = settings(max_examples=60, deadline=None)


def answer(*texts: Any) -> Item:
    """A message of the model."""
    return message([part(text, "output_text") for text in texts], "assistant")


ANSWERS = st.lists(
    st.lists(st.sampled_from(["", "a", "b", "ab"]), max_size=2).map(
        lambda texts: answer(*texts)
    )
    | st.just(message([{"type": "refusal", "refusal": "a"}], "assistant"))
    | st.sampled_from([CALL, SEARCH, REASONING]),
    max_size=4,
)


def flattened(items: list[Item]) -> list[Any]:
    """What a chat shows of it, texts that stand together as one."""
    found: list[Any] = []
    for item in items:
        if item["type"] in ("reasoning", SEARCH["type"]):
            continue
        for one in item.get("content", [item]):
            if one["type"] == "output_text" and found and isinstance(found[-1], str):
                found[-1] += one["text"]
            else:
                found.append(one["text"] if one["type"] == "output_text" else one)
    return [one for one in found if one != ""]


class OneTextTests(SynchronousTestCase):
    """Answers as clients have them that are shown one text."""

    def test_what_is_one_text(self) -> None:
        """Texts that stand together, whatever they are parts of."""
        one = answer("ab")
        for name, output, shown in (
            ("messages", [answer("a"), answer("b")], [one]),
            ("parts", [answer("a", "b")], [one]),
            ("both", [answer("a", ""), answer("b")], [one]),
            ("reasoning", [REASONING, answer("a"), REASONING, answer("b")], [one]),
            ("a search between", [answer("a"), SEARCH, answer("b")], [one]),
            ("a search before one text", [WEB_SEARCH, answer("ab")], [one]),
            ("a search before a call", [WEB_SEARCH, CALL], [CALL]),
            ("calls after it", [answer("a"), answer("b"), CALL], [one, CALL]),
            ("calls before it", [CALL, answer("a"), answer("b")], [CALL, one]),
        ):
            with case(name=name):
                self.assertEqual(amounts_to(*as_heard(output)), amounts_to(*shown))

    def test_what_stays_as_it_is(self) -> None:
        """Whatever is, or may be, more than one text."""
        refusal = {"type": "refusal", "refusal": "b"}
        picture = {"type": "output_image", "image_url": "b"}
        odd: list[tuple[str, list[Item]]] = [
            ("nothing", []),
            ("one text", [answer("ab")]),
            ("one text and a call", [answer("ab"), CALL]),
            ("a call between", [answer("a"), CALL, answer("b")]),
            ("two before and one behind", [answer("a"), answer("b"), CALL, answer("")]),
            ("a refusal", [answer("a"), message([refusal], "assistant")]),
            ("a refusal beside it", [message([part("a"), refusal], "assistant")]),
            ("a picture", [answer("a"), message([picture], "assistant")]),
            ("another role", [answer("a"), message([part("b", "output_text")])]),
            ("another kind of text", [answer("a"), message([part("b")], "assistant")]),
            ("a text that is none", [answer("a"), answer(5)]),
            ("a part that is none", [answer("a"), message(["b"], "assistant")]),
            ("content that is no list", [answer("a"), message("b", "assistant")]),
            ("no texts", [answer("", ""), answer("")]),
            ("no parts", [answer(), answer()]),
        ]
        for name, output in odd:
            with case(name=name):
                self.assertEqual(as_heard(output), output)

    @QUICK
    @given(ANSWERS, ANSWERS)
    def test_only_what_is_shown_alike_is_alike(
        self, ours: list[Item], theirs: list[Item]
    ) -> None:
        """All that was said, and what was called before, between and after it."""
        alike = amounts_to(*as_heard(ours)) == amounts_to(*as_heard(theirs))
        if alike:
            self.assertEqual(flattened(ours), flattened(theirs))
        # Whoever sends items of its own is not taken for one who was shown a text.
        if amounts_to(*as_heard(ours)) == amounts_to(*theirs):
            self.assertEqual(flattened(ours), flattened(theirs))
