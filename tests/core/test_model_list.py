"""What is read out of the upstreams' lists of models."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.model_list import BadList, read_list
from tests.core.cases import case

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["slug", "id", "priority", "service_tiers", "visibility", "created"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


def entry(slug: object, **more: Any) -> dict[str, Any]:
    """A model as ChatGPT lists it."""
    return {"slug": slug, "visibility": "list", **more}


def codex(*entries: Any) -> bytes:
    """A list of ChatGPT's."""
    return json.dumps({"models": list(entries)}).encode()


def openai(*entries: Any) -> bytes:
    """A list of OpenAI's."""
    return json.dumps({"object": "list", "data": list(entries)}).encode()


class ReadListTests(SynchronousTestCase):
    """Of what use an answer is."""

    def test_chatgpt(self) -> None:
        """By priority, with all that is said of each."""
        models = read_list(
            "chatgpt",
            codex(
                entry("second", priority=7),
                entry(
                    "first",
                    priority=1,
                    display_name="First",
                    description="The first.",
                    supported_reasoning_levels=[
                        {"effort": "high", "description": "x"},
                        {"effort": "low"},
                        "none",
                        {"effort": None},
                        7,
                    ],
                    context_window=272000,
                    service_tiers=[{"id": "priority"}, "flex"],
                ),
                entry("hidden", priority=3, visibility="hide", service_tiers=[]),
                entry("last"),
            ),
        )
        self.assertEqual(
            [model.name for model in models], ["first", "hidden", "second", "last"]
        )
        first, hidden, second, _ = models
        self.assertEqual(first.efforts, ("none", "low", "high"))
        self.assertEqual((first.title, first.description), ("First", "The first."))
        self.assertEqual(first.context_window, 272000)
        self.assertEqual(
            [m.has_priority for m in (first, hidden, second)], [True, False, None]
        )
        self.assertEqual([m.listed for m in (first, hidden)], [True, False])

    def test_openai(self) -> None:
        """With what is known of a name otherwise, dated or not; nothing that draws."""
        models = read_list(
            "openai",
            openai(
                {"id": "new-one", "created": 9, "owned_by": "me"},
                {"id": "whisper-1"},
                {"id": "gpt-5-2025-08-07", "created": 5},
                {"id": "text-embedding-3-small"},
                {"id": "gpt-5.5", "created": 4},
                {"id": "older", "created": 8},
            ),
        )
        listed = [model for model in models if model.listed]
        self.assertEqual(
            [model.name for model in listed],
            ["gpt-5.5", "gpt-5-2025-08-07", "new-one", "older"],
        )
        self.assertIn("minimal", listed[1].efforts)
        self.assertEqual((listed[2].owner, listed[2].created), ("me", 9))
        self.assertIn("whisper-1", [model.name for model in models])

    def test_a_model_listed_twice_is_there_once(self) -> None:
        """At its better place."""
        models = read_list(
            "chatgpt", codex(entry("a", priority=5), entry("b"), entry("a", priority=1))
        )
        self.assertEqual([model.name for model in models], ["a", "b"])

    def test_odd_entries_are_left_out(self) -> None:
        """What has no usable name is no model."""
        odd = [None, 7, {}, entry(""), entry(" x"), entry("a\nb"), entry(7)]
        odd.append(entry("x" * 201))
        models = read_list("chatgpt", codex(*odd, entry("good", priority="first")))
        self.assertEqual([model.name for model in models], ["good"])

    def test_what_is_no_list(self) -> None:
        """It is told why, in a word."""
        for body, why in (
            (b"<html>Just a moment...</html>", "not JSON"),
            (b"\xff\xfe", "not JSON"),
            (b"[" * 100_000, "not JSON"),
            (b"[]", "no list 'models'"),
            (b'{"models": {}}', "no list 'models'"),
            (b'{"models": []}', "no model"),
            (codex(entry("a", visibility="hide")), "no model"),
            (openai({"id": "gpt-5"}), "no list 'models'"),
            (b" " * 4_194_305, "bytes"),
        ):
            with case(body=body[:30]):
                error = self.assertRaises(BadList, read_list, "chatgpt", body)
                self.assertIn(why, str(error))

    def test_no_more_models_than_anybody_has(self) -> None:
        """A hostile upstream does not fill our memory."""
        body = openai(*({"id": f"m{number}"} for number in range(5000)))
        self.assertEqual(len(read_list("openai", body)), 1000)

    @given(st.lists(ANYTHING, max_size=5), st.sampled_from(["chatgpt", "openai"]))
    def test_nothing_but_bad_list_is_raised(
        self, entries: list[Any], profile: str
    ) -> None:
        """Whatever JSON there is."""
        member = "models" if profile == "chatgpt" else "data"
        body = json.dumps({member: entries}).encode()
        try:
            models = read_list(profile, body)
        except BadList:
            return
        self.assertTrue(any(model.listed for model in models))
