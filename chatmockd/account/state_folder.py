"""Small files in which the daemon remembers what the upstream told it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from twisted.logger import Logger

_MOST = 8_388_608  # bytes; a longer file is none of ours


class StateFolder:
    """
    The folder of the store, and what stands in it beside the store.

    What is kept here can be had again: a file that cannot be read is as good as none,
    and one that cannot be written is a line in the log.
    """

    _log = Logger()

    def __init__(self, path: Path | None) -> None:
        """
        @param path: None keeps nothing.
        """
        self._path = path
        self._complained = False

    @classmethod
    def beside(cls, store_path: str, home: Path) -> StateFolder:
        """The folder in which the store is, or would be."""
        path = Path(store_path)
        if path.parts[:1] == ("~",):
            path = home.joinpath(*path.parts[1:])
        return cls(path.absolute().parent)

    def place(self, name: str) -> Path | None:
        """Where the file C{name} is, if anything is kept."""
        return None if self._path is None else self._path / name

    def read(self, name: str) -> bytes | None:
        """What is in the file C{name}; None when there is nothing usable."""
        if self._path is None:
            return None
        try:
            with open(self._path / name, "rb") as file:
                content = file.read(_MOST + 1)
        except OSError:
            return None
        return content if len(content) <= _MOST else None

    def newest(self, pattern: str) -> Iterator[bytes]:
        """What is in the files of these names, the one that was written last first."""
        if self._path is None:
            return
        dated = []
        for file in self._path.glob(pattern):
            try:
                dated.append((file.stat().st_mtime, file.name))
            except OSError:
                continue
        for _, name in sorted(dated, reverse=True):
            content = self.read(name)
            if content is not None:
                yield content

    def write(self, name: str, content: bytes) -> bool:
        """
        Make C{content} the file's, as a whole or not at all; only we may read it.

        @return: Whether it is.
        """
        if self._path is None:
            return False
        # Two daemons may have one folder, if not one store.
        fresh = self._path / f".{name}.{os.getpid()}"
        try:
            for folder in reversed((self._path, *self._path.parents)):
                if not folder.exists():
                    folder.mkdir(mode=0o700, exist_ok=True)
            fresh.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            with open(os.open(fresh, flags, 0o600), "wb") as file:
                file.write(content)
            os.replace(fresh, self._path / name)
        except OSError as problem:
            if not self._complained:
                self._complained = True
                self._log.warn(
                    "{folder}: {name} cannot be kept there: {problem}",
                    folder=self._path,
                    name=name,
                    problem=problem.strerror,
                )
            return False
        self._complained = False
        return True
