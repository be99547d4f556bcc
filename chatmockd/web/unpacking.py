"""Bodies that come compressed, made what they were, and no larger than they may be.

Codex compresses what it sends to the provider that it has built in when it is signed in
with ChatGPT, whatever the base URL of that is; the ChatGPT backend takes it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import zstandard

from chatmockd.errors import BodyTooLarge, InvalidRequest

_PIECE = 262_144  # bytes unpacked at a time: so much is thrown away of a bomb

# How far back a packed byte may refer, in bytes: what a decoder of the format has to
# bear (RFC 8878, section 3.1.1.1.2). It is taken from memory for each body.
_WINDOW = 8_388_608

# zlib's or gzip's header, whichever is there: clients have been known to mean the one
# by the other's name.
_EITHER = zlib.MAX_WBITS | 32


def unpacked(packed: bytes, encoding: str, limit: int) -> bytes:
    """
    A body as it was before C{encoding}, one of L{chatmockd.core.admission.PACKINGS}.

    What has been cut off is found by whoever reads the JSON.

    @param limit: How many bytes it may have.
    @raise BodyTooLarge: It has more.
    @raise InvalidRequest: It is not packed like that.
    """
    pieces, size = [], 0
    try:
        for piece in _UNPACK[encoding](packed):
            size += len(piece)
            if size > limit:
                raise BodyTooLarge(
                    f"The body is larger than {limit} bytes (server.max_body_bytes) "
                    "when it is unpacked."
                )
            pieces.append(piece)
    except (zlib.error, zstandard.ZstdError) as problem:
        raise InvalidRequest(
            f"The body cannot be unpacked as 'Content-Encoding: {encoding}': {problem}"
        ) from None
    return b"".join(pieces)


def _inflated(packed: bytes) -> Iterator[bytes]:
    inflater = zlib.decompressobj(_EITHER)
    while not inflater.eof:
        # Something may be left inside when all has gone in.
        piece = inflater.decompress(packed, _PIECE)
        packed = inflater.unconsumed_tail
        if not piece and not packed:
            return
        yield piece


def _zstandard(packed: bytes) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    reader = decompressor.stream_reader(packed, read_across_frames=True)
    while piece := reader.read(_PIECE):
        yield piece


_UNPACK: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "deflate": _inflated,
    "gzip": _inflated,
    "x-gzip": _inflated,
    "zstd": _zstandard,
}
