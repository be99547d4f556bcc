"""Streams of the Responses API, and what a view makes of them."""

from __future__ import annotations

import json
from typing import Any

from chatmockd.core.view import View
from chatmockd.errors import ChatmockdError

Event = dict[str, Any]

OPENING = {"id": "resp_1", "created_at": 1700000000.5, "model": "gpt-5.5-2026"}
USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 15,
}
COUNTED = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def text(said: str, **more: Any) -> Event:
    """An item that says something."""
    part = {"type": "output_text", "text": said, "annotations": [], **more}
    return {"id": "msg_1", "type": "message", "role": "assistant", "content": [part]}


def refusal(said: str) -> Event:
    """An item that refuses."""
    part = {"type": "refusal", "refusal": said}
    return {"type": "message", "role": "assistant", "content": [part]}


def call(arguments: str, call_id: str = "call_1") -> Event:
    """An item that calls f."""
    return {
        "id": "fc_1",
        "type": "function_call",
        "call_id": call_id,
        "name": "f",
        "arguments": arguments,
    }


def custom(said: str) -> Event:
    """An item that calls the custom tool g."""
    return {"type": "custom_tool_call", "call_id": "call_9", "name": "g", "input": said}


def thought(*summary: str, full: str = "") -> Event:
    """An item of reasoning."""
    parts = [{"type": "summary_text", "text": each} for each in summary]
    item = {"type": "reasoning", "summary": parts}
    if full:
        item["content"] = [{"type": "reasoning_text", "text": full}]
    return item


def response(*items: Event, **more: Any) -> Event:
    """A response object."""
    return OPENING | {"status": "completed", "output": list(items), **more}


def events_of(whole: Event, size: int = 3) -> list[Event]:
    """The events that a response comes in, C{size} characters to a delta."""
    events = [{"type": "response.created", "response": OPENING | {"output": []}}]
    for index, item in enumerate(whole["output"]):
        at = {"output_index": index}
        empty = {"content": [], "arguments": "", "input": "", "summary": []}
        added = item | {name: v for name, v in empty.items() if name in item}
        events.append({"type": "response.output_item.added", "item": added, **at})
        events += [event | at for event in _deltas(item, size)]
        events.append({"type": "response.output_item.done", "item": item, **at})
    kind = "incomplete" if whole.get("incomplete_details") else "completed"
    return [*events, {"type": f"response.{kind}", "response": whole}]


def _deltas(item: Event, size: int) -> list[Event]:
    found: list[Event] = []
    for part in item.get("summary", ()):
        found.append({"type": "response.reasoning_summary_part.added"})
        kind = "response.reasoning_summary_text.delta"
        found += [{"type": kind, "delta": d} for d in _cut(part["text"], size)]
    for number, part in enumerate(item.get("content", ())):
        kind = part["type"]
        said = part.get("text") or part.get("refusal") or ""
        found += [
            {"type": f"response.{kind}.delta", "content_index": number, "delta": d}
            for d in _cut(said, size)
        ]
    for name, kind in (
        ("arguments", "response.function_call_arguments.delta"),
        ("input", "response.custom_tool_call_input.delta"),
    ):
        if name in item:
            found += [{"type": kind, "delta": d} for d in _cut(item[name], size)]
    return found


def _cut(said: str, size: int) -> list[str]:
    return [said[place : place + size] for place in range(0, len(said), size)]


def framed(event: Event) -> bytes:
    """An event as a turn passes it on."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def streamed(
    view: View, events: list[Event], error: ChatmockdError | None = None
) -> bytes:
    """Everything that is written, one read to an event."""
    written = []
    for event in events[:-1]:
        written += view.stream([framed(event)])
    return b"".join([*written, *view.end([framed(events[-1])], error)])


def chunks_in(written: bytes) -> list[Any]:
    """The chunks in a stream; C{[DONE]} as it is."""
    found: list[Any] = []
    for block in written.decode().split("\n\n")[:-1]:
        found.append(block.removeprefix("data: "))
        if found[-1] != "[DONE]":
            found[-1] = json.loads(found[-1])
    return found


def put_together(chunks: list[Any]) -> tuple[dict[str, Any], str | None]:
    """The message that the chunks of a chat make, and why it ended."""
    message: dict[str, Any] = {}
    reason = None
    for chunk in chunks:
        for choice in chunk["choices"] if isinstance(chunk, dict) else ():
            _add(message, choice["delta"])
            reason = choice["finish_reason"] or reason
    return message, reason


def _add(whole: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        if name in ("role", "id", "type", "index") or whole.get(name) is None:
            whole[name] = value
        elif isinstance(value, str):
            whole[name] += value
        elif isinstance(value, dict):
            _add(whole[name], value)
        elif name == "tool_calls":
            for each in value:
                known = [one for one in whole[name] if one["index"] == each["index"]]
                if known:
                    _add(known[0], each)
                else:
                    whole[name].append(each)
        elif value is not None:
            whole[name] = [*whole[name], *value]
