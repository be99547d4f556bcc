"""What a request gets that does not say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.create import check_create
from chatmockd.core.defaults import (
    RequestDefaults,
    Wanted,
    without_effort,
)
from chatmockd.core.model import Catalog, Model
from chatmockd.core.profile import CHATGPT, OPENAI, Profile
from chatmockd.errors import InvalidRequest
from tests.core.cases import case
from tests.core.json_values import values

BASIC = ("low", "medium", "high")
MODELS = (
    Model("gpt-5.5", efforts=(*BASIC, "xhigh", "max", "ultra"), has_priority=True),
    Model("gpt-5.1-codex", efforts=BASIC, has_priority=False),
    Model("gpt-4o"),
    Model("odd-high", efforts=BASIC),
)
KNOWN = {model.name: model for model in MODELS}


class Some:
    """A catalog that can be changed."""

    def __init__(self, models: Sequence[Model] = MODELS) -> None:
        self.known = models

    def models(self) -> Sequence[Model]:
        return self.known


def defaults(
    profile: Profile = OPENAI, catalog: Catalog | None = None, **wanted: Any
) -> RequestDefaults:
    """The wishes of an operator."""
    return RequestDefaults(Wanted(**wanted), profile, catalog or Some())


def completed(fields: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    """C{fields} of C{/v1/responses}, as they go on."""
    fields = {"model": "gpt-5.5", **fields}
    defaults(**wanted).complete(fields)
    return fields


# A name, and what is in it.
NAMES = [
    ("gpt-5.5", "gpt-5.5", None),
    ("gpt-5.5-high", "gpt-5.5", "high"),
    ("gpt-5.5_high", "gpt-5.5", "high"),
    ("gpt-5.5:high", "gpt-5.5", "high"),
    ("gpt-5.5-max", "gpt-5.5", "max"),
    ("gpt-5.5:none", "gpt-5.5", "none"),
    ("gpt-5.1-codex-max", "gpt-5.1-codex-max", None),
    ("odd-high", "odd-high", None),
    ("odd-high-high", "odd-high", "high"),
    ("gpt-9-high", "gpt-9", "high"),
    ("gpt-9:max", "gpt-9", "max"),
    ("gpt-9-max", "gpt-9-max", None),
    ("gpt-9-mini", "gpt-9-mini", None),
    ("gpt-9:latest", "gpt-9:latest", None),
    ("ft:gpt-4o:acme:x-high:7", "ft:gpt-4o:acme:x-high:7", None),
    ("-high", "-high", None),
    ("high", "high", None),
    ("", "", None),
]

# Fields, wishes, and the fields that come of them.
CASES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({}, {}, {}),
    ({"model": "gpt-5.5-low"}, {}, {"reasoning": {"effort": "low"}}),
    (
        {"model": "gpt-5.5-low", "reasoning": {"effort": "high"}},
        {},
        {"reasoning": {"effort": "high"}},
    ),
    ({}, {"effort": "high"}, {"reasoning": {"effort": "high"}}),
    (
        {"model": "gpt-5.5-low"},
        {"effort": "high", "summary": "auto"},
        {"reasoning": {"effort": "low", "summary": "auto"}},
    ),
    ({"model": "gpt-4o"}, {"effort": "high", "summary": "auto"}, {"model": "gpt-4o"}),
    ({"reasoning": {"effort": "ultra"}}, {}, {"reasoning": {"effort": "max"}}),
    (
        {"model": "gpt-9", "reasoning": {"effort": "ultra"}},
        {},
        {"model": "gpt-9", "reasoning": {"effort": "xhigh"}},
    ),
    ({"model": "gpt-5.5-ultra"}, {}, {"reasoning": {"effort": "max"}}),
    ({"reasoning": {"summary": "none"}}, {"summary": "auto"}, {"reasoning": {}}),
    ({}, {"summary": "none"}, {}),
    ({"reasoning": "high"}, {"effort": "low"}, {"reasoning": "high"}),
    ({"reasoning": {}}, {}, {"reasoning": {}}),
    ({"model": "gpt-4o"}, {"model": "gpt-5.5"}, {}),
    (
        {"model": "gpt-9-high"},
        {"model": "gpt-5.5-low"},
        {"reasoning": {"effort": "high"}},
    ),
    ({"model": "gpt-9"}, {"model": "gpt-5.5-low"}, {"reasoning": {"effort": "low"}}),
    ({"model": 7}, {}, {"model": 7}),
    ({"fast_mode": True}, {}, {"service_tier": "priority"}),
    ({"fast_mode": "on"}, {}, {"service_tier": "priority"}),
    ({"fast_mode": None}, {}, {}),
    ({"fast_mode": False, "service_tier": "flex"}, {"fast_mode": True}, {}),
    ({"fast_mode": True, "service_tier": "flex"}, {}, {"service_tier": "priority"}),
    ({"service_tier": "flex"}, {"fast_mode": True}, {"service_tier": "flex"}),
    ({}, {"fast_mode": True}, {"service_tier": "priority"}),
    (
        {"model": "gpt-9", "fast_mode": True},
        {},
        {"model": "gpt-9", "service_tier": "priority"},
    ),
    ({"model": "gpt-5.1-codex"}, {"fast_mode": True}, {"model": "gpt-5.1-codex"}),
    ({}, {"web_search": True}, {"tools": [{"type": "web_search"}]}),
    ({"tools": []}, {"web_search": True}, {"tools": [{"type": "web_search"}]}),
    ({"tools": [1]}, {"web_search": True}, {"tools": [1]}),
    ({"tool_choice": "none"}, {"web_search": True}, {"tool_choice": "none"}),
]


class NameTests(SynchronousTestCase):
    """Efforts behind the names of models."""

    def test_names(self) -> None:
        """They are found, and no real name is damaged."""
        for name, base, effort in NAMES:
            with case(name=name):
                self.assertEqual(without_effort(name, KNOWN), (base, effort))

    def test_without_a_list(self) -> None:
        """What can be nothing else is still an effort."""
        fields = {"model": "gpt-5.5-high"}
        nothing = Some()
        nothing.known = ()
        defaults(catalog=nothing).complete(fields)
        expected = {"model": "gpt-5.5", "reasoning": {"effort": "high"}}
        self.assertEqual(fields, expected)

    def test_a_new_list(self) -> None:
        """It counts from then on."""
        catalog = Some()
        some = defaults(catalog=catalog)
        catalog.known = (*MODELS, Model("gpt-9-high"))
        fields = {"model": "gpt-9-high"}
        some.complete(fields)
        self.assertEqual(fields, {"model": "gpt-9-high"})


class CompletionTests(SynchronousTestCase):
    """Requests of C{/v1/responses}, and what all share with them."""

    def test_cases(self) -> None:
        """One wish after the other."""
        for fields, wanted, expected in CASES:
            with case(fields=fields, wanted=wanted):
                expected = {"model": "gpt-5.5", **expected}
                self.assertEqual(completed(fields, **wanted), expected)

    def test_fast_mode_that_cannot_be(self) -> None:
        """One who asks for it is told; a default is left out, and remarked."""
        fields = {"model": "gpt-5.1-codex", "fast_mode": True}
        with self.assertRaises(InvalidRequest) as caught:
            defaults().complete(fields)
        self.assertEqual(caught.exception.param, "fast_mode")
        remarks = defaults(fast_mode=True).complete({"model": "gpt-5.1-codex"})
        self.assertEqual(remarks, ["no fast mode for this model"])

    def test_fast_mode_of_another_type(self) -> None:
        """It is refused."""
        for wish in (7, "maybe", [], {}):
            with case(wish=wish):
                with self.assertRaises(InvalidRequest) as caught:
                    completed({"fast_mode": wish})
                self.assertEqual(caught.exception.code, "invalid_type")

    def test_sessions(self) -> None:
        """A conversation's name is its cache key, unless there is one."""
        for fields, session, key in (
            ({}, "abc", "abc"),
            ({"prompt_cache_key": "k"}, "abc", "k"),
            ({}, None, None),
        ):
            request: dict[str, Any] = {"model": "gpt-5.5", **fields}
            defaults().complete(request, session)
            self.assertEqual(request.get("prompt_cache_key"), key)
        request = {"model": "gpt-5.5"}
        defaults().complete(request, "x" * 500)
        self.assertEqual(len(request["prompt_cache_key"]), 32)

    def test_nothing_is_touched_by_default(self) -> None:
        """What the client wrote is what goes on."""
        reasoning = {"effort": "high", "summary": "auto"}
        for fields in (
            {"model": "gpt-5.5", "input": "Hi"},
            {"model": "gpt-5.5", "reasoning": reasoning, "tools": [], "include": []},
            {"prompt": {"id": "x"}},
        ):
            request = dict(fields)
            self.assertEqual(defaults().complete(request), [])
            self.assertEqual(request, fields)

    @settings(max_examples=200, deadline=None)
    @given(
        st.dictionaries(
            st.sampled_from(
                "model reasoning fast_mode service_tier tools tool_choice".split()
            ),
            values | st.sampled_from(["gpt-5.5", "gpt-5.5-high", "none"]),
        ),
        st.booleans(),
    )
    def test_any_values(self, fields: dict[str, Any], plain: bool) -> None:
        """What has a wrong type is refused, here or where the request is checked."""
        wanted = {} if plain else {"effort": "low", "web_search": True}
        try:
            defaults(**wanted).complete(fields)  # type: ignore[arg-type]
            check_create(fields, OPENAI)
        except InvalidRequest as problem:
            self.assertIn(problem.param, ("model", "fast_mode"))


class DialectTests(SynchronousTestCase):
    """What requests of the other APIs get besides."""

    def asked(self, profile: Profile = CHATGPT, **fields: Any) -> dict[str, Any]:
        said = {"type": "message", "role": "user", "content": "Hi"}
        request = {"model": "gpt-5.5", "input": [said], **fields}
        defaults(profile).complete_dialect(request)
        return request

    def test_the_backend_with_reasoning(self) -> None:
        """It is asked for summaries, and for what a conversation needs to go on."""
        request = self.asked()
        self.assertEqual(request["reasoning"], {"summary": "auto"})
        self.assertEqual(request["include"], ["reasoning.encrypted_content"])
        request = self.asked(include=["x", "reasoning.encrypted_content"])
        self.assertEqual(request["include"], ["x", "reasoning.encrypted_content"])
        request = self.asked(reasoning={"summary": "none"})
        self.assertEqual(request["reasoning"], {})

    def test_the_public_api(self) -> None:
        """It is not: some of its models know nothing of that."""
        request = self.asked(OPENAI)
        self.assertFalse({"reasoning", "include"} & request.keys())

    def test_cache_keys(self) -> None:
        """They are what a conversation begins with."""
        key = self.asked()["prompt_cache_key"]
        self.assertRegex(key, "^[0-9a-f]{32}$")
        more = [*self.asked()["input"], {"type": "message", "role": "assistant"}]
        self.assertEqual(self.asked(input=more)["prompt_cache_key"], key)
        other = self.asked(instructions="Be brief.")
        self.assertNotEqual(other["prompt_cache_key"], key)
        self.assertEqual(self.asked(prompt_cache_key="k")["prompt_cache_key"], "k")
        self.assertIn("prompt_cache_key", self.asked(input=[]))

    def test_a_second_try_searches_nothing(self) -> None:
        """Or it would be the same again."""
        request: dict[str, Any] = {"model": "gpt-5.5", "input": []}
        some = defaults(web_search=True)
        some.complete_dialect(request, searches=False)
        self.assertNotIn("tools", request)
