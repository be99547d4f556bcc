"""Stores on disk, in a folder of the test's."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from chatmockd.store.contract import Store
from chatmockd.store.sql import SqlStore
from chatmockd.store.sqlite import sqlite_store
from tests.store.spinning import own_reactor
from tests.store.suite.verbs import StoreVerbs


class OnDisk(StoreVerbs):
    """Stores in a folder of the test's."""

    place = "disk"
    store: SqlStore

    def setUp(self) -> None:
        self._open: list[SqlStore] = []
        super().setUp()

    def make_store(self) -> Store:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "state"
        self.path = self.folder / "turns.db"
        self.addCleanup(self.close_all)
        return self.open()

    def open(self) -> SqlStore:
        """Open the store as the daemon does when it starts."""
        store = sqlite_store(own_reactor(), self.path)
        self._open.append(store)
        return store

    def close_all(self) -> None:
        """Close what is open, as the daemon does when it stops."""
        while self._open:
            self.result(self._open.pop().close())

    def reopen(self) -> None:
        """Stop the daemon, and start it again."""
        self.close_all()
        self.store = self.open()

    def pragma(self, statement: str) -> Any:
        """A setting of the store's own connection: what it is, or set it."""

        def work(cursor: sqlite3.Cursor) -> Any:
            row = cursor.execute(f"PRAGMA {statement}").fetchone()
            return row and row[0]

        return self.result(self.store._run(work))

    def assert_works(self) -> None:
        """Turns can be kept, and found."""
        self.turn("afterwards")
        self.assertEqual(self.kept("afterwards"), ["afterwards"])
