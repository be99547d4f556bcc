"""The store on disk: one SQLite file, written in a thread of its own."""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.python.failure import Failure

from chatmockd.errors import StoreError, StoreFull
from chatmockd.store.group_commit import GroupCommit
from chatmockd.store.schema import TEMPORARY, NewerSchema, migrate
from chatmockd.store.sql import SqlStore

T = TypeVar("T")

_LONGEST_JOURNAL = 16_777_216  # bytes, once all of it is in the file

_BUSY = 2.0  # seconds to wait for another process that has the file locked


class StoreUnusable(Exception):
    """The daemon cannot start with this store; the message is for the operator."""


class _Threaded:
    """Runs transactions through adbapi, on one connection in a thread of its own."""

    def __init__(self, reactor: Any, path: Path, lock: int) -> None:
        self._path = path
        self._file = _file_at(path)
        self._lock = lock
        self._pool = ConnectionPool(
            "sqlite3",
            str(path),
            timeout=_BUSY,
            # It is closed by the reactor's thread, when its own has ended.
            check_same_thread=False,
            cp_min=1,
            cp_max=1,
            cp_reactor=reactor,
            cp_noisy=False,
            cp_openfun=_set_up,
        )
        self._group = GroupCommit(self._pool.runInteraction)

    def run(self, work: Callable[[sqlite3.Cursor], T]) -> Deferred[T]:
        done = self._group.run(work)
        done.addErrback(_explain)
        return done

    def rest(self) -> Deferred[None]:
        # They have it between any two transactions.
        return succeed(None)

    def is_in_place(self) -> bool:
        return _file_at(self._path) == self._file

    def close(self) -> Deferred[None]:
        # Behind all that is still to be written.
        written = self._group.run(lambda cursor: None)
        return written.addBoth(lambda _: maybeDeferred(self._close))

    def _close(self) -> None:
        self._pool.close()
        os.close(self._lock)


def sqlite_store(reactor: Any, path: Path, place: str = "disk") -> SqlStore:
    """
    Open the store in the file C{path}; make it, where there is none.

    @raise StoreUnusable: It cannot be opened, is another daemon's, or too new.
    """
    try:
        lock = _prepare(path)
        try:
            _make_tables(path)
        except BaseException:
            os.close(lock)
            raise
    except BlockingIOError:
        raise StoreUnusable(
            f"{path}: another chatmockd uses it; give each its own"
        ) from None
    except NewerSchema as problem:
        raise StoreUnusable(f"{path}: {problem}") from None
    except OSError as problem:
        raise StoreUnusable(f"{path}: {problem.strerror}") from None
    except sqlite3.Error as problem:
        raise StoreUnusable(f"{path}: {problem}") from None
    return SqlStore(_Threaded(reactor, path, lock), place, secrets.token_hex(8))


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file C{path} names, whatever else has had that name."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_tables(path: Path) -> None:
    database = sqlite3.connect(path, timeout=_BUSY, isolation_level=None)
    with closing(database):
        # Only before anything else is in the file does it take effect.
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        database.execute("PRAGMA journal_mode = WAL")
        migrate(database)


def _prepare(path: Path) -> int:
    """
    Make folder and files, closed to everybody else; return the lock on them.

    SQLite gives its journal the mode of the database.
    """
    for folder in reversed(path.parents):
        # One by one: mkdir would give its mode to the last of them only.
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    lock = os.open(f"{path}.lock", flags, 0o600)
    try:
        # The kernel lets go of it when we die, however that is.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(os.open(path, flags, 0o600))
    except BaseException:
        os.close(lock)
        raise
    return lock


def _set_up(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA busy_timeout = 2000")
    database.execute(TEMPORARY)
    # Else the journal keeps for ever the size of the largest that was ever written.
    database.execute(f"PRAGMA journal_size_limit = {_LONGEST_JOURNAL}")


def _explain(reason: Failure) -> Failure:
    """Have the client, and the log, told what is the matter with the store."""
    problem = reason.value
    if not isinstance(problem, sqlite3.Error):
        return reason
    if "full" in str(problem):
        return Failure(StoreFull(str(problem)))
    return Failure(StoreError(str(problem)))
