"""The bytes of one upstream text message: what kind it is, and how it looks as SSE.

Nothing here builds the frame's JSON. A frame is scanned once by msgspec, which checks
that it is JSON while it skips all fields but two; what reaches a client as C{data:} is
therefore always one JSON document, byte for byte as the upstream wrote it.
"""

from __future__ import annotations

import msgspec

from chatmockd.errors import MalformedFrame


class Head(msgspec.Struct, gc=False):
    """The two fields of a frame that the hot path looks at."""

    type: str
    sequence_number: int | None = None


# For the hot path, which saves itself the call of head_of: what it does, and what it
# raises for a frame that is no event.
decode_head = msgspec.json.Decoder(Head).decode
NO_EVENT = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

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
        return decode_head(frame)
    except NO_EVENT as problem:
        raise MalformedFrame(str(problem)) from problem


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
