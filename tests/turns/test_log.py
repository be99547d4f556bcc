"""A turn's events, kept small and read again."""

from __future__ import annotations

import subprocess
import sys
from unittest import skipUnless

import zstandard
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.turns.log import EventLog, last_event, unpacked

EVENT = b"event: x\ndata: {}\n\n"


def whole(log: EventLog, place: int = 0) -> bytes:
    """All that can be read from C{place} on."""
    found = b""
    while place + len(found) < log.size:
        found += log.read(place + len(found))
    return found


class EventLogTests(SynchronousTestCase):
    """Reading from any place."""

    @given(
        st.lists(st.integers(0, 90_000).map(lambda size: EVENT + b"y" * size)),
        st.integers(0, 30),
    )
    def test_what_was_added_is_read(self, pieces: list[bytes], begin: int) -> None:
        """In order, from wherever a piece begins, before and after packing."""
        log = EventLog()
        for piece in pieces:
            log.append([piece])
        start = sum(map(len, pieces[:begin]))
        self.assertEqual(whole(log, start), b"".join(pieces[begin:]))
        self.assertEqual(log.size, len(b"".join(pieces)))
        again = list(unpacked(log.packed([EVENT])))
        self.assertEqual(b"".join(again), b"".join([*pieces, EVENT]))
        self.assertLessEqual(max(map(len, again)), 65_536)

    @given(st.lists(st.integers(1, 140_000), min_size=1, max_size=5))
    def test_the_last_event(self, sizes: list[int]) -> None:
        """Wherever the pieces are cut in which it is unpacked."""
        log = EventLog()
        *before, last = [b"e" * size + b"\n\n" for size in sizes]
        log.append(before)
        self.assertEqual(last_event(log.packed([last])), last)

    def test_a_long_turn_takes_little(self) -> None:
        """It is packed on the way, and not only at the end."""
        log = EventLog()
        for _ in range(100):
            log.append([EVENT * 5_000])
        held = sum(len(block) for _, block in log._blocks) + len(b"".join(log._tail))
        self.assertLess(held, log.size / 20)

    @skipUnless(sys.platform == "linux", "memory is read from /proc, and there is none")
    def test_a_long_turn_leaves_no_holes(self) -> None:
        """Beside what is packed there is not as much memory again that fits nothing."""
        told = subprocess.run(
            [sys.executable, "-m", "tests.turns.long_answers"],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.split()
        # It was 860 kB, for 36 kB of packed log.
        self.assertLess(int(told[0]), 300_000)

    def test_unpacking_a_large_event_takes_little(self) -> None:
        """As much as one of any size."""
        log = EventLog()
        log.append([EVENT, EVENT + b"y" * 5_000_000])
        packed = log.packed([])
        decompressor = zstandard.ZstdDecompressor()
        reader = decompressor.stream_reader(packed)
        self.assertEqual(len(reader.read(65_536)), 65_536)
        self.assertLess(decompressor.memory_size(), 700_000)

    def test_a_piece_is_never_cut(self) -> None:
        """Whoever reads gets whole events."""
        log = EventLog()
        for number in range(3_000):
            log.append([b"event: x\ndata: %d\n\n" % number * 9])
        place = 0
        while place < log.size:
            events = log.read(place)
            self.assertTrue(events.startswith(b"event") and events.endswith(b"\n\n"))
            place += len(events)
