"""
Cuts whole text messages out of what a WebSocket server sent, ahead of the full parser.

A Responses stream is almost nothing but short, unmasked, unfragmented text frames, many
to a read. Finding their edges takes two bytes each; a full RFC 6455 parser spends some
five times the rest of our work on them. Everything else (control frames, fragments,
reserved bits, masks, oversize or non-UTF-8 payloads) is handed on, unchanged and in
order, to the parser that knows what to do with it.
"""

from __future__ import annotations

from struct import Struct

_TEXT = 0x81  # FIN, no reserved bits, opcode 1
_LARGE = 65_536  # bytes; frames above it are put together with one copy

# The first four bytes of a frame: two of its head, and two that are its payload's size
# if the second says so.
_read_head = Struct(">BBH").unpack_from


class Cutter:
    """
    Follow one connection's incoming bytes, from the first one after the upgrade.

    @ivar max_message: Bytes, 125 at the least; a larger text frame is left to the
        parser to refuse.
    """

    def __init__(self, max_message: int) -> None:
        self.max_message = max_message
        self._held: list[bytes] = []  # the beginning of a frame not yet complete
        self._held_size = 0
        self._wanted = 0  # held bytes with which it makes sense to look again
        self._owed = 0  # bytes that belong to a frame which the parser has begun
        self._inside_message = False  # the parser is between fragments

    @property
    def is_inside(self) -> bool:
        """Whether a frame has begun to arrive, and has not ended."""
        return bool(self._held or self._owed)

    def feed(self, data: bytes) -> tuple[list[bytes], bytes, bytes]:
        """
        Take the bytes of one read, or what an earlier call left of it.

        @return: Three things: the payloads of the text messages that are complete;
            bytes for the parser that come after them; and bytes that come after those,
            to be fed again (empty when the read is used up).
        """
        if self._owed:
            odd = data[: self._owed]
            self._owed -= len(odd)
            return [], odd, data[len(odd) :]
        if self._held:
            self._held.append(data)
            self._held_size += len(data)
            if self._held_size < self._wanted:
                return [], b"", b""
            if self._wanted > _LARGE:
                return self._large_frame()
            data = b"".join(self._held)
            self._held = []
        payloads: list[bytes] = []
        at, end, most = 0, len(data), self.max_message
        last = -1 if self._inside_message else end - 4
        while at <= last:
            # Nearly every frame of a stream goes this way, with one call for its head.
            first, length, extended = _read_head(data, at)
            if first != _TEXT:
                break
            if length < 126:
                start = at + 2
            elif length == 126 and 126 <= extended <= most:
                start = at + 4
                length = extended
            else:
                break
            stop = start + length
            if stop > end:
                self._hold(data[at:], stop - at)
                return payloads, b"", b""
            payload = data[start:stop]
            if not payload.isascii() and not _is_utf8(payload):
                break
            payloads.append(payload)
            at = stop
        return self._feed_rest(data, at, payloads)

    def _feed_rest(
        self, data: bytes, at: int, payloads: list[bytes]
    ) -> tuple[list[bytes], bytes, bytes]:
        """What L{feed} does from C{at} on, for frames of any kind."""
        end = len(data)
        while end - at >= 2:
            start = at + _header_size(data[at + 1])
            if start > end:
                break
            if not self._is_plain(data, at):
                return payloads, *self._hand_on(data, at)
            stop = start + _payload_size(data, at)
            if stop > end:
                self._hold(data[at:], stop - at)
                return payloads, b"", b""
            payload = data[start:stop]
            if not payload.isascii() and not _is_utf8(payload):
                return payloads, *self._hand_on(data, at)
            payloads.append(payload)
            at = stop
        if at < end:
            left = data[at:]
            self._hold(left, 2 if len(left) < 2 else _header_size(left[1]))
        return payloads, b"", b""

    def _is_plain(self, data: bytes, at: int) -> bool:
        """
        Whether the frame at C{at} is a whole, unmasked text message of a size we take,
        said in as few bytes as possible.
        """
        size, second = _payload_size(data, at), data[at + 1]
        least = 0 if second < 126 else 126 if second == 126 else 65_536
        return (
            data[at] == _TEXT
            and second < 128
            and least <= size <= self.max_message
            and not self._inside_message
        )

    def _hold(self, left: bytes, wanted: int) -> None:
        self._held = [left]
        self._held_size = len(left)
        self._wanted = wanted

    def _large_frame(self) -> tuple[list[bytes], bytes, bytes]:
        """Put a held frame of known size together without a second copy of it."""
        last = self._held[-1]
        surplus = self._held_size - self._wanted
        rest = b""
        if surplus:
            rest = last[-surplus:]
            self._held[-1] = last[:-surplus]
        first = self._held[0]
        header = _header_size(first[1])
        self._held[0] = first[header:]
        payload = b"".join(self._held)
        self._held = []
        if payload.isascii() or _is_utf8(payload):
            return [payload], b"", rest
        return [], first[:header] + payload, rest

    def _hand_on(self, data: bytes, at: int) -> tuple[bytes, bytes]:
        """Give the frame at C{at}, whose header is complete, to the parser."""
        first, second = data[at], data[at + 1]
        opcode, fin = first & 0x0F, first & 0x80
        if opcode in (0, 1, 2):
            self._inside_message = not fin
        length = _payload_size(data, at)
        stop = at + _header_size(second) + length
        if stop > len(data):
            self._owed = stop - len(data)
        return data[at:stop], data[stop:]


def _header_size(second: int) -> int:
    """Bytes of a frame's header, told by its second byte."""
    length = second & 0x7F
    extended = 0 if length < 126 else 2 if length == 126 else 8
    return 2 + extended + (4 if second & 0x80 else 0)


def _payload_size(data: bytes, at: int) -> int:
    """Bytes of payload of the frame at C{at}, whose header is complete."""
    length = data[at + 1] & 0x7F
    if length == 126:
        return int.from_bytes(data[at + 2 : at + 4], "big")
    if length == 127:
        return int.from_bytes(data[at + 2 : at + 10], "big")
    return length


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
