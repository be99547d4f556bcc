"""Chat requests in the words of the Responses API, as a table."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.chat import AskedChat
from chatmockd.core.dialect.reading import LONGEST_TEXT
from chatmockd.errors import InvalidRequest
from tests.core.cases import case

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\nrest").decode()
HI = {"role": "user", "content": "Hi"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "f", "arguments": "{}"},
}


def asked(thinks: bool = True, **fields: Any) -> AskedChat:
    """What becomes of a request, by default one that says hi."""
    given = {"model": "gpt-5.5", "messages": [HI], **fields}
    return AskedChat(json.loads(json.dumps(given)), thinks=thinks)


def message(role: str, *parts: dict[str, Any] | str) -> dict[str, Any]:
    """An item; a text is a part that says so."""
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": p} if isinstance(p, str) else p for p in parts]
    return {"type": "message", "role": role, "content": content}


def call(arguments: str = "{}", call_id: str = "call_1") -> dict[str, Any]:
    """An item that calls f."""
    return {
        "type": "function_call",
        "call_id": call_id,
        "name": "f",
        "arguments": arguments,
    }


def says(role: str, content: Any, **more: Any) -> dict[str, Any]:
    """A chat message."""
    return {"role": role, "content": content, **more}


def result(output: Any, kind: str = "function_call_output") -> dict[str, Any]:
    """What the call gave."""
    return {"type": kind, "call_id": "call_1", "output": output}


CALLS = says("assistant", None, tool_calls=[CALL])
CALLED_OLD = says("assistant", None, function_call={"name": "f", "arguments": "{}"})

# Messages, and the instructions and items that they are.
CONVERSATIONS: dict[str, tuple[list[Any], str | None, list[Any]]] = {
    "a question": ([HI], None, [message("user", "Hi")]),
    "a system message": (
        [says("system", "Be brief."), HI],
        "Be brief.",
        [message("user", "Hi")],
    ),
    "leading ones of both kinds": (
        [says("system", "A"), says("developer", [{"type": "text", "text": "B"}]), HI],
        "A\n\nB",
        [message("user", "Hi")],
    ),
    "a later one": (
        [says("system", "A"), HI, says("system", "B"), says("developer", "C")],
        "A",
        [message("user", "Hi"), message("developer", "B"), message("developer", "C")],
    ),
    "nothing but one": ([says("system", "A")], None, [message("developer", "A")]),
    "an answer": (
        [HI, says("assistant", "Hello."), HI],
        None,
        [message("user", "Hi"), message("assistant", "Hello."), message("user", "Hi")],
    ),
    "an answer with its reasoning": (
        [HI, says("assistant", "<think>Well.\n</think>Hello.")],
        None,
        [message("user", "Hi"), message("assistant", "Hello.")],
    ),
    "reasoning on lines of its own": (
        [says("assistant", "<think>\nWell.\n</think>\n\nHello.")],
        None,
        [message("assistant", "Hello.")],
    ),
    "reasoning on lines of its own, and no more": (
        [HI, says("assistant", "<think>\nx\n</think>", tool_calls=[CALL])],
        None,
        [message("user", "Hi"), call()],
    ),
    "a text with lines of its own": (
        [
            says("assistant", "<think>Well.\n</think>\n\nHello."),
            says("assistant", "<think>\nWell.</think>\n\nHello."),
            says("assistant", "<think>\nWell.\n</think>\nHello."),
            says("assistant", "<think>\nWell.\n</think>\n\n\nHello."),
        ],
        None,
        [
            message("assistant", "\n\nHello."),
            message("assistant", "\n\nHello."),
            message("assistant", "\nHello."),
            message("assistant", "\nHello."),
        ],
    ),
    "reasoning in a part": (
        [says("assistant", [{"type": "text", "text": "<think>x</think>Hello."}])],
        None,
        [message("assistant", "Hello.")],
    ),
    "reasoning only": (
        [HI, says("assistant", "<think>Call it.</think>", tool_calls=[CALL])],
        None,
        [message("user", "Hi"), call()],
    ),
    "tags elsewhere": (
        [says("assistant", "A <think>x</think>"), says("user", "<think>x</think>")],
        None,
        [
            message("assistant", "A <think>x</think>"),
            message("user", "<think>x</think>"),
        ],
    ),
    "a tag that is not closed": (
        [says("assistant", "<think>x")],
        None,
        [message("assistant", "<think>x")],
    ),
    "a refusal": (
        [HI, says("assistant", None, refusal="No.")],
        None,
        [
            message("user", "Hi"),
            message("assistant", {"type": "refusal"} | {"refusal": "No."}),
        ],
    ),
    "a refusal in a part": (
        [says("assistant", [{"type": "refusal", "refusal": "No."}])],
        None,
        [message("assistant", {"type": "refusal", "refusal": "No."})],
    ),
    "a call and its result": (
        [HI, CALLS, says("tool", "18", tool_call_id="call_1")],
        None,
        [message("user", "Hi"), call(), result("18")],
    ),
    "words and a call": (
        [says("assistant", "Let me see.", tool_calls=[CALL])],
        None,
        [message("assistant", "Let me see."), call()],
    ),
    "a result in parts": (
        [
            CALLS,
            says(
                "tool",
                [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                tool_call_id="call_1",
            ),
        ],
        None,
        [call(), result("a\nb")],
    ),
    "a result with a picture": (
        [
            CALLS,
            says(
                "tool",
                [{"type": "image_url", "image_url": {"url": PNG}}],
                tool_call_id="call_1",
            ),
        ],
        None,
        [
            call(),
            result([{"type": "input_image", "image_url": PNG, "detail": "auto"}]),
        ],
    ),
    "a result without words": (
        [CALLS, says("tool", None, tool_call_id="call_1")],
        None,
        [call(), result("")],
    ),
    "a call of a custom tool": (
        [
            says(
                "assistant",
                None,
                tool_calls=[
                    {
                        "id": "call_1",
                        "type": "custom",
                        "custom": {"name": "f", "input": "x"},
                    }
                ],
            ),
            says("tool", "y", tool_call_id="call_1"),
        ],
        None,
        [
            {
                "type": "custom_tool_call",
                "call_id": "call_1",
                "name": "f",
                "input": "x",
            },
            result("y", "custom_tool_call_output"),
        ],
    ),
    "an old function call": (
        [HI, CALLED_OLD, says("function", "18", name="f")],
        None,
        [
            message("user", "Hi"),
            call(call_id="call_legacy_1"),
            result("18") | {"call_id": "call_legacy_1"},
        ],
    ),
    "parts of all kinds": (
        [
            says(
                "user",
                [
                    {"type": "text", "text": "Look"},
                    {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                    {"type": "image_url", "image_url": "https://example.com/a.png"},
                    {"type": "file", "file": {"file_id": "file_1"}},
                    {
                        "type": "file",
                        "file": {
                            "filename": "a.pdf",
                            "file_data": "data:application/pdf;base64,JVBERg==",
                        },
                    },
                ],
            )
        ],
        None,
        [
            message(
                "user",
                "Look",
                {"type": "input_image", "image_url": PNG, "detail": "low"},
                {
                    "type": "input_image",
                    "image_url": "https://example.com/a.png",
                    "detail": "auto",
                },
                {"type": "input_file", "file_id": "file_1"},
                {
                    "type": "input_file",
                    "file_data": "data:application/pdf;base64,JVBERg==",
                    "filename": "a.pdf",
                },
            )
        ],
    ),
    "base64 as URLs have it": (
        [
            says(
                "user",
                [
                    {
                        "type": "image_url",
                        "image_url": "data:image/png;base64,iVBORw0KGgpy\nZXN0eA%3D%3D",
                    }
                ],
            )
        ],
        None,
        [
            message(
                "user",
                {
                    "type": "input_image",
                    "image_url": "data:image/png;base64,iVBORw0KGgpyZXN0eA==",
                    "detail": "auto",
                },
            )
        ],
    ),
}

FUNCTION = {
    "type": "function",
    "name": "f",
    "parameters": {"type": "object", "properties": {}},
    "strict": False,
}

# Fields of a request, and what they are besides the model and the input.
FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "same names": (
        {
            "temperature": 0.5,
            "top_p": 1,
            "metadata": {"a": "b"},
            "store": False,
            "user": "u",
            "service_tier": "flex",
            "prompt_cache_key": "k",
            "safety_identifier": "s",
            "fast_mode": True,
        },
        {
            "temperature": 0.5,
            "top_p": 1,
            "metadata": {"a": "b"},
            "store": False,
            "user": "u",
            "service_tier": "flex",
            "prompt_cache_key": "k",
            "safety_identifier": "s",
            "fast_mode": True,
        },
    ),
    "nulls": (
        {
            "temperature": None,
            "tools": None,
            "stop": None,
            "n": None,
            "response_format": None,
            "reasoning_effort": None,
            "stream_options": None,
            "modalities": None,
        },
        {},
    ),
    "limit": ({"max_completion_tokens": 100}, {"max_output_tokens": 100}),
    "both limits": (
        {"max_completion_tokens": 100, "max_tokens": 50},
        {"max_output_tokens": 100},
    ),
    "a limit that upstreams refuse": ({"max_tokens": 1}, {"max_output_tokens": 16}),
    "effort": ({"reasoning_effort": "high"}, {"reasoning": {"effort": "high"}}),
    "reasoning": (
        {"reasoning": {"effort": "LOW", "summary": "detailed"}},
        {"reasoning": {"effort": "low", "summary": "detailed"}},
    ),
    "both ways to say an effort": (
        {"reasoning_effort": "high", "reasoning": {"effort": "low"}},
        {"reasoning": {"effort": "high"}},
    ),
    "verbosity": ({"verbosity": "low"}, {"text": {"verbosity": "low"}}),
    "JSON": (
        {"response_format": {"type": "json_object"}},
        {"text": {"format": {"type": "json_object"}}},
    ),
    "a schema": (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "s", "schema": SCHEMA, "strict": True},
            }
        },
        {
            "text": {
                "format": {
                    "type": "json_schema",
                    "name": "s",
                    "schema": SCHEMA,
                    "strict": True,
                }
            }
        },
    ),
    "a tool": (
        {
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "f",
                        "description": "d",
                        "parameters": SCHEMA,
                        "strict": True,
                    },
                }
            ],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "parallel_tool_calls": False,
        },
        {
            "tools": [
                {
                    "type": "function",
                    "name": "f",
                    "description": "d",
                    "parameters": SCHEMA,
                    "strict": True,
                }
            ],
            "tool_choice": {"type": "function", "name": "f"},
            "parallel_tool_calls": False,
        },
    ),
    "a tool that says little": (
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"tools": [FUNCTION]},
    ),
    "a tool in the words of the other API": (
        {"tools": [FUNCTION]},
        {"tools": [FUNCTION]},
    ),
    "a custom tool": (
        {
            "tools": [
                {
                    "type": "custom",
                    "custom": {
                        "name": "f",
                        "format": {
                            "type": "grammar",
                            "grammar": {"syntax": "lark", "definition": "x"},
                        },
                    },
                }
            ],
            "tool_choice": {"type": "custom", "custom": {"name": "f"}},
        },
        {
            "tools": [
                {
                    "type": "custom",
                    "name": "f",
                    "format": {
                        "type": "grammar",
                        "syntax": "lark",
                        "definition": "x",
                    },
                }
            ],
            "tool_choice": {"type": "custom", "name": "f"},
        },
    ),
    "allowed tools": (
        {
            "tools": [FUNCTION],
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "f"}}],
                },
            },
        },
        {
            "tools": [FUNCTION],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}],
            },
        },
    ),
    "old functions": (
        {"functions": [{"name": "f"}], "function_call": {"name": "f"}},
        {
            "tools": [FUNCTION],
            "tool_choice": {"type": "function", "name": "f"},
            "parallel_tool_calls": False,
        },
    ),
    "a choice among nothing": ({"tool_choice": "auto"}, {}),
    "web search": (
        {
            "web_search_options": {
                "search_context_size": "low",
                "user_location": {
                    "type": "approximate",
                    "approximate": {"country": "FR"},
                },
            }
        },
        {
            "tools": [
                {
                    "type": "web_search",
                    "search_context_size": "low",
                    "user_location": {"type": "approximate", "country": "FR"},
                }
            ]
        },
    ),
    "extra tools": (
        {
            "tools": [FUNCTION],
            "responses_tools": [{"type": "web_search"}],
            "responses_tool_choice": "auto",
            "tool_choice": "required",
        },
        {"tools": [FUNCTION, {"type": "web_search"}], "tool_choice": "auto"},
    ),
    "no extra tools": ({"responses_tool_choice": "none"}, {"tool_choice": "none"}),
    "log probabilities": (
        {"logprobs": True, "top_logprobs": 2},
        {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
    ),
    "what nobody has": (
        {"seed": 1, "logit_bias": {"1": 2}, "prediction": {}, "whatever": [1]},
        {},
    ),
}


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


class TranslationTests(SynchronousTestCase):
    """What a client says is what the upstream is asked."""

    maxDiff = None

    def test_conversations(self) -> None:
        """Every role, and all that it can say."""
        for name, (messages, instructions, items) in CONVERSATIONS.items():
            with case(name=name):
                fields = asked(messages=messages).fields
                self.assertEqual(fields.get("instructions"), instructions)
                self.assertEqual(fields["input"], items)

    def test_fields(self) -> None:
        """What else a request has."""
        for name, (said, expected) in FIELDS.items():
            with case(name=name):
                fields = asked(**said).fields
                self.assertEqual(fields.pop("model"), "gpt-5.5")
                self.assertEqual(fields.pop("input"), [message("user", "Hi")])
                self.assertEqual(fields, expected)

    def test_a_beginning_stays_the_same(self) -> None:
        """A history that goes on begins with the items that it had."""
        messages = [HI, CALLS, says("tool", "18", tool_call_id="call_1")]
        messages += [says("assistant", "18."), says("system", "B"), CALLED_OLD, HI]
        whole = asked(messages=messages).fields["input"]
        for count in range(1, len(messages)):
            with case(count=count):
                items = asked(messages=messages[:count]).fields["input"]
                self.assertEqual(items, whole[: len(items)])

    def test_tags_where_we_put_none(self) -> None:
        """Another way to show reasoning leaves texts alone."""
        told = says("assistant", "<think>x</think>Hello.")
        items = asked(thinks=False, messages=[told]).fields["input"]
        self.assertEqual(items, [message("assistant", "<think>x</think>Hello.")])

    def test_a_prompt_instead_of_messages(self) -> None:
        """ChatMock takes that."""
        for name in ("prompt", "input"):
            given = {"model": "m", name: "Hi"}
            fields = AskedChat(given, thinks=True).fields
            self.assertEqual(fields["input"], [message("user", "Hi")])

    def test_the_way_back(self) -> None:
        """Extra tools can be done without."""
        request = asked(
            tools=[FUNCTION],
            tool_choice="required",
            responses_tools=[{"type": "web_search"}],
            responses_tool_choice="auto",
        )
        assert request.otherwise is not None
        self.assertEqual(request.otherwise["tools"], [FUNCTION])
        self.assertEqual(request.otherwise["tool_choice"], "required")
        self.assertEqual(asked().otherwise, None)

    def test_what_is_left_out(self) -> None:
        """The client is told of what has no counterpart, if it means anything."""
        for said, names in (
            ({"seed": 7}, ["seed"]),
            ({"frequency_penalty": 0, "presence_penalty": 0.0, "logit_bias": {}}, []),
            ({"frequency_penalty": 0.5}, ["frequency_penalty"]),
            ({"logit_bias": {"50256": -100}}, ["logit_bias"]),
            ({"max_tokens": 5}, ["max_tokens"]),
        ):
            with case(said=said):
                self.assertEqual(asked(**said).left_out, names)  # type: ignore[arg-type]


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
