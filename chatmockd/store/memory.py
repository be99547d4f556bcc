"""A store that lives and dies with the process."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, execute, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from chatmockd.store.schema import migrate
from chatmockd.store.sql import SqlStore

T = TypeVar("T")


class _Inline:
    """Runs transactions here and now: nothing in memory is worth another thread."""

    def __init__(self, clock: IReactorTime | None) -> None:
        self._clock = clock
        self._database = sqlite3.connect(":memory:", isolation_level=None)
        migrate(self._database)

    def run(self, work: Callable[[sqlite3.Cursor], T]) -> Deferred[T]:
        return execute(self._transact, work)

    def _transact(self, work: Callable[[sqlite3.Cursor], T]) -> T:
        cursor = self._database.cursor()
        cursor.execute("BEGIN")
        try:
            result = work(cursor)
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")
        return result

    def rest(self) -> Deferred[None]:
        if self._clock is None:
            return succeed(None)
        return deferLater(self._clock, 0, lambda: None)

    def is_in_place(self) -> bool:
        # Nobody would look for it again.
        return True

    def close(self) -> Deferred[None]:
        self._database.close()
        return succeed(None)


def memory_store(place: str = "memory", clock: IReactorTime | None = None) -> SqlStore:
    """
    A new, empty store in memory.

    @param clock: The reactor, which else stands still for as long as a sweep takes.
    """
    return SqlStore(_Inline(clock), place, "")
