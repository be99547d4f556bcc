"""Runs of frames that look alike, passed on without scanning each.

Most of a stream is one kind of frame, hundreds in a row and many to a read. To look at
both ends of a frame (a type that is known, a number that is last or next to the type)
costs less than what scanning and framing it alone would; what looks different there is
no part of a run. What lies between is the upstream's word: nobody proves it to be JSON.
"""

from __future__ import annotations

from collections.abc import Sequence

from chatmockd.core.frame import one_line, sse_prefix

# Bytes; a larger frame is no part of a run, so that it is not copied again.
LARGE = 65_536

# The member that all events have; how far from a frame's end it is looked for, in
# bytes, and where its digits begin.
_NUMBER, _TAIL = b'"sequence_number":', 40
_DIGITS = len(_NUMBER)
_BRACE, _ZERO, _NINE = b"}09"

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
        # As the upstreams write it: the type first, and the number next to it or last.
        # Any other way is scanned, each time.
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
        start, behind_type, end = self._start, len(self._start), len(frames)
        while index < end:
            frame = frames[index]
            if (
                not frame.startswith(start)
                or frame[-1] != _BRACE
                or len(frame) > LARGE
                or not (
                    frame[frame.rfind(_NUMBER, -_TAIL) + _DIGITS : -1].isdigit()
                    or frame.startswith(_NUMBER, behind_type)
                    and _ZERO <= frame[behind_type + _DIGITS] <= _NINE
                )
            ):
                break
            index += 1
        return index

    def to_sse(self, run: Sequence[bytes]) -> bytes:
        """The server-sent events of frames of this kind, one at the least."""
        if len(run) == 1:
            # At a model's pace each event is a read of its own.
            return b"%b%b\n\n" % (self.prefix, one_line(run[0]))
        # Counting line breaks in what is framed takes five times as long as this copy.
        whole = b"".join(run)
        if b"\n" in whole or b"\r" in whole:
            # Raw line breaks between tokens, which hardly any frame has.
            run = [one_line(frame) for frame in run]
        # The ends are put on before the joining, which is then the last large copy.
        framed = [*run]
        framed[0] = self.prefix + framed[0]
        framed[-1] += b"\n\n"
        return self._between.join(framed)
