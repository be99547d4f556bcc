"""The end of a turn: a response object that strict clients can read.

What is repaired, and for whom: C{output} must be a list (VS Code, AI SDK, both OpenAI
SDKs), C{usage} must have both details objects (VS Code), C{id} must be the one that
C{response.created} named (openai-python). A response that needs none of this is passed
on byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from chatmockd.errors import MalformedFrame

_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

_STATUS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}

_DETAILS = {
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}


class OutputItem(msgspec.Struct):
    """A C{response.output_item.done} frame, as far as it matters for backfill."""

    item: msgspec.Raw = msgspec.Raw(b"")
    output_index: int | None = None


decode_output_item = msgspec.json.Decoder(OutputItem).decode


class Terminal:
    """
    A terminal event's response object, repaired.

    @ivar frame: The whole event, repaired likewise.
    @ivar response: The JSON of the response object.
    @ivar response_id: Its id, if there is one anywhere.
    @ivar error: C{response.error}, decoded; None when there is none.
    """

    __slots__ = ("error", "frame", "response", "response_id")

    def __init__(
        self, frame: bytes, response: bytes, response_id: str | None, error: Any
    ) -> None:
        self.frame = frame
        self.response = response
        self.response_id = response_id
        self.error = error


def read_terminal(
    kind: str,
    frame: bytes,
    *,
    created_id: str | None,
    items: Mapping[int, msgspec.Raw],
    backfill_empty: bool,
) -> Terminal:
    """
    Read a C{response.completed}, C{response.incomplete} or C{response.failed} frame.

    @param created_id: The id that this turn's C{response.created} named.
    @param items: The finished output items by C{output_index}.
    @param backfill_empty: Whether C{output: []} is filled when there were items; the
        ChatGPT backend sends that.
    @raise MalformedFrame: The frame's response is not JSON of a usable shape.
    """
    try:
        event = _decode_fields(frame)
        fields = _response_fields(event.get("response"))
        changes = _changes(kind, fields, created_id, items, backfill_empty)
        response_id = _decoded(changes.get("id") or fields.get("id"))
        error = _decoded(fields.get("error"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise MalformedFrame(f"{kind}: {problem}") from problem
    if changes:
        fields.update(changes)
        response = msgspec.Raw(msgspec.json.encode(fields))
        event["response"] = response
        frame = msgspec.json.encode(event)
    else:
        response = event["response"]
    return Terminal(
        frame,
        bytes(response),
        response_id if isinstance(response_id, str) and response_id else None,
        error,
    )


def is_object(raw: msgspec.Raw) -> bool:
    """Whether C{raw} is a JSON object, and not null or nothing."""
    return _starts_with(raw, b"{")


def with_sequence_number(frame: bytes, number: int) -> bytes:
    """C{frame}, which has none, with a C{sequence_number}."""
    fields: dict[str, Any] = dict(_decode_fields(frame))
    fields["sequence_number"] = number
    return msgspec.json.encode(fields)


def response_id_of(frame: bytes) -> str | None:
    """The C{response.id} of a frame that carries a response object, if it has one."""
    try:
        return _decode_carrier(frame).response.id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class _Identified(msgspec.Struct, frozen=True):
    id: str | None = None


class _Carrier(msgspec.Struct):
    response: _Identified = _Identified()


_decode_carrier = msgspec.json.Decoder(_Carrier).decode


def _decoded(raw: msgspec.Raw | None) -> Any:
    return None if raw is None else msgspec.json.decode(raw)


def _response_fields(response: msgspec.Raw | None) -> dict[str, msgspec.Raw]:
    if response is None or not _starts_with(response, b"{"):
        return {}
    return _decode_fields(response)


def _changes(
    kind: str,
    fields: dict[str, msgspec.Raw],
    created_id: str | None,
    items: Mapping[int, msgspec.Raw],
    backfill_empty: bool,
) -> dict[str, msgspec.Raw]:
    """The members of the response object that have to be other than they are."""
    changes: dict[str, Any] = {}
    if not fields:
        changes["object"] = "response"
        changes["status"] = _STATUS[kind]
    if created_id is not None and not _decoded(fields.get("id")):
        changes["id"] = created_id
    output = fields.get("output")
    if output is None or not _starts_with(output, b"["):
        changes["output"] = _in_order(items)
    elif backfill_empty and items and _is_empty_list(output):
        changes["output"] = _in_order(items)
    usage = _decoded(fields.get("usage"))
    if isinstance(usage, dict) and _complete_usage(usage):
        changes["usage"] = usage
    return {
        name: msgspec.Raw(msgspec.json.encode(value)) for name, value in changes.items()
    }


def _starts_with(raw: msgspec.Raw, character: bytes) -> bool:
    """What kind of value C{raw} is, without copying it."""
    return memoryview(raw)[:1].tobytes() == character


def _is_empty_list(output: msgspec.Raw) -> bool:
    # White space inside an empty list is short; an image inside a full one is not.
    return len(memoryview(output)) < 64 and not bytes(output)[1:-1].strip()


def _in_order(items: Mapping[int, msgspec.Raw]) -> list[msgspec.Raw]:
    return [items[index] for index in sorted(items)]


def _complete_usage(usage: dict[str, Any]) -> bool:
    """Give C{usage} the details objects it lacks; tell whether it lacked any."""
    changed = False
    for name, empty in _DETAILS.items():
        if not isinstance(usage.get(name), dict):
            usage[name] = dict(empty)
            changed = True
    counts = usage.get("input_tokens"), usage.get("output_tokens")
    if usage.get("total_tokens") is None and all(isinstance(n, int) for n in counts):
        usage["total_tokens"] = sum(n for n in counts if isinstance(n, int))
        changed = True
    return changed
