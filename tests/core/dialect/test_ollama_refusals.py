"""Ollama requests that cannot be carried out, and any JSON at all."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.ollama import read_chat, read_generate
from chatmockd.core.dialect.ollama_calls import Calls
from chatmockd.errors import InvalidRequest
from tests.core.cases import case
from tests.core.dialect.ollama_requests import (
    PIXEL,
    asks,
    chat,
    generate,
    known,
    result,
)


class RefusedTests(SynchronousTestCase):
    """What is wrong is named."""

    def test_chat(self) -> None:
        """Each request that cannot be carried out, and the member at fault."""
        call = {"function": {"name": "f", "arguments": {}}}
        named = call | {"id": "call_0"}

        def assistant(*calls: Any) -> dict[str, Any]:
            return {"role": "assistant", "tool_calls": list(calls)}

        text = base64.b64encode(b"no image at all").decode()
        for more, param in (
            ({"model": None}, "model"),
            ({"model": " "}, "model"),
            ({"model": 5}, "model"),
            ({"model": "llama3"}, "model"),
            ({"model": "gpt-5.5:8b"}, "model"),
            ({"messages": "Hi"}, "messages"),
            ({"messages": ["Hi"]}, "messages[0]"),
            ({"messages": [{}]}, "messages[0].role"),
            ({"messages": [{"role": "robot"}]}, "messages[0].role"),
            ({"messages": [{"role": ["user"]}]}, "messages[0].role"),
            ({"messages": [asks("Hi") | {"content": 5}]}, "messages[0].content"),
            ({"messages": [asks("Hi", images=PIXEL)]}, "messages[0].images"),
            ({"messages": [asks("Hi", images=[5])]}, "messages[0].images[0]"),
            ({"messages": [asks("Hi", images=["é"])]}, "messages[0].images[0]"),
            ({"messages": [asks("Hi", images=["abc"])]}, "messages[0].images[0]"),
            ({"messages": [asks("Hi", images=[""])]}, "messages[0].images[0]"),
            ({"messages": [asks("Hi", images=[text])]}, "messages[0].images[0]"),
            (
                {"messages": [{"role": "system", "images": [PIXEL]}]},
                "messages[0].images",
            ),
            ({"messages": [asks("x" * 10_485_761)]}, "messages[0].content"),
            ({"messages": [result("sunny")]}, "messages[0]"),
            (
                {"messages": [assistant(call), result("1"), result("2")]},
                "messages[2]",
            ),
            (
                {"messages": [assistant(call), result("1", tool_name="g")]},
                "messages[1].tool_name",
            ),
            (
                {"messages": [assistant(named), result("1", tool_call_id="x")]},
                "messages[1].tool_call_id",
            ),
            ({"messages": [assistant("f")]}, "messages[0].tool_calls[0]"),
            ({"messages": [assistant({})]}, "messages[0].tool_calls[0].function"),
            (
                {"messages": [assistant({"function": {}})]},
                "messages[0].tool_calls[0].function.name",
            ),
            (
                {"messages": [assistant({"function": {"name": "f", "arguments": 5}})]},
                "messages[0].tool_calls[0].function.arguments",
            ),
            (
                {
                    "messages": [
                        assistant({"function": {"name": "f", "arguments": "[]"}})
                    ]
                },
                "messages[0].tool_calls[0].function.arguments",
            ),
            ({"tools": {}}, "tools"),
            ({"tools": [5]}, "tools[0]"),
            ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
            ({"tools": [{"function": {}}]}, "tools[0].function.name"),
            ({"format": "xml"}, "format"),
            ({"format": 5}, "format"),
            ({"options": []}, "options"),
            ({"options": {"temperature": "hot"}}, "options.temperature"),
            ({"options": {"top_p": True}}, "options.top_p"),
            ({"options": {"num_predict": "5"}}, "options.num_predict"),
            ({"options": {"stop": 5}}, "options.stop"),
            ({"options": {"stop": [5]}}, "options.stop[0]"),
            ({"options": {"stop": ["x"] * 33}}, "options.stop"),
            ({"stream": "yes"}, "stream"),
            ({"tool_choice": "f"}, "tool_choice"),
            ({"fast_mode": "yes"}, "fast_mode"),
            ({"think": 5}, "think"),
            ({"think": "hard"}, "think"),
        ):
            body = {"model": "gpt-5.5", "messages": [asks("Hi")], **more}
            with case(more=more):
                with self.assertRaises(InvalidRequest) as caught:
                    read_chat(body, known, Calls())
                self.assertEqual(caught.exception.param, param)
                self.assertIn(param, str(caught.exception))

    def test_generate(self) -> None:
        """The same for a prompt."""
        for more, param in (
            ({"prompt": ["Hi"]}, "prompt"),
            ({"suffix": "}"}, "suffix"),
            ({"raw": True}, "raw"),
            ({"template": "{{ .Prompt }}"}, "template"),
            ({"system": 5}, "system"),
            ({"images": ["x"]}, "images[0]"),
            ({"model": "llama3"}, "model"),
        ):
            with case(more=more):
                with self.assertRaises(InvalidRequest) as caught:
                    generate(**more)
                self.assertEqual(caught.exception.param, param)

    def test_an_unknown_model_in_ollamas_words(self) -> None:
        """Apps look for them."""
        with self.assertRaises(InvalidRequest) as caught:
            chat([asks("Hi")], model="llama3")
        self.assertEqual(str(caught.exception), "model 'llama3' not found")
        self.assertEqual(caught.exception.status, 404)


_NAMES = st.sampled_from(
    "model messages role content images tool_calls function name arguments id tools "
    "type parameters format options stop think stream prompt system suffix tool_name "
    "tool_call_id keep_alive num_predict temperature properties required".split()
)
_ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["user", "assistant", "tool", "system", "json", "gpt-5.5"])
    | st.text(max_size=8)
)
_ANY = st.recursive(
    _ATOMS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner),
    max_leaves=20,
)
_MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "tool", "system"])},
        optional={
            "content": _ATOMS,
            "tool_calls": st.lists(
                st.fixed_dictionaries(
                    {
                        "function": st.fixed_dictionaries(
                            {"name": st.text(max_size=3), "arguments": _ANY}
                        )
                    },
                    optional={"id": st.sampled_from(["", "a", "b"])},
                ),
                max_size=3,
            ),
            "tool_call_id": st.sampled_from(["", "a", "b"]),
        },
    ),
    max_size=6,
)


class AnythingTests(SynchronousTestCase):
    """Any JSON at all is a request or a refusal."""

    def read(self, body: dict[str, Any]) -> None:
        calls = Calls()
        for read in (
            lambda: read_chat(body, known, calls),
            lambda: read_generate(body, known),
        ):
            try:
                asked = read()
            except InvalidRequest as refusal:
                self.assertTrue(400 <= refusal.status < 500)
            else:
                json.dumps(asked.fields)

    @settings(max_examples=150, deadline=None, database=None)
    @given(st.dictionaries(_NAMES, _ANY))
    def test_any_object(self, body: dict[str, Any]) -> None:
        """Its members may be anything."""
        self.read({"model": "gpt-5.5", **body})

    @settings(max_examples=150, deadline=None, database=None)
    @given(_MESSAGES)
    def test_any_messages(self, messages: list[Any]) -> None:
        """Calls and results in any order; what is read is whole in itself."""
        body = {"model": "gpt-5.5", "messages": messages}
        self.read(body)
        try:
            items = read_chat(body, known, Calls()).fields.get("input", [])
        except InvalidRequest:
            return
        made = [i["call_id"] for i in items if i["type"] == "function_call"]
        results = [i["call_id"] for i in items if i["type"] == "function_call_output"]
        self.assertEqual(len(made), len(set(made)))
        self.assertEqual(len(results), len(set(results)))
        self.assertLessEqual(set(results), set(made))
