"""The answer which the loopback upstream gives, built once: a text turn as recorded.

An answer has C{count} events: eight that frame it (created, in_progress, item and part
added, text, part and item done, completed) and text deltas for the rest. Every delta is
exactly C{size} bytes of JSON, made up with the C{obfuscation} that real frames carry.
One delta in sixteen is not ASCII, as in English prose with its dashes and quotes.

All ids of an answer share sixteen hex digits. Here they stand as L{TOKEN}; whoever
sends an answer puts fresh digits in their place, which changes no length.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

TOKEN = b"feedfacecafebeef"
"""Stands in a prebuilt answer for the digits that make its ids unique."""

FRAMING_EVENTS = 8
"""Events of an answer which are no deltas."""

DELTA_SIZE = 290
"""Bytes of JSON in one delta, unless a request asks for another size."""

_ID_TAIL = "0068c2f1f7e08c8190a1b2c3d4e5f60718"
_RESPONSE_ID = f"resp_{TOKEN.decode()}{_ID_TAIL}"
_ITEM_ID = f"msg_{TOKEN.decode()}{_ID_TAIL}"
_CREATED_AT = 1_757_606_391
_WORDS = (" the", " socket", " keeps", " its", " tip", " and", " a", " turn")
_PROSE = " — so"

Event = tuple[str, bytes]
"""The kind of an event and its JSON."""


def _encoded(event: dict[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def _response(status: str, output: list[dict[str, Any]], tokens: int) -> dict[str, Any]:
    """The response object of an answer, complete as api.openai.com sends it."""
    done = status == "completed"
    usage = {
        "input_tokens": 24,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 24 + tokens,
    }
    return {
        "id": _RESPONSE_ID,
        "object": "response",
        "created_at": _CREATED_AT,
        "status": status,
        "background": False,
        "completed_at": _CREATED_AT + 1 if done else None,
        "error": None,
        "frequency_penalty": 0.0,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "model": "bench",
        "output": output,
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "prompt_cache_retention": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default" if done else "auto",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage if done else None,
        "user": None,
        "metadata": {},
    }


def _delta(text: str, number: int, size: int) -> bytes:
    """One text delta, padded with obfuscation to C{size} bytes."""
    event = {
        "type": "response.output_text.delta",
        "content_index": 0,
        "delta": text,
        "item_id": _ITEM_ID,
        "logprobs": [],
        "obfuscation": "",
        "output_index": 0,
        "sequence_number": number,
    }
    event["obfuscation"] = "x" * max(0, size - len(_encoded(event)))
    return _encoded(event)


@lru_cache(maxsize=16)
def answer(count: int, size: int = DELTA_SIZE) -> tuple[Event, ...]:
    """
    The events of one answer, in order.

    @param count: How many there are, at least L{FRAMING_EVENTS}.
    @param size: Bytes of JSON in each delta.
    """
    if count < FRAMING_EVENTS:
        raise ValueError(f"an answer has at least {FRAMING_EVENTS} events")
    deltas = count - FRAMING_EVENTS
    texts = [_PROSE if i % 16 == 15 else _WORDS[i % len(_WORDS)] for i in range(deltas)]
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    item = {"id": _ITEM_ID, "type": "message", "role": "assistant"}
    whole_part = part | {"text": "".join(texts)}
    whole_item = item | {"status": "completed", "content": [whole_part]}
    began = _response("in_progress", [], 0)
    at_item = {"output_index": 0}
    at_part = {"content_index": 0, "item_id": _ITEM_ID, "output_index": 0}

    events: list[Event] = []

    def add(kind: str, fields: dict[str, Any]) -> None:
        numbered = {"type": kind, **fields, "sequence_number": len(events)}
        events.append((kind, _encoded(numbered)))

    add("response.created", {"response": began})
    add("response.in_progress", {"response": began})
    started = item | {"status": "in_progress", "content": []}
    add("response.output_item.added", {**at_item, "item": started})
    add("response.content_part.added", {**at_part, "part": part})
    for text in texts:
        delta = _delta(text, len(events), size)
        events.append(("response.output_text.delta", delta))
    text_done = {"text": whole_part["text"], "logprobs": []}
    add("response.output_text.done", {**at_part, **text_done})
    add("response.content_part.done", {**at_part, "part": whole_part})
    add("response.output_item.done", {**at_item, "item": whole_item})
    ended = _response("completed", [whole_item], deltas)
    add("response.completed", {"response": ended})
    return tuple(events)
