"""What a process has used so far: CPU time and memory. Linux only."""

from __future__ import annotations

import os
import time
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_s(pid: int) -> float:
    """
    Seconds of CPU, user and system, of all threads of C{pid}, ended ones included.

    This is the kernel's clock of that process: it counts nanoseconds, where
    C{/proc/PID/stat} counts hundredths of a second.
    """
    # How clock_getcpuclockid(3) makes the id: the process, all CPU time it was given.
    return time.clock_gettime((~pid << 3) | 2)


def rss_bytes(pid: int) -> int:
    """Bytes of memory which C{pid} holds resident."""
    statm = Path(f"/proc/{pid}/statm").read_text(encoding="ascii")
    return int(statm.split()[1]) * _PAGE
