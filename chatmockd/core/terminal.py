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

from chatmockd.core.frame import Head, fields_of, members
from chatmockd.core.usage import Usage, read_usage
from chatmockd.errors import MalformedFrame

_STATUS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}

_DETAILS = {
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}

_ABSENT = msgspec.Raw(b"")
_OBJECT, _LIST = b"{["


class _Response(msgspec.Struct):
    """What decides whether a response object needs repair."""

    id: msgspec.Raw = _ABSENT
    output: msgspec.Raw = _ABSENT
    usage: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


_decode_response = msgspec.json.Decoder(_Response).decode


class Terminal:
    """
    A terminal event's response object, repaired.

    @ivar frame: The whole event, repaired likewise.
    @ivar response: The JSON of the response object.
    @ivar response_id: Its id, if there is one anywhere.
    @ivar error: C{response.error}, decoded; None when there is none.
    @ivar usage: What it says that the turn has used.
    """

    __slots__ = ("error", "frame", "response", "response_id", "usage")

    def __init__(
        self,
        frame: bytes,
        response: bytes,
        response_id: str | None,
        error: Any,
        usage: Usage | None,
    ) -> None:
        self.frame = frame
        self.response = response
        self.response_id = response_id
        self.error = error
        self.usage = usage


def read_terminal(
    head: Head,
    frame: bytes,
    *,
    created_id: str | None,
    items: Mapping[int, msgspec.Raw],
    backfill_empty: bool,
) -> Terminal:
    """
    Read a C{response.completed}, C{response.incomplete} or C{response.failed} frame.

    @param head: What L{head_of} found in it.
    @param created_id: The id that this turn's C{response.created} named.
    @param items: The finished output items by C{output_index}.
    @param backfill_empty: Whether C{output: []} is filled when there were items; the
        ChatGPT backend sends that.
    @raise MalformedFrame: The frame's response is not JSON of a usable shape.
    """
    response = head.response
    try:
        said = _decode_response(response) if is_object(response) else _Response()
        response_id, error = _decoded(said.id), _decoded(said.error)
        usage, changed_usage = _usage(said.usage)
        changes: dict[str, Any] = {}
        if created_id is not None and not response_id:
            changes["id"] = response_id = created_id
        output = _output(said.output, items, backfill_empty)
        if output is not None:
            changes["output"] = output
        if changed_usage is not None:
            changes["usage"] = changed_usage
        if changes:
            frame, response = _changed(head, frame, changes)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise MalformedFrame(f"{head.type}: {problem}") from problem
    return Terminal(
        frame,
        bytes(response),
        response_id if isinstance(response_id, str) and response_id else None,
        error,
        usage,
    )


def is_object(raw: msgspec.Raw) -> bool:
    """Whether C{raw} is a JSON object, and not null or nothing."""
    return bool(raw) and memoryview(raw)[0] == _OBJECT


def with_sequence_number(frame: bytes, number: int) -> bytes:
    """
    C{frame}, which has none, with a C{sequence_number}.

    @raise MalformedFrame: It cannot be read.
    """
    fields: dict[str, Any] = dict(fields_of(frame))
    fields["sequence_number"] = number
    return msgspec.json.encode(fields)


def response_id_in(response: msgspec.Raw) -> str | None:
    """The C{id} of a frame's response object, if it has one."""
    try:
        return _decode_identified(response).id if response else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class _Identified(msgspec.Struct):
    id: str | None = None


_decode_identified = msgspec.json.Decoder(_Identified).decode


def _decoded(raw: msgspec.Raw) -> Any:
    return msgspec.json.decode(raw) if raw else None


def _output(
    output: msgspec.Raw, items: Mapping[int, msgspec.Raw], backfill_empty: bool
) -> list[msgspec.Raw] | None:
    """What C{output} has to be instead; None when it is in order."""
    if output and memoryview(output)[0] == _LIST:
        if not (backfill_empty and items and _is_empty_list(output)):
            return None
    return [items[index] for index in sorted(items)]


def _is_empty_list(output: msgspec.Raw) -> bool:
    # White space inside an empty list is short; an image inside a full one is not.
    return len(output) < 64 and not bytes(output)[1:-1].strip()


def _usage(said: msgspec.Raw) -> tuple[Usage | None, dict[str, Any] | None]:
    """What was used, and what C{usage} has to be instead, if anything."""
    usage, is_complete = read_usage(said) if said else (None, True)
    if not is_complete:
        changed = _decoded(said)
        if isinstance(changed, dict) and _complete_usage(changed):
            if usage is None:
                # What was in the way of reading it may have been repaired.
                usage, _ = read_usage(msgspec.json.encode(changed))
            return usage, changed
    return usage, None


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


def _changed(
    head: Head, frame: bytes, changes: dict[str, Any]
) -> tuple[bytes, msgspec.Raw]:
    """The frame with these members of its response changed, and that response."""
    fields: dict[str, Any] = {}
    if is_object(head.response):
        fields.update(members(head.response))
    if not fields:
        fields["object"] = "response"
        fields["status"] = _STATUS[head.type]
    fields.update(changes)
    response = msgspec.Raw(msgspec.json.encode(fields))
    event = members(frame)
    event["response"] = response
    return msgspec.json.encode(event), response
