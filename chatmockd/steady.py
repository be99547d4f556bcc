"""
A clock for timers that nobody can set.

A reactor goes by the time of day. When that is set back by an hour, as happens to
machines whose clock was wrong when they started, no timer fires for an hour: silent
upstreams are waited for, and dead connections are not noticed. When it is set forward,
all timers fire at once.
"""

from __future__ import annotations

import time
from typing import Any

# These go on while the machine sleeps, as L{chatmockd.pulse.Pulse} wants it. Linux
# stops the one that time.monotonic() reads, and so does macOS.
_clock_id = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_ahead = time.time() - time.clock_gettime(_clock_id)


def seconds() -> float:
    """Seconds that only ever grow: Unix time, by what the time of day was at first."""
    return time.clock_gettime(_clock_id) + _ahead


def keep_steady(reactor: Any) -> None:
    """
    Have C{reactor}, and whatever takes it for its clock, go by L{seconds}.

    What is already waiting goes on to do so: both clocks show the same now.
    """
    reactor.seconds = seconds
