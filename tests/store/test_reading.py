"""Reading beside a daemon."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.usage import Spent, Usage
from chatmockd.store.reading import read_usage
from chatmockd.store.sqlite import sqlite_store
from tests.store.spinning import own_reactor, result_of


class ReadUsageTests(SynchronousTestCase):
    """On files."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "t#u?rns.db"

    def test_while_the_daemon_has_it(self) -> None:
        """Its lock keeps other daemons out, and nobody who only looks."""
        store = sqlite_store(own_reactor(), self.path)
        self.addCleanup(lambda: result_of(store.close()))
        result_of(store.add_usage("alice", "gpt-5", 100.0, Usage(1, 10)))
        self.assertEqual(
            read_usage(self.path, "alice", 0.0),
            [Spent("1970-01-01", "gpt-5", Usage(1, 10))],
        )

    def test_nothing_to_read(self) -> None:
        """No file, none of ours: none is made."""
        self.assertIsNone(read_usage(self.path, "alice", 0.0))
        self.assertFalse(self.path.exists())
        self.path.write_text("no database")
        self.assertIsNone(read_usage(self.path, "alice", 0.0))
