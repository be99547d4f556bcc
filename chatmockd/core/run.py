"""Runs of frames that look alike, passed on without scanning each.

Most of a stream is one kind of frame, hundreds in a row and many to a read. To look at
both ends of a frame costs half of what scanning it would; what looks different there
is not part of a run.
"""

from __future__ import annotations

from collections.abc import Sequence

from chatmockd.core.frame import one_line, sse_prefix

# Bytes; a larger frame is no part of a run, so that it is not copied again.
LARGE = 65_536

# What a frame ends with: a member which nearly always is among the last, and a brace.
_NUMBER, _TAIL, _BRACE = b'"sequence_number":', 48, ord("}")

# The protocol has about sixty kinds; a hostile upstream must not fill our memory.
_MAX_KINDS = 256

_KINDS: dict[str, Kind] = {}
_BY_START: dict[bytes, Kind] = {}
_NAME = len(b'{"type":"')


class Kind:
    """
    How the frames of a kind that passes through unread look.

    @ivar prefix: What stands before one in an event stream.
    """

    __slots__ = ("_between", "_start", "prefix")

    def __init__(self, kind: str) -> None:
        """
        @raise MalformedFrame: It is not a name.
        """
        self.prefix = sse_prefix(kind)
        self._between = b"\n\n" + self.prefix
        # As both upstreams write it; any other way is scanned, each time.
        self._start = b'{"type":"%b",' % kind.encode("ascii")

    @classmethod
    def of(cls, kind: str) -> Kind:
        """The one for frames of this C{type}, remembered."""
        known = _KINDS.get(kind)
        if known is None:
            known = cls(kind)
            if len(_KINDS) < _MAX_KINDS and len(kind) < 128:
                _KINDS[kind] = known
                _BY_START[known._start] = known
        return known

    @staticmethod
    def looking_like(frame: bytes) -> Kind | None:
        """The remembered kind that C{frame} starts like."""
        return _BY_START.get(frame[: frame.find(b'",', _NAME) + 2])

    def run_end(self, frames: Sequence[bytes], index: int) -> int:
        """The index of the first frame, from C{index} on, that is not of this look."""
        start, end = self._start, len(frames)
        while index < end:
            frame = frames[index]
            if (
                not frame.startswith(start)
                or frame[-1] != _BRACE
                or frame.rfind(_NUMBER, -_TAIL) < 0
                or len(frame) > LARGE
            ):
                break
            index += 1
        return index

    def to_sse(self, run: Sequence[bytes]) -> bytes:
        """The server-sent events of frames of this kind, one at the least."""
        events = self.prefix + self._between.join(run) + b"\n\n"
        if events.count(b"\n") != 3 * len(run) or b"\r" in events:
            # Raw line breaks between tokens, which hardly any frame has.
            run = [one_line(frame) for frame in run]
            events = self.prefix + self._between.join(run) + b"\n\n"
        return events
