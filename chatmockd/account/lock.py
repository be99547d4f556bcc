"""One at a time among processes: a lock file, waited for without blocking."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

_STEP = 0.1  # seconds between attempts


class LockBusy(Exception):
    """Another process has held the lock for as long as we wait."""


class Lock:
    """
    The lock that belongs to one file.

    The system ends it with the process, so that nobody has to clean up behind a crash.
    It stands beside the file itself, even where that is reached over a link, so that
    all who mean the same file meet there.
    """

    def __init__(self, file: Path, clock: IReactorTime) -> None:
        real = Path(os.path.realpath(file))
        self._file = real.with_name(f"{real.name}.lock")
        self._clock = clock
        self._number: int | None = None

    async def acquire(self, seconds: float) -> None:
        """
        Wait until it is ours.

        @param seconds: How long to wait.
        @raise LockBusy: That was not enough.
        @raise OSError: The lock file cannot be made.
        """
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        number = os.open(self._file, flags, 0o600)
        end = self._clock.seconds() + seconds
        try:
            while True:
                try:
                    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if self._clock.seconds() >= end:
                        raise LockBusy() from None
                # A step back to the reactor, which other turns need meanwhile.
                await deferLater(self._clock, _STEP)
        except BaseException:
            os.close(number)
            raise
        self._number = number

    def release(self) -> None:
        """Let the next one have it."""
        if self._number is not None:
            os.close(self._number)
            self._number = None
