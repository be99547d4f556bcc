"""What the model gives, read out of events and items as far as other APIs show it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from chatmockd.core.dialect.calls import Call
from chatmockd.core.transcript import Item, output_items
from chatmockd.errors import UpstreamError

EMPTY = b'""'

Made = tuple[Call, dict[str, Any]]
"""A call, and its arguments decoded."""


class UnreadableCall(UpstreamError):
    """The model called a tool with arguments that are no JSON object."""

    code = "unreadable_tool_call"
    should_retry = False

    def __init__(self, name: str, arguments: str) -> None:
        super().__init__(
            f"The model called the tool {name!r:.100} with arguments that are no JSON "
            f"object: {arguments!r:.200}"
        )


class _Delta(msgspec.Struct, gc=False):
    delta: msgspec.Raw = msgspec.Raw(EMPTY)


class _Call(msgspec.Struct):
    type: Any = None
    call_id: Any = None
    name: Any = None
    arguments: Any = None


class _Done(msgspec.Struct):
    item: _Call


class Ended(msgspec.Struct):
    """A response object, as far as its end goes."""

    status: Any = None
    incomplete_details: Any = None
    usage: Any = None
    output: msgspec.Raw = msgspec.Raw(b"[]")

    @property
    def cut_off(self) -> str:
        """Why it is not complete; C{""} if it is, or if that was not said."""
        why = self.incomplete_details
        reason = why.get("reason") if isinstance(why, dict) else None
        told = self.status == "incomplete" and isinstance(reason, str)
        return str(reason) if told else ""

    def count(self, name: str) -> int:
        """A number out of C{usage}; 0 if it is not there."""
        value = self.usage.get(name) if isinstance(self.usage, dict) else None
        return value if type(value) is int else 0

    def items(self) -> list[Item]:
        """Its output."""
        return output_items(b'{"output":%b}' % bytes(self.output))


class _End(msgspec.Struct):
    response: Ended


_decode_delta = msgspec.json.Decoder(_Delta).decode
_decode_done = msgspec.json.Decoder(_Done).decode
_decode_end = msgspec.json.Decoder(_End).decode
_decode_text = msgspec.json.Decoder(str).decode

read_response = msgspec.json.Decoder(Ended).decode
"""The end of a response object, given as JSON."""


def read_end(frame: bytes) -> Ended:
    """The same out of a terminal event; C{b""} if there was none."""
    return _decode_end(frame).response if frame else Ended()


def delta_of(frame: bytes) -> bytes:
    """The C{delta} of an event, as the JSON text that it is; L{EMPTY} without one."""
    try:
        piece = bytes(_decode_delta(frame).delta)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Half an emoji is cut off, which only the standard parser takes.
        try:
            event = json.loads(frame)
        except (ValueError, RecursionError):
            return EMPTY
        delta = event.get("delta") if isinstance(event, dict) else None
        return quoted(delta) if isinstance(delta, str) else EMPTY
    return piece if piece.startswith(b'"') else EMPTY


def quoted(text: str) -> bytes:
    """C{text} as JSON."""
    try:
        return msgspec.json.encode(text)
    except UnicodeEncodeError:
        return json.dumps(text).encode("ascii")


def unquoted(piece: bytes) -> str:
    """The text that L{delta_of} gave as JSON."""
    try:
        return _decode_text(piece)
    except msgspec.DecodeError:
        text: str = json.loads(piece)
        return text


def texts_in(parts: Any, *names: str) -> list[str]:
    """The texts of an item's parts, under whichever of these names they are."""
    return [
        part[name]
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict)
        for name in names
        if isinstance(part.get(name), str)
    ]


def read_call(frame: bytes) -> Made | None:
    """
    The call that a C{response.output_item.done} event is about.

    @return: None if it is about something else.
    @raise UnreadableCall: Its arguments are no object.
    """
    try:
        item = _decode_done(frame).item
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # An item that is no object.
        return None
    if item.type != "function_call":
        return None
    return _made(item.call_id, item.name, item.arguments)


def made_call(item: Mapping[str, Any]) -> Made:
    """The call that an item is; see L{read_call}."""
    return _made(item.get("call_id"), item.get("name"), item.get("arguments"))


def _made(*members: Any) -> Made:
    call_id, name, arguments = (
        member if isinstance(member, str) else "" for member in members
    )
    decoded = arguments_in(arguments)
    if decoded is None:
        raise UnreadableCall(name, arguments)
    return Call(call_id, name, arguments), decoded


def arguments_in(text: str) -> dict[str, Any] | None:
    """The arguments that C{text} says; None if it is no JSON object."""
    if not text.strip():
        return {}
    try:
        decoded = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None
