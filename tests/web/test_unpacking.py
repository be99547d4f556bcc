"""Bodies that come compressed."""

from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable

import zstandard
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.admission import PACKINGS
from chatmockd.errors import BodyTooLarge, InvalidRequest
from chatmockd.web.unpacking import unpacked
from tests.core.cases import case

PACK: dict[str, Callable[[bytes], bytes]] = {
    "deflate": zlib.compress,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "zstd": zstandard.compress,
}
LIMIT = 33_554_432
noise = random.Random(7).randbytes


class UnpackingTests(SynchronousTestCase):
    """What comes out is what went in, or nothing."""

    def test_each_of_them(self) -> None:
        """Of any size: nothing, one piece, several, just as much as there may be."""
        self.assertEqual(PACK.keys(), PACKINGS)
        for encoding, pack in PACK.items():
            for body in (b"", b"x", noise(300_000), b"a" * 262_144, b"a" * 900_000):
                with case(encoding=encoding, size=len(body)):
                    limit = len(body)
                    self.assertEqual(unpacked(pack(body), encoding, limit), body)

    def test_as_others_write_them(self) -> None:
        """Without a size in the head, in several frames, by the other's name."""
        body = noise(200_000)
        streamed = zstandard.ZstdCompressor(level=3).compressobj()
        packed = streamed.compress(body) + streamed.flush()
        self.assertEqual(unpacked(packed, "zstd", LIMIT), body)
        twice = zstandard.compress(body[:7]) + zstandard.compress(body[7:])
        self.assertEqual(unpacked(twice, "zstd", LIMIT), body)
        self.assertEqual(unpacked(gzip.compress(body), "deflate", LIMIT), body)

    def test_too_much(self) -> None:
        """A bomb is thrown away before it has gone off."""
        for encoding, pack in PACK.items():
            with case(encoding=encoding):
                bomb = pack(bytes(LIMIT))
                self.assertRaises(BodyTooLarge, unpacked, pack(b"ab"), encoding, 1)
                tracemalloc.start()
                self.assertRaises(BodyTooLarge, unpacked, bomb, encoding, 1_000_000)
                _, peak = tracemalloc.get_traced_memory()
                tracemalloc.stop()
                self.assertLess(peak, 4_000_000)

    def test_a_window_of_any_size(self) -> None:
        """No frame takes what memory it likes."""
        parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
        compressor = zstandard.ZstdCompressor(compression_params=parameters)
        streamed = compressor.compressobj()
        packed = streamed.compress(b"a" * 1000) + streamed.flush()
        self.assertRaises(InvalidRequest, unpacked, packed, "zstd", LIMIT)

    def test_something_else(self) -> None:
        """The message names what it was said to be."""
        for encoding in PACK:
            for packed in (b'{"model":"m"}', b"\x00" * 20, b"\x1f\x8b\x08\xff"):
                with case(encoding=encoding, packed=packed):
                    error = self.assertRaises(
                        InvalidRequest, unpacked, packed, encoding, LIMIT
                    )
                    self.assertIn(f"Content-Encoding: {encoding}", str(error))

    def test_what_was_cut_off(self) -> None:
        """Its beginning, at most: half a JSON object is none."""
        body = noise(100_000)
        for encoding, pack in PACK.items():
            whole = pack(body)
            for place in (0, 1, 10, 50_000, len(whole) - 1):
                with case(encoding=encoding, place=place):
                    try:
                        found = unpacked(whole[:place], encoding, LIMIT)
                    except InvalidRequest:
                        continue
                    self.assertTrue(body.startswith(found))
