"""The events of a turn as they came, kept small."""

from __future__ import annotations

from collections.abc import Iterator

import zstandard

# Raw bytes that are packed together. Events are nearly all repetition: this much takes
# some 20 us to pack, and a small part of the room.
_BLOCK = 65_536


class EventLog:
    """
    Server-sent events, to be read again from any place between two of them.

    Places are counted in bytes from the beginning.

    @ivar size: Bytes in all.
    """

    def __init__(self) -> None:
        self.size = 0
        self._blocks: list[tuple[int, bytes]] = []  # each with where it begins
        self._tail: list[bytes] = []
        self._packed_size = 0

    def append(self, pieces: list[bytes]) -> None:
        """Add whole events, any number to a piece."""
        self._tail += pieces
        for piece in pieces:
            self.size += len(piece)
        if self.size - self._packed_size >= _BLOCK:
            self._blocks.append((self._packed_size, _pack(self._tail)))
            self._packed_size = self.size
            self._tail = []

    def read(self, place: int) -> bytes:
        """What stands at C{place}: not all of it, but something if there is any."""
        if place >= self._packed_size:
            return b"".join(self._tail)[place - self._packed_size :]
        start, block = next(
            (start, block) for start, block in reversed(self._blocks) if start <= place
        )
        return b"".join(unpacked(block))[place - start :]

    def packed(self, last: list[bytes]) -> bytes:
        """All of it with some more events behind it, for L{unpacked}."""
        blocks = [block for _, block in self._blocks]
        return b"".join([*blocks, _pack([*self._tail, *last])])


# How far back a packed byte may refer, as a power of two. Whoever unpacks a large event
# piece by piece keeps that much for as long as its client stalls: it comes to 0.6 MB,
# and with the level's own 19 to 1.0.
_WINDOW = 17

# One for all: what a new one takes, a megabyte, would leave holes in the heap.
_compressor = zstandard.ZstdCompressor(
    compression_params=zstandard.ZstdCompressionParameters.from_level(
        1, window_log=_WINDOW
    )
)


def _pack(pieces: list[bytes]) -> bytes:
    # Not compress(): what that returns was cut from a piece as long as what went in,
    # and the hole behind it fits nothing. That came to 3 MB for 37 kB of packed log.
    packing = _compressor.compressobj()
    return b"".join([*map(packing.compress, pieces), packing.flush()])


def unpacked(packed: bytes) -> Iterator[bytes]:
    """
    The events that L{EventLog.packed} packed.

    @return: Pieces of at most 64 KiB, cut anywhere: an event may be larger.
    """
    reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
    while piece := reader.read(_BLOCK):
        yield piece


def last_event(packed: bytes) -> bytes:
    """The last of the events that L{EventLog.packed} packed."""
    held = bytearray()
    for piece in unpacked(packed):
        # The blank line before it may have been cut in two.
        looked_at = max(0, len(held) - 3)
        held += piece
        before = held.rfind(b"\n\n", looked_at, -2)
        if before >= 0:
            del held[: before + 2]
    return bytes(held)
