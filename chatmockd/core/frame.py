"""The bytes of one upstream text message: what kind it is, and how it looks as SSE.

Nothing here builds the frame's JSON. msgspec scans it once, and so checks that it is
JSON while it skips all fields but a few. (Frames that look just like many before are
not even scanned: L{chatmockd.core.run}.) What reaches a client is what the upstream
wrote.
"""

from __future__ import annotations

import json

import msgspec

from chatmockd.errors import MalformedFrame

_ABSENT = msgspec.Raw(b"")


class Head(msgspec.Struct, gc=False):
    """
    What one scan of a frame finds for whoever has to look at it.

    @ivar response: The JSON of the response object it carries, C{item} that of an
        output item, C{output_index} that of its place; empty where there is none.
    """

    type: str
    sequence_number: int | None = None
    response: msgspec.Raw = _ABSENT
    item: msgspec.Raw = _ABSENT
    output_index: msgspec.Raw = _ABSENT


members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
"""The members of a JSON object, each as it is written there."""

_decode_head = msgspec.json.Decoder(Head).decode

# JSON knows no raw line breaks inside strings, so one in a valid frame stands between
# tokens and may become a space. In SSE it would end the data line.
_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")


def head_of(frame: bytes) -> Head:
    """
    What C{frame} says it is.

    @param frame: One JSON object, as UTF-8.
    @raise MalformedFrame: It is not a JSON object with a C{type} string.
    """
    try:
        return _decode_head(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        head = _lenient_head(frame)
        if head is None:
            raise MalformedFrame(str(problem)) from problem
        return head


def fields_of(frame: bytes) -> dict[str, msgspec.Raw]:
    """
    The members of C{frame}.

    @raise MalformedFrame: It cannot be read, perhaps for half an emoji only.
    """
    try:
        return members(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise MalformedFrame(str(problem)) from problem


def _lenient_head(frame: bytes) -> Head | None:
    """
    The head of a frame that msgspec refuses for half an emoji and nothing else.

    A model's text may be cut between two escapes that belong together
    (C{"\\\\ud83d"}). All JSON parsers of browsers and SDKs take that. Of such a frame
    nothing more is found than these two.
    """
    if b"\\u" not in frame:
        return None
    try:
        event = json.loads(frame, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    kind = event.get("type") if isinstance(event, dict) else None
    if not isinstance(kind, str):
        return None
    number = event.get("sequence_number")
    head = Head(kind, number if type(number) is int else None)
    try:
        fields = fields_of(frame)
    except MalformedFrame:
        return head
    # Only its number is odd.
    head.response = fields.get("response", _ABSENT)
    head.item = fields.get("item", _ABSENT)
    head.output_index = fields.get("output_index", _ABSENT)
    return head


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def sse_prefix(kind: str) -> bytes:
    """
    The lines that stand before a frame of this C{kind} in an event stream.

    @raise MalformedFrame: The kind could break out of its line. OpenAI's are made of
        letters, digits, dots, underscores and hyphens.
    """
    name = kind.replace(".", "").replace("_", "").replace("-", "")
    if not (name.isascii() and name.isalnum()):
        raise MalformedFrame("its type is not a name")
    return b"event: %b\ndata: " % kind.encode("ascii")


def one_line(frame: bytes) -> bytes:
    """C{frame} as a single line: the same JSON, without raw line breaks."""
    if b"\n" in frame or b"\r" in frame:
        return frame.translate(_LINE_BREAKS)
    return frame


def to_sse(kind: str, frame: bytes) -> bytes:
    """One whole server-sent event, framed as api.openai.com frames it (LF, no id)."""
    return b"%b%b\n\n" % (sse_prefix(kind), one_line(frame))
