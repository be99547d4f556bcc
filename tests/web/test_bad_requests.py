"""Requests of every API with something in them that should not be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import given
from hypothesis import settings as within
from hypothesis import strategies as st

from chatmockd.core.shipped import SHIPPED
from tests.bridge import JSON, Bridge
from tests.core.json_values import values

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}}
REQUESTS: Mapping[str, dict[str, Any]] = {
    "/v1/chat/completions": {
        "model": "gpt-5.4-high",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "x"}], "name": "b"},
            {"role": "assistant", "content": "a", "refusal": "r", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "y"},
        ],
        "tools": [{"type": "function", "function": FUNCTION}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        },
        "stream_options": {"include_usage": True},
        "stop": ["a"],
        "reasoning": {"effort": "low", "summary": "auto"},
        "web_search_options": {"user_location": {"approximate": {"city": "x"}}},
        "fast_mode": True,
    },
    "/v1/completions": {"model": "m", "prompt": ["x"], "stop": "x", "echo": False},
    "/api/chat": {
        "model": "gpt-5.4",
        "messages": [
            {"role": "user", "content": "x", "images": []},
            {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]},
            {"role": "tool", "content": "r", "tool_name": "f"},
        ],
        "tools": [{"type": "function", "function": FUNCTION}],
        "format": {"type": "object", "properties": {"a": {"type": "string"}}},
        "options": {"temperature": 1, "num_predict": 20, "stop": ["a"]},
        "think": "low",
    },
    "/api/generate": {"model": "gpt-5.4", "prompt": "x", "keep_alive": 0},
    "/api/show": {"model": "gpt-5.4"},
    "/v1/responses": {
        "model": "gpt-5.4",
        "input": [{"role": "user", "content": "x"}],
        "reasoning": {"effort": "ultra", "summary": "none"},
        "fast_mode": True,
    },
}


def places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in C{value}."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for name, member in members:
        yield (*before, name)
        if isinstance(member, dict | list):
            yield from places(member, (*before, name))


PLACES = [(path, place) for path, body in REQUESTS.items() for place in places(body)]


class BadRequestTests(Bridge):
    """Whatever is asked is sent on, or refused in the words of its API."""

    settings = {"upstream__profile": "chatgpt"}
    known_models = SHIPPED

    @within(max_examples=150, deadline=None)
    @given(st.sampled_from(PLACES), values)
    def test_any_value_in_any_place(
        self, where: tuple[str, tuple[Any, ...]], value: Any
    ) -> None:
        """It is never a failure of ours, and what is refused was not sent."""
        path, place = where
        body = json.loads(json.dumps(REQUESTS[path]))
        holder = body
        for name in place[:-1]:
            holder = holder[name]
        holder[place[-1]] = value
        before = self.messages
        answer = self.ask("POST", path, JSON, json.dumps(body).encode())
        if not answer.ended:
            self.assertEqual(self.messages, before + 1)
            answer.leave()
        elif answer.status != 200:
            assert answer.status is not None
            self.assertTrue(400 <= answer.status < 500, answer.body)
            self.assertEqual(self.messages, before)
            if path.startswith("/api/"):
                self.assertIsInstance(answer.json["error"], str)
            else:
                members = {"message", "type", "param", "code"}
                self.assertEqual(set(answer.error), members)
