"""A bridge with Ollama's verbs, and what its tests ask."""

from __future__ import annotations

import json
from typing import Any

from chatmockd.core.model import Model
from tests.bridge import JSON, Answer, Bridge


def asks(text: str) -> dict[str, Any]:
    """A message of the user's."""
    return {"role": "user", "content": text}


def tool_call(call_id: str, arguments: str) -> dict[str, Any]:
    """An output item that calls a tool."""
    return {
        "id": f"fc_{call_id}",
        "type": "function_call",
        "call_id": call_id,
        "name": "weather",
        "arguments": arguments,
    }


class OllamaBridge(Bridge):
    """A bridge with Ollama's verbs."""

    known_models = (
        Model("gpt-5.5", efforts=("none", "low", "high"), context_window=272_000),
        Model("gpt-5.5-mini"),
        Model("hidden", listed=False),
    )

    def chat(self, *messages: dict[str, Any], **more: Any) -> Answer:
        """C{POST /api/chat}."""
        return self.send("/api/chat", messages=list(messages), **more)

    def send(self, path: str, **members: Any) -> Answer:
        """C{POST} something to do with a model."""
        body = json.dumps({"model": "gpt-5.5", **members}).encode()
        return self.ask("POST", path, JSON, body)

    def lines(self, answer: Answer) -> list[dict[str, Any]]:
        """The lines of a stream that has ended."""
        self.assertEqual(answer.headers["content-type"], "application/x-ndjson")
        self.assertTrue(answer.ended)
        *lines, rest = answer.body.split(b"\n")
        self.assertEqual(rest, b"")
        return [json.loads(line) for line in lines]

    def assert_sentence(self, answer: Answer, status: int, *words: str) -> None:
        """A whole error as Ollama's clients know it, and nothing went upstream."""
        self.assertTrue(answer.ended)
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(list(answer.json), ["error"])
        for word in words:
            self.assertIn(word, answer.json["error"])
        self.assertEqual(self.dials, 0)
