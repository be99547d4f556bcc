"""The events of a stream that other APIs have something like, read cheaply.

A delta is not decoded: its JSON goes into another event as it is.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from chatmockd.errors import MalformedFrame

DONE = b"data: [DONE]\n\n"


class Delta(msgspec.Struct, gc=False):
    """
    Any C{.delta} event.

    @ivar content_index: The part of the item; -1 if that is not said.
    @ivar logprobs: How likely a text was, as JSON.
    """

    delta: msgspec.Raw = msgspec.Raw(b"")
    output_index: int = 0
    content_index: int = -1
    logprobs: msgspec.Raw = msgspec.Raw(b"null")

    def likely(self) -> Any:
        """How likely it was, if that was said."""
        # Nearly always it is an empty list.
        return _decoded(self.logprobs) if len(self.logprobs) > 2 else None


class PartEvent(msgspec.Struct, gc=False):
    """
    C{response.output_text.done}, C{response.refusal.done}, or
    C{response.content_part.done}.
    """

    output_index: int = 0
    content_index: int = -1
    part: msgspec.Raw = msgspec.Raw(b"null")
    text: msgspec.Raw = msgspec.Raw(b"null")
    refusal: msgspec.Raw = msgspec.Raw(b"null")
    logprobs: msgspec.Raw = msgspec.Raw(b"null")

    def said(self) -> dict[str, Any]:
        """The part that is done, as far as the event tells of it."""
        part = _decoded(self.part)
        if isinstance(part, dict):
            return part
        return {
            name: _decoded(getattr(self, name))
            for name in ("text", "refusal", "logprobs")
        }


class ItemEvent(msgspec.Struct):
    """C{response.output_item.added}, or C{.done}."""

    item: dict[str, Any] = {}
    output_index: int = 0


class NoteEvent(msgspec.Struct):
    """C{response.output_text.annotation.added}."""

    annotation: Any = None


_decode_delta = msgspec.json.Decoder(Delta).decode
_decode_part = msgspec.json.Decoder(PartEvent).decode
_decode_note = msgspec.json.Decoder(NoteEvent).decode
_decode_item = msgspec.json.Decoder(ItemEvent).decode

_WRONG = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _decoded(value: msgspec.Raw) -> Any:
    """What a member of an event says; None where it cannot be read."""
    try:
        return msgspec.json.decode(value)
    except _WRONG:
        return None


def delta_in(frame: bytes) -> Delta:
    """
    The delta of an event, as JSON.

    @raise MalformedFrame: There is no text in it.
    """
    try:
        event = _decode_delta(frame)
        if bytes(memoryview(event.delta)[:1]) == b'"':
            return event
    except _WRONG:
        return _half(frame)
    raise MalformedFrame("a delta without a text")


def _half(frame: bytes) -> Delta:
    """
    An event that msgspec refuses, perhaps for half an emoji only.

    See L{chatmockd.core.frame.head_of}.
    """
    try:
        event = json.loads(frame)
        delta, index = event["delta"], event.get("output_index", 0)
        part = event.get("content_index", -1)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise MalformedFrame(f"a delta that cannot be read: {problem}") from problem
    if not (
        isinstance(delta, str) and isinstance(index, int) and isinstance(part, int)
    ):
        raise MalformedFrame("a delta without a text")
    return Delta(msgspec.Raw(json.dumps(delta).encode("ascii")), index, part)


def text_of(delta: bytes | msgspec.Raw) -> str:
    """What a delta says."""
    try:
        text: str = msgspec.json.decode(delta)
    except _WRONG:
        text = json.loads(bytes(delta))
    return text


def json_of(text: str) -> bytes:
    """C{text} as JSON, halves of emojis included."""
    try:
        return msgspec.json.encode(text)
    except UnicodeEncodeError:
        return json.dumps(text).encode("ascii")


def part_in(frame: bytes) -> PartEvent | None:
    """The part that an event is about; None where that cannot be read."""
    try:
        return _decode_part(frame)
    except _WRONG:
        return None


def note_in(frame: bytes) -> Any:
    """What a C{response.output_text.annotation.added} event adds to a text."""
    try:
        return _decode_note(frame).annotation
    except _WRONG:
        return None


def item_in(frame: bytes) -> ItemEvent:
    """
    The item that an event is about.

    @raise MalformedFrame: There is none.
    """
    try:
        return _decode_item(frame)
    except _WRONG as problem:
        raise MalformedFrame(f"an item that cannot be read: {problem}") from problem
