"""Requests of the Ollama API, beside what becomes of them."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.calls import Calls
from chatmockd.core.dialect.ollama import Asked, read_chat, read_generate
from chatmockd.core.dialect.ollama_models import find
from chatmockd.core.model import Model
from chatmockd.errors import InvalidRequest
from tests.core.cases import case

MODELS = (Model("gpt-5.5", efforts=("none", "low", "high")), Model("plain"))
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def known(name: str) -> Model | None:
    """The model of a name."""
    return find(MODELS, name)


def chat(messages: Any, calls: Calls | None = None, **more: Any) -> Asked:
    """A chat request, read."""
    asked = {"model": "gpt-5.5", "messages": messages, **more}
    return read_chat(asked, known, calls or Calls())


def generate(**more: Any) -> Asked:
    """A generate request, read."""
    return read_generate({"model": "gpt-5.5", "prompt": "Hello?", **more}, known)


def user(text: str, *images: dict[str, Any]) -> dict[str, Any]:
    """What a user's message becomes."""
    content: list[dict[str, Any]] = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": [*content, *images]}


def said(text: str) -> dict[str, Any]:
    """What an assistant's message becomes."""
    content = [{"type": "output_text", "text": text}]
    return {"type": "message", "role": "assistant", "content": content}


def asks(text: str, **more: Any) -> dict[str, Any]:
    """A message of the user's."""
    return {"role": "user", "content": text, **more}


def calling(*cities: str, **more: Any) -> dict[str, Any]:
    """A message that calls the tool for each of these."""
    calls = [
        {"function": {"name": "weather", "arguments": {"city": city}}, **more}
        for city in cities
    ]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def result(text: str, **more: Any) -> dict[str, Any]:
    """What a tool says."""
    return {"role": "tool", "content": text, **more}


IMAGE = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}


class FieldsTests(SynchronousTestCase):
    """What stands beside the messages."""

    def test_golden(self) -> None:
        """Each member, and what it becomes."""
        strict = {
            "type": "object",
            "properties": {"a": {"type": "string"}},
            "required": ["a"],
            "additionalProperties": False,
        }
        loose = {"type": "object", "properties": {"a": {"type": "string"}}}
        shape = {"type": "json_schema", "name": "answer"}
        for asked, fields in (
            ({}, {}),
            ({"model": "gpt-5.5:latest"}, {"model": "gpt-5.5"}),
            ({"model": "gpt-5.5-high"}, {"model": "gpt-5.5-high"}),
            ({"model": "gpt-5.5:high"}, {"model": "gpt-5.5:high"}),
            (
                {"tools": [TOOL]},
                {"tools": [TOOL["function"] | {"type": "function", "strict": False}]},
            ),
            (
                {"tools": [{"function": {"name": "now"}}]},
                {
                    "tools": [
                        {
                            "type": "function",
                            "name": "now",
                            "parameters": {"type": "object", "properties": {}},
                            "strict": False,
                        }
                    ]
                },
            ),
            ({"tools": [], "format": "", "options": None, "think": None}, {}),
            (
                {"format": strict},
                {"text": {"format": shape | {"schema": strict, "strict": True}}},
            ),
            (
                {"format": loose},
                {"text": {"format": shape | {"schema": loose, "strict": False}}},
            ),
            (
                {"format": "json"},
                {
                    "text": {
                        "format": shape
                        | {"schema": {"type": "object"}, "strict": False}
                    }
                },
            ),
            ({"options": {"num_predict": 100}}, {"max_output_tokens": 100}),
            ({"options": {"num_predict": 3}}, {"max_output_tokens": 16}),
            ({"options": {"num_predict": -1, "num_ctx": 4096, "seed": 1}}, {}),
            (
                {"options": {"temperature": 0, "top_p": 0.5}},
                {"temperature": 0, "top_p": 0.5},
            ),
            ({"think": True}, {"reasoning": {"summary": "auto"}}),
            ({"think": False}, {"reasoning": {"effort": "none"}}),
            ({"think": False, "model": "plain"}, {}),
            ({"think": "low"}, {"reasoning": {"effort": "low", "summary": "auto"}}),
            ({"think": ""}, {}),
            (
                {"format": {}},
                {
                    "text": {
                        "format": shape
                        | {"schema": {"type": "object"}, "strict": False}
                    }
                },
            ),
            ({"keep_alive": "5m", "nonsense": [1]}, {}),
            ({"tool_choice": "none"}, {"tool_choice": "none"}),
            (
                {"fast_mode": True, "parallel_tool_calls": False},
                {"fast_mode": True, "parallel_tool_calls": False},
            ),
        ):
            given = {"model": "gpt-5.5", "messages": [asks("Hi")], **asked}
            expected = {"model": given["model"], "input": [user("Hi")], **fields}
            with case(asked=asked):
                self.assertEqual(read_chat(given, known, Calls()).fields, expected)

    def test_json_by_its_word(self) -> None:
        """Where the word is, the upstream has a mode for it."""
        for message in (asks("Answer in JSON."), asks("As json")):
            fields = chat([message], format="json").fields
            self.assertEqual(fields["text"], {"format": {"type": "json_object"}})

    def test_what_is_not_for_the_upstream(self) -> None:
        """Streaming is the default; thinking is shown, unless it is not wanted."""
        for more, streaming, aloud, stops in (
            ({}, True, True, ()),
            ({"stream": False}, False, True, ()),
            ({"stream": None}, True, True, ()),
            ({"think": False}, True, False, ()),
            ({"think": "high"}, True, True, ()),
            ({"options": {"stop": ["a", "", "b"]}}, True, True, ("a", "b")),
            ({"options": {"stop": "a"}}, True, True, ("a",)),
        ):
            with case(more=more):
                asked = chat([asks("Hi")], **more)
                self.assertEqual(
                    (asked.streaming, asked.thinks_aloud, asked.stops),
                    (streaming, aloud, stops),
                )
                self.assertEqual(asked.model, "gpt-5.5")

    def test_asking_nothing(self) -> None:
        """The client wants the model in memory, or out of it."""
        for asked, reason in (
            (chat([]), "load"),
            (chat(None), "load"),
            (chat([], keep_alive=0), "unload"),
            (chat([{"role": "system", "content": "Be brief."}]), "load"),
            (generate(prompt=""), "load"),
            (generate(prompt=None, keep_alive="0"), "unload"),
        ):
            self.assertEqual((asked.idle_reason, asked.fields), (reason, {}))

    def test_generate(self) -> None:
        """A prompt is a conversation of one message."""
        for more, fields in (
            ({}, {}),
            ({"system": "Be brief."}, {"instructions": "Be brief."}),
            ({"images": [PIXEL]}, {"input": [user("Hello?", IMAGE)]}),
            ({"suffix": "", "template": "", "context": [1], "raw": False}, {}),
            ({"think": "high"}, {"reasoning": {"effort": "high", "summary": "auto"}}),
        ):
            expected = {"model": "gpt-5.5", "input": [user("Hello?")], **fields}
            with case(more=more):
                self.assertEqual(generate(**more).fields, expected)

    def test_a_forced_model_makes_any_name_good(self) -> None:
        """Another one answers."""
        body = {"model": "llama3:8b", "messages": [asks("Hi")], "think": False}
        asked = read_chat(body, lambda name: None, Calls())
        self.assertEqual(asked.fields["model"], "llama3:8b")


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
