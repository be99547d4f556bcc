"""A program that keeps the events of long answers, and tells what that takes."""

from __future__ import annotations

import random
import resource
from pathlib import Path

from chatmockd.turns.log import EventLog

ANSWERS = 8
BYTES = 3_000_000  # of each


def resident() -> int:
    """Bytes of memory that we have."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def kept(chance: random.Random) -> EventLog:
    """One answer, as its reads bring it: a few events, or many."""
    log = EventLog()
    while log.size < BYTES:
        words = chance.randbytes(3).hex().encode().ljust(240, b".")
        log.append([b'data: {"delta": "%b"}\n\n' % words * chance.randrange(1, 200)])
    return log


def main() -> None:
    chance = random.Random(1)
    first = kept(chance)
    before = resident()
    logs = [first] + [kept(chance) for _ in range(ANSWERS)]
    print((resident() - before) // ANSWERS, sum(log.size for log in logs))


if __name__ == "__main__":
    main()
