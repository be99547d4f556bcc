"""Events of the upstream, and what an Ollama client reads of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.ollama import AskedOllama
from chatmockd.core.dialect.ollama_answer import CHAT, Form, OllamaView
from chatmockd.core.dialect.ollama_calls import Calls
from chatmockd.core.frame import to_sse

ITEMS = [{"type": "message", "role": "user", "content": "Hi"}]
USAGE = {"input_tokens": 11, "output_tokens": 7}
STAMP = "2026-01-02T03:04:05.678901Z"
TEXT = "response.output_text.delta"
SUMMARY = "response.reasoning_summary_text.delta"


class StoppedClock:
    """A clock that a test moves."""

    now = 100.0

    def seconds(self) -> float:
        return self.now

    def stamp(self) -> bytes:
        return STAMP.encode()


def event(kind: str, **fields: Any) -> bytes:
    """One server-sent event."""
    return to_sse(kind, json.dumps({"type": kind, **fields}).encode())


def texts(*deltas: str) -> list[bytes]:
    """Pieces of text."""
    return [event(TEXT, delta=delta) for delta in deltas]


def calls_tool(arguments: str = '{"city": "Paris"}', call_id: str = "call_1") -> Any:
    """An item that calls a tool."""
    return {
        "id": "fc_1",
        "type": "function_call",
        "call_id": call_id,
        "name": "weather",
        "arguments": arguments,
    }


def says(text: str) -> dict[str, Any]:
    """An item with a text in it."""
    return {"type": "message", "content": [{"type": "output_text", "text": text}]}


def thinks(*summaries: str) -> dict[str, Any]:
    """An item of reasoning."""
    summary = [{"type": "summary_text", "text": text} for text in summaries]
    return {"type": "reasoning", "summary": summary}


def done(item: Any) -> bytes:
    """An item is finished."""
    return event("response.output_item.done", item=item, output_index=0)


def ended(kind: str = "completed", **fields: Any) -> bytes:
    """The terminal event."""
    response = {"id": "resp_1", "status": kind, "usage": USAGE, "output": []} | fields
    return event(f"response.{kind}", response=response)


class AnswerCase(SynchronousTestCase):
    """What the two have in common."""

    def setUp(self) -> None:
        self.clock = StoppedClock()
        self.calls = Calls()

    def view(self, form: Form = CHAT, **more: Any) -> OllamaView:
        asked = AskedOllama("gpt-5.5:latest", {"input": ITEMS}, **more)
        return OllamaView(asked, form, self.calls, self.clock, 100.0)

    def lines(self, pieces: Iterable[bytes]) -> list[dict[str, Any]]:
        """What a client reads, each line with what all of them have."""
        stream = b"".join(pieces)
        self.assertTrue(stream.endswith(b"\n") or not stream)
        lines = [json.loads(line) for line in stream.split(b"\n")[:-1]]
        for line in lines:
            if "error" not in line:
                self.assertEqual(line.pop("model"), "gpt-5.5:latest")
                self.assertEqual(line.pop("created_at"), STAMP)
        return lines

    def chunks(self, pieces: Iterable[bytes]) -> list[dict[str, Any]]:
        """The messages of all lines but the last, which ends well."""
        *lines, last = self.lines(pieces)
        self.assertTrue(last["done"])
        self.assertEqual(last["message"], {"role": "assistant", "content": ""})
        messages = []
        for line in lines:
            self.assertEqual((line["done"], len(line)), (False, 2))
            self.assertEqual(line["message"].pop("role"), "assistant")
            messages.append(line["message"])
        return messages
