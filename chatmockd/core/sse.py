"""An upstream's event stream, cut into frames as the bytes arrive."""

from __future__ import annotations

from chatmockd.errors import MalformedFrame

_BOM = b"\xef\xbb\xbf"
_DONE = b"[DONE]"


class EventStream:
    """
    Reads what a C{text/event-stream} says, as the HTML standard has it.

    An event is its data, which is what a WebSocket would have carried; its name stands
    in there again. C{[DONE]}, which some servers end with, is no event.
    """

    def __init__(self, most: int) -> None:
        """@param most: Bytes that one event may have."""
        self._most = most
        self._begun = False
        self._after_cr = False
        self._line: list[bytes] = []
        self._event: list[bytes] = []
        self._size = 0

    @property
    def is_inside(self) -> bool:
        """Whether an event has begun to arrive, and has not ended."""
        return self._size > 0

    def feed(self, data: bytes) -> list[bytes]:
        """
        Take the next bytes.

        @return: The data of the events that end in them.
        @raise MalformedFrame: An event is too long, or no UTF-8; nothing behind it can
            be trusted.
        """
        if not data:
            return []
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
            if not data:
                return []
        self._after_cr = data.endswith(b"\r")
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *whole, rest = data.split(b"\n")
        frames: list[bytes] = []
        for line in whole:
            if self._line:
                self._size -= sum(map(len, self._line))
                line = b"".join((*self._line, line))
                self._line.clear()
            self._take(line, frames)
        if rest:
            self._line.append(rest)
            self._grow(len(rest))
        return frames

    def _take(self, line: bytes, frames: list[bytes]) -> None:
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BOM)
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                value = value.removeprefix(b" ")
                self._event.append(value)
                self._grow(len(value) + 1)
        elif self._event:
            frame = b"\n".join(self._event)
            self._event.clear()
            self._size = 0
            if frame != _DONE:
                frames.append(_checked(frame))

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > self._most:
            raise MalformedFrame(f"an event has more than {self._most} bytes")


def _checked(frame: bytes) -> bytes:
    if not frame.isascii():
        try:
            frame.decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedFrame("an event is not UTF-8") from None
    return frame
