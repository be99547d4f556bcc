"""What can be wrong with a disk, when a store is opened and later."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.errors import StoreError, StoreFull
from chatmockd.store import sqlite
from chatmockd.store.sqlite import StoreUnusable
from tests.store.on_disk import OnDisk
from tests.store.suite.verbs import NEVER, completed, opening


class SqliteUnusableTests(OnDisk, SynchronousTestCase):
    """Files that no store can be made of."""

    def setUp(self) -> None:
        super().setUp()
        self.turn("resp_1")
        self.close_all()

    def assert_unusable(self, path: Path, reason: str) -> None:
        """The operator is told which file it is, and what is the matter with it."""
        self.path = path
        with self.assertRaises(StoreUnusable) as refused:
            self.open()
        self.assertIn(str(path), str(refused.exception))
        self.assertIn(reason, str(refused.exception))

    def test_a_newer_schema(self) -> None:
        """A database of a later version is refused and stays as it is."""
        with closing(sqlite3.connect(self.path)) as database:
            database.execute("PRAGMA user_version = 99")
            before = list(database.iterdump())
        self.assert_unusable(self.path, "it has schema version 99")
        with closing(sqlite3.connect(self.path)) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            self.assertEqual(version, 99)
            self.assertEqual(list(database.iterdump()), before)

    def test_a_folder_that_cannot_be_made(self) -> None:
        """A file is where the folder should be."""
        taken = self.folder / "taken"
        taken.write_text("A file.")
        self.assert_unusable(taken / "turns.db", "Not a directory")
        self.assert_unusable(taken / "deeper" / "turns.db", "Not a directory")

    def test_a_folder_where_the_file_should_be(self) -> None:
        """It is left as it is."""
        self.assert_unusable(self.folder, "Is a directory")
        self.assertTrue(self.folder.is_dir())

    def test_a_link_where_the_file_should_be(self) -> None:
        """Nobody leads the daemon to write elsewhere."""
        elsewhere = self.folder / "elsewhere"
        link = self.folder / "link.db"
        link.symlink_to(elsewhere)
        self.assert_unusable(link, "symbolic links")
        self.assertFalse(elsewhere.exists())

    def test_a_file_that_is_no_database(self) -> None:
        """Somebody's letter is not overwritten."""
        letter = self.folder / "letter.txt"
        letter.write_text("Dear Sir or Madam, " * 100)
        self.assert_unusable(letter, "not a database")
        self.assertEqual(letter.read_text(), "Dear Sir or Madam, " * 100)

    def test_a_database_that_somebody_else_has_locked(self) -> None:
        """The daemon does not wait for ever for it."""
        self.patch(sqlite, "_BUSY", 0.05)
        path = self.folder / "locked.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            self.assert_unusable(path, "locked")


class SqliteFaultsTests(OnDisk, SynchronousTestCase):
    """What goes wrong while the daemon runs, and is put right again."""

    def setUp(self) -> None:
        super().setUp()
        self.turn("before")
        self.pragma("busy_timeout = 20")  # instead of seconds

    def assert_recovered(self) -> None:
        """It works again, and what was committed before is there, also on disk."""
        self.assert_works()
        self.reopen()
        self.assertEqual(self.kept("before", "afterwards"), ["before", "afterwards"])
        check = self.pragma("integrity_check")
        self.assertEqual(check, "ok")

    def test_another_program_has_the_database_locked(self) -> None:
        """Clients are told to come back; what is there can still be read."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with self.assertRaises(StoreError) as refused:
                self.begun(response_id="resp_1")
            self.assertEqual(self.kept("before", "resp_1"), ["before"])
        self.assertNotIsInstance(refused.exception, StoreFull)
        self.assertEqual(refused.exception.status, 503)
        self.assertIsNotNone(refused.exception.retry_after)
        self.assertIn("locked", str(refused.exception))
        self.assert_recovered()

    def test_the_database_is_read_only(self) -> None:
        """Nothing can be kept, but what is there can be read."""
        self.pragma("query_only = ON")
        with self.assertRaises(StoreError) as refused:
            self.begun()
        self.assertEqual(refused.exception.status, 503)
        self.assertIn("readonly", str(refused.exception))
        with self.assertRaises(StoreError):
            self.result(self.store.delete("alice", "before"))
        self.assertEqual(self.kept("before"), ["before"])
        self.pragma("query_only = OFF")
        self.assert_recovered()

    def fill(self) -> None:
        """Let there be no room for another page."""
        self.pragma(f"max_page_count = {self.pragma('page_count')}")

    def clear(self) -> None:
        """Let there be room again."""
        self.pragma("max_page_count = 1000000")

    def test_the_disk_is_full(self) -> None:
        """Clients are told so, and not to try again at once."""
        self.fill()
        with self.assertRaises(StoreFull) as refused:
            self.begun(text="x" * 100_000, response_id="resp_1")
        self.assertEqual(refused.exception.status, 507)
        self.assertIs(refused.exception.should_retry, False)
        self.assertEqual(self.kept("before", "resp_1"), ["before"])
        self.clear()
        self.assert_recovered()

    def test_the_disk_is_full_when_a_turn_ends(self) -> None:
        """The turn stays as it was, nothing of its end is kept; it can end later."""
        number = self.begun(response_id="resp_1")
        self.result(self.store.mark_sent(number))
        end = completed("resp_1", response=b'{"text": "%s"}' % (b"x" * 100_000))
        self.fill()
        with self.assertRaises(StoreFull):
            self.result(self.store.end(number, end))
        self.assertEqual(self.found("resp_1").state, "sent")
        self.assertIsNone(self.found("resp_1").response)
        self.clear()
        self.result(self.store.end(number, end))
        self.assertEqual(self.found("resp_1").response, end.response)
        self.assert_recovered()

    def test_sweeping_makes_room_on_a_full_disk(self) -> None:
        """When old turns have gone, new ones can be kept again."""
        self.turn("older", text="x" * 100_000)
        self.turn("old", text="x" * 100_000)
        self.fill()
        with self.assertRaises(StoreFull):
            self.begun(text="y" * 120_000)
        self.assertEqual(self.result(self.store.sweep(1000.0, NEVER, 10**9)), 3)
        self.turn("new", text="y" * 120_000)
        self.assertEqual(self.kept("older", "old", "new"), ["new"])

    def test_what_is_asked_meanwhile_is_answered(self) -> None:
        """One that fails does not take those with it that wait behind it."""
        self.fill()
        big = self.store.journal(opening("x" * 100_000))
        found = self.store.find("alice", "before")
        self.assertIsNotNone(self.result(found))
        with self.assertRaises(StoreFull):
            self.result(big)
