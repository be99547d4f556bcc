"""Tools, choices among them and shapes of answers that chat clients ask for."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.core.cases import case
from tests.core.dialect.chat_requests import asked, fields_besides

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION = {
    "type": "function",
    "name": "f",
    "parameters": {"type": "object", "properties": {}},
    "strict": False,
}

# What a request asks for, and what it is besides the model and the input.
ASKED_FOR: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
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
}


class ToolsTests(SynchronousTestCase):
    """What a client offers the model is what the upstream is told."""

    maxDiff = None

    def test_tools_and_shapes(self) -> None:
        """However it is asked for."""
        for name, (said, expected) in ASKED_FOR.items():
            with case(name=name):
                self.assertEqual(fields_besides(**said), expected)

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
