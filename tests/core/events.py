"""Frames to give to a turn, and the way back from server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def encoded(event: dict[str, Any]) -> bytes:
    """The frame that carries C{event}."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def numbered(kind: str, number: int | None, **fields: Any) -> bytes:
    """The frame of an event of this kind; without a number when that is None."""
    event: dict[str, Any] = {"type": kind, **fields}
    if number is not None:
        event["sequence_number"] = number
    return encoded(event)


def created(response_id: str | None = "resp_1", number: int | None = 0) -> bytes:
    """C{response.created}, which begins a turn."""
    response: dict[str, Any] = {"object": "response", "status": "in_progress"}
    if response_id is not None:
        response["id"] = response_id
    return numbered("response.created", number, response=response)


def delta(text: str, number: int | None = 1) -> bytes:
    """A piece of text."""
    return numbered("response.output_text.delta", number, delta=text)


def item_done(item: Any, index: int | None, number: int | None = 2) -> bytes:
    """A finished output item."""
    fields = {} if index is None else {"output_index": index}
    return numbered("response.output_item.done", number, item=item, **fields)


def ended(kind: str, number: int | None = 3, **response: Any) -> bytes:
    """A terminal event with this response object."""
    return numbered(f"response.{kind}", number, response=response)


def completed(
    response_id: str = "resp_1", number: int | None = 3, **more: Any
) -> bytes:
    """C{response.completed} with a response that lacks nothing."""
    response = {"id": response_id, "status": "completed", "output": [], **more}
    return ended("completed", number, **response)


def read_back(pieces: Iterable[bytes]) -> list[tuple[str, Any]]:
    """What a client reads: the kinds and the decoded data of an event stream."""
    stream = b"".join(pieces)
    if not stream:
        return []
    assert stream.endswith(b"\n\n"), stream[-80:]
    found = []
    for block in stream[:-2].split(b"\n\n"):
        event, data = block.split(b"\n")
        assert event.startswith(b"event: ") and data.startswith(b"data: "), block
        found.append((event[7:].decode(), json.loads(data[6:])))
    return found
