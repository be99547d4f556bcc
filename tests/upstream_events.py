"""Events as the upstream of the tests says them."""

from __future__ import annotations

from typing import Any


def created(response_id: str, number: int = 0) -> dict[str, Any]:
    """A C{response.created} event."""
    return {
        "type": "response.created",
        "response": {"id": response_id, "status": "in_progress", "output": []},
        "sequence_number": number,
    }


def delta(text: str, number: int) -> dict[str, Any]:
    """A C{response.output_text.delta} event."""
    return {
        "type": "response.output_text.delta",
        "delta": text,
        "output_index": 0,
        "sequence_number": number,
    }


def item_done(item: Any, index: int, number: int) -> dict[str, Any]:
    """A C{response.output_item.done} event."""
    return {
        "type": "response.output_item.done",
        "item": item,
        "output_index": index,
        "sequence_number": number,
    }


def completed(response_id: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    """A C{response.completed} event."""
    response = {"id": response_id, "status": "completed", "output": [], **fields}
    return {"type": "response.completed", "response": response} | {
        "sequence_number": number
    }


def message(text: str) -> dict[str, Any]:
    """An output item which says C{text}."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }
