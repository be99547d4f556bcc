"""Chat requests that cannot be carried out: which field is named, as a table."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.chat import AskedChat
from chatmockd.core.dialect.reading import LONGEST_TEXT
from chatmockd.errors import InvalidRequest
from tests.core.cases import case
from tests.core.dialect.chat_requests import CALLS, HI, PNG, asked, says


def user_part(part: Any) -> dict[str, Any]:
    """A request with one part in its message."""
    return {"messages": [says("user", [part])]}


def picture(url: Any) -> dict[str, Any]:
    """A request with a picture."""
    return user_part({"type": "image_url", "image_url": {"url": url}})


URL = "messages[0].content[0].image_url.url"

# Requests that cannot be carried out, and the field that is at fault.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"messages": None}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": "Hi"}, "messages"),
    ({"messages": ["Hi"]}, "messages[0]"),
    ({"messages": [{}]}, "messages[0].role"),
    ({"messages": [says("king", "Hi")]}, "messages[0].role"),
    ({"messages": [says(7, "Hi")]}, "messages[0].role"),  # type: ignore[arg-type]
    ({"messages": [says("user", None)]}, "messages[0].content"),
    ({"messages": [says("user", 7)]}, "messages[0].content"),
    ({"messages": [says("user", [])]}, "messages[0].content"),
    ({"messages": [says("user", "x" * (LONGEST_TEXT + 1))]}, "messages[0].content"),
    ({"messages": [HI, says("system", 7)]}, "messages[1].content"),
    (
        {"messages": [says("system", [{"type": "x"}]), HI]},
        "messages[0].content[0].type",
    ),
    (user_part("Hi"), "messages[0].content[0]"),
    (user_part({}), "messages[0].content[0].type"),
    (user_part({"type": "video"}), "messages[0].content[0].type"),
    (user_part({"type": "text"}), "messages[0].content[0].text"),
    (user_part({"type": "text", "text": 1}), "messages[0].content[0].text"),
    (
        user_part({"type": "input_audio", "input_audio": {}}),
        "messages[0].content[0].input_audio",
    ),
    (user_part({"type": "file"}), "messages[0].content[0].file"),
    (user_part({"type": "file", "file": {}}), "messages[0].content[0].file.file_data"),
    (
        user_part({"type": "file", "file": {"file_data": "data:text/plain,x"}}),
        "messages[0].content[0].file.file_data",
    ),
    (user_part({"type": "image_url"}), "messages[0].content[0].image_url"),
    (
        user_part({"type": "image_url", "image_url": "file:///etc/passwd"}),
        "messages[0].content[0].image_url",
    ),
    (picture(None), URL),
    (picture(7), URL),
    (picture("ftp://example.com/a.png"), URL),
    (picture("https://exa mple.com"), URL),
    (picture("data:text/plain;base64,aGk="), URL),
    (picture("data:image/png,aGk="), URL),
    (picture("data:image/png;base64,"), URL),
    (picture("data:image/png;base64,!!!!"), URL),
    (picture("data:image/png;base64,aGVsbG8="), URL),
    (picture("data:image/png;base64,é"), URL),
    (
        user_part({"type": "image_url", "image_url": {"url": PNG, "detail": "best"}}),
        "messages[0].content[0].image_url.detail",
    ),
    ({"messages": [says("assistant", 7)]}, "messages[0].content"),
    (
        {"messages": [says("assistant", [{"type": "image_url"}])]},
        "messages[0].content[0].type",
    ),
    ({"messages": [says("assistant", None, tool_calls={})]}, "messages[0].tool_calls"),
    (
        {"messages": [says("assistant", None, tool_calls=[{}])]},
        "messages[0].tool_calls[0].id",
    ),
    (
        {"messages": [says("assistant", None, tool_calls=[{"id": "x"}])]},
        "messages[0].tool_calls[0].function",
    ),
    (
        {
            "messages": [
                says(
                    "assistant",
                    None,
                    tool_calls=[
                        {"id": "x", "function": {"name": "f", "arguments": {}}}
                    ],
                )
            ]
        },
        "messages[0].tool_calls[0].function.arguments",
    ),
    (
        {"messages": [says("assistant", None, tool_calls=[{"id": "x", "type": "y"}])]},
        "messages[0].tool_calls[0].type",
    ),
    ({"messages": [HI, says("tool", "18")]}, "messages[1].tool_call_id"),
    (
        {"messages": [HI, CALLS, says("tool", "18", tool_call_id="call_2")]},
        "messages[2].tool_call_id",
    ),
    ({"messages": [HI, says("function", "18", name="f")]}, "messages[1].name"),
    ({"n": 2}, "n"),
    ({"n": "1"}, "n"),
    ({"stream": "yes"}, "stream"),
    ({"stream_options": []}, "stream_options"),
    ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
    ({"temperature": "hot"}, "temperature"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"max_completion_tokens": True}, "max_completion_tokens"),
    ({"reasoning_effort": "most"}, "reasoning_effort"),
    ({"reasoning": "high"}, "reasoning"),
    ({"reasoning": {"summary": "long"}}, "reasoning.summary"),
    ({"verbosity": "loud"}, "verbosity"),
    ({"stop": 7}, "stop"),
    ({"stop": ["a", 7]}, "stop[1]"),
    ({"stop": ["a", ""]}, "stop[1]"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
    ({"metadata": []}, "metadata"),
    ({"store": "no"}, "store"),
    ({"user": 7}, "user"),
    ({"modalities": ["text", "audio"]}, "modalities[1]"),
    ({"audio": {"voice": "x"}}, "audio"),
    ({"logprobs": 3}, "logprobs"),
    ({"top_logprobs": 3}, "top_logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"response_format": "json"}, "response_format"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {}}},
        "response_format.json_schema.name",
    ),
    ({"tools": {}}, "tools"),
    ({"tools": ["f"]}, "tools[0]"),
    ({"tools": [{"type": "code_interpreter"}]}, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": 1}}]},
        "tools[0].function.parameters",
    ),
    ({"functions": [{}]}, "functions[0].name"),
    ({"tool_choice": "f"}, "tool_choice"),
    ({"tool_choice": 1}, "tool_choice"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
    ({"tool_choice": {"type": "x"}}, "tool_choice.type"),
    ({"responses_tools": {}}, "responses_tools"),
    ({"responses_tools": [{"type": "mcp"}]}, "responses_tools[0].type"),
    (
        {"responses_tools": [{"type": "web_search", "x": "y" * 40_000}]},
        "responses_tools",
    ),
    ({"responses_tool_choice": "some"}, "responses_tool_choice"),
]
_KEYS = st.sampled_from(
    "role content type text image_url url detail file file_data tool_calls id function "
    "name arguments tool_call_id refusal custom input function_call parameters".split()
)
_TEXTS = st.sampled_from(
    ["user", "assistant", "tool", "system", "text", "image_url", "file", "function"]
    + ["custom", "auto", "call_1", "f", PNG, "json_schema", "allowed_tools", ""]
) | st.text(max_size=5)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_KEYS | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=25,
)
NAMES = (
    "model messages tools tool_choice functions function_call response_format stop n "
    "reasoning reasoning_effort web_search_options responses_tools stream_options "
    "max_tokens logprobs top_logprobs modalities metadata seed logit_bias"
).split()
MESSAGES = st.lists(st.dictionaries(_KEYS, JSON, max_size=5) | JSON, max_size=5)


class RefusalTests(SynchronousTestCase):
    """What cannot be carried out goes nowhere."""

    def test_files(self) -> None:
        """What is wrong about one is said, and where."""
        path = "messages[0].content[0].file.file_data"
        for said, problem in (
            ("data:text/plain,x", "expected 'data:…;base64,' with a file"),
            ("data:text/plain;base64,", "expected 'data:…;base64,' with a file"),
            ("data:text/plain;base64,!!!!", "it is not base64"),
            ("data:text/plain;base64,é", "it is not base64"),
        ):
            with case(said=said):
                with self.assertRaises(InvalidRequest) as caught:
                    asked(**user_part({"type": "file", "file": {"file_data": said}}))
                self.assertEqual(
                    str(caught.exception), f"Invalid value for '{path}': {problem}."
                )
                self.assertEqual(caught.exception.param, path)
        for said in ("data:text/plain;base64,aGk", "data:x;base64,aG%6B", "aGk=", "x"):
            with case(said=said):
                part = {"type": "file", "file": {"file_data": said}}
                (item,) = asked(**user_part(part)).fields["input"]
                self.assertEqual(item["content"][0]["file_data"], said)

    def test_the_field_is_named(self) -> None:
        """By its path."""
        for said, param in REFUSED:
            with case(said=str(said)[:200]):
                with self.assertRaises(InvalidRequest) as caught:
                    asked(**said)
                self.assertEqual(caught.exception.param, param)
                self.assertEqual(caught.exception.status, 400)
                self.assertIsNotNone(caught.exception.code)
                self.assertIn(f"'{param}'", str(caught.exception))

    @settings(max_examples=400, deadline=None)
    @given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4), MESSAGES)
    def test_any_json(self, fields: dict[str, Any], messages: list[Any]) -> None:
        """It is a request, or a refusal; never anything else."""
        try:
            request = AskedChat({"messages": messages, **fields}, thinks=True)
        except InvalidRequest as problem:
            self.assertEqual(problem.status, 400)
        else:
            self.assertTrue(json.dumps(request.fields))
