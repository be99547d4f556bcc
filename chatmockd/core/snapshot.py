"""The response object of a turn that has not completed: what polling shows."""

from __future__ import annotations

from typing import Any

import msgspec

from chatmockd.core.create import Create
from chatmockd.core.frame import members
from chatmockd.core.terminal import is_object
from chatmockd.errors import ChatmockdError

# What a request says that its response object repeats.
_REPEATED = (
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "parallel_tool_calls",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
)


class _Carrier(msgspec.Struct):
    response: msgspec.Raw = msgspec.Raw(b"{}")


class _Ending(msgspec.Struct):
    status: str | None = None
    error: Any = None


def response_in(frame: bytes) -> bytes:
    """The JSON of the response object that an event carries."""
    response = msgspec.json.decode(frame, type=_Carrier).response
    return bytes(response) if is_object(response) else b"{}"


def queued(create: Create, response_id: str, began: float) -> bytes:
    """
    The response object of a turn of which the upstream has said nothing yet.

    @param began: Unix time, seconds.
    """
    fields: dict[str, Any] = {
        "id": response_id,
        "object": "response",
        "created_at": int(began),
        "status": "queued",
        "background": create.background,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": create.marker,
        "store": create.stores,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }
    # A null stands for what is there, which for some of them may not be null.
    said = create.fields(*_REPEATED).items()
    fields.update({name: value for name, value in said if value is not None})
    return msgspec.json.encode(fields)


def status_of(response: bytes) -> str | None:
    """The C{status} of a response object."""
    return msgspec.json.decode(response, type=_Ending).status


def is_running(response: bytes) -> bool:
    """Whether C{response} says that it is still being made."""
    return status_of(response) in ("queued", "in_progress")


def problem_of(response: bytes) -> Any:
    """The C{error} of a response object, decoded."""
    return msgspec.json.decode(response, type=_Ending).error


def with_status(response: bytes, status: str) -> bytes:
    """C{response} with another C{status}."""
    return _changed(response, status=status)


def failed(response: bytes, error: ChatmockdError) -> bytes:
    """C{response} of a turn that ended with C{error}."""
    code = error.code or error.type
    reason = {"code": code, "message": error.message}
    return _changed(response, status="failed", error=reason)


def _changed(response: bytes, **changes: Any) -> bytes:
    fields: dict[str, Any] = dict(members(response))
    fields.update(changes)
    return msgspec.json.encode(fields)
