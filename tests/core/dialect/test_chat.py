"""What a chat request has beside its messages, as a table."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.core.cases import case
from tests.core.dialect.chat_requests import asked, message

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
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


class FieldsTests(SynchronousTestCase):
    """What else a client says is what the upstream is asked."""

    maxDiff = None

    def test_fields(self) -> None:
        """What else a request has."""
        for name, (said, expected) in FIELDS.items():
            with case(name=name):
                fields = asked(**said).fields
                self.assertEqual(fields.pop("model"), "gpt-5.5")
                self.assertEqual(fields.pop("input"), [message("user", "Hi")])
                self.assertEqual(fields, expected)

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
