"""The log of a daemon that outlives what is done to its log."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Mapping
from pathlib import Path
from threading import RLock
from typing import Any, cast

from twisted.logger import ILogObserver, textFileLogObserver

_PART = 1_000_000  # bytes
_OLD_PARTS = 10

_Place = tuple[int, int]


class LogFile:
    """
    One file, split before it gets long, of which the oldest parts go.

    twistd's own would write on for ever into a file that has been deleted or moved, and
    begin one that was made shorter with as many zeros as it had bytes; it is readable
    by everybody, and keeps every part.
    """

    def __init__(self, path: Path, *, part: int = _PART, old: int = _OLD_PARTS) -> None:
        """
        @param part: Bytes after which a new part is begun.
        @param old: How many are kept besides the newest.
        @raise OSError: It cannot be written.
        """
        self._path = Path(os.path.abspath(path))
        self._part = part
        self._old = old
        self._number, self._place = self._opened()
        self._is_to_be_split = False
        # The store has a thread of its own. And the garbage collector may come in the
        # middle of a line, with a failure that nobody has heard of yet.
        self._lock = RLock()

    def write(self, text: str) -> None:
        """
        Write a line.

        @raise OSError: There is no room for it; the next one may find some.
        """
        with self._lock:
            self._see_to_place()
            os.write(self._number, text.encode("utf-8", "replace"))

    def flush(self) -> None:
        """Nothing is held back."""

    def split(self) -> None:
        """Begin a new part with the next line; harmless in the middle of one."""
        self._is_to_be_split = True

    def close(self) -> None:
        """Write no more."""
        os.close(self._number)

    def _see_to_place(self) -> None:
        try:
            if _place_of(self._path) == self._place:
                found = os.fstat(self._number)
                full = self._is_to_be_split or found.st_size >= self._part
                # Nobody wants /dev/null or a pipe renamed.
                if not (full and stat.S_ISREG(found.st_mode)):
                    return
                self._move_parts()
            # Else it was moved, and what stands there is for the next lines.
            self._is_to_be_split = False
            number, place = self._opened()
        except OSError:
            # The lines go where they went before, and the next one tries again.
            return
        before, self._number, self._place = self._number, number, place
        os.close(before)

    def _opened(self) -> tuple[int, _Place]:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        number = os.open(self._path, flags, 0o600)
        found = os.fstat(number)
        return number, (found.st_dev, found.st_ino)

    def _move_parts(self) -> None:
        if not os.access(self._path.parent, os.W_OK) or self._path.is_symlink():
            raise PermissionError
        for number in range(self._old, 0, -1):
            before = self._part_at(number - 1) if number > 1 else self._path
            if before.exists():
                before.replace(self._part_at(number))

    def _part_at(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def log_wanted(twistd: Mapping[str, Any]) -> Path | None:
    """
    Into which file the log is to be written.

    @param twistd: Its options.
    @return: None when it is written elsewhere: to stdout, to the system's log, or
        however C{--logger} does it.
    """
    named = twistd.get("logfile")
    if named == "-" or (twistd.get("nodaemon") and not named):
        return None
    if twistd.get("syslog") or twistd.get("logger"):
        return None
    return Path(named or "twistd.log")


def log_into(path: Path, *, in_background: bool) -> ILogObserver:
    """
    What writes the log into the file C{path}; it begins a new part on SIGUSR1.

    @param in_background: There is no terminal that could hang up, so that SIGHUP means
        the same, as to most daemons. It would be the death of this one.
    @raise OSError: It cannot be written.
    """
    file = LogFile(path)
    for number in (signal.SIGUSR1, signal.SIGHUP)[: 1 + in_background]:
        if not signal.getsignal(number):
            signal.signal(number, lambda number, frame: file.split())
    return cast(ILogObserver, textFileLogObserver(cast(Any, file)))


def _place_of(path: Path) -> _Place | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
