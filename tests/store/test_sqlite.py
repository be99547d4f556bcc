"""The store on disk: what every store does, and what can be wrong with a disk."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

import tests
from chatmockd.errors import IdempotencyUnknown, StoreError, StoreFull
from chatmockd.store import sqlite
from chatmockd.store.contract import Store
from chatmockd.store.sql import SqlStore
from chatmockd.store.sqlite import StoreUnusable, sqlite_store
from tests.core.cases import case
from tests.store.spinning import own_reactor
from tests.store.suite import NEVER, StoreSuite, StoreVerbs, completed, opening
from tests.store.usage_suite import UsageSuite

# What another process does with the store in the file that it is told.
_OPENING = """
import sys
from pathlib import Path
from chatmockd.store.sqlite import StoreUnusable, sqlite_store
from tests.store.spinning import own_reactor, result_of
from tests.store.suite import completed, opening

try:
    store = sqlite_store(own_reactor(), Path(sys.argv[1]))
except StoreUnusable as problem:
    sys.exit(str(problem))
"""
_DYING = (
    _OPENING
    + """
import os, signal
number = result_of(store.journal(opening("Remember this")))
result_of(store.end(number, completed("resp_1")))
result_of(store.mark_sent(result_of(store.journal(opening(response_id="resp_2")))))
os.kill(os.getpid(), signal.SIGKILL)
"""
)


def another_process(script: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run C{script} with C{path}, until it ends."""
    root = Path(tests.__file__).resolve().parent.parent
    return subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


class _OnDisk(StoreVerbs):
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


class SqliteStoreTests(_OnDisk, UsageSuite, StoreSuite, SynchronousTestCase):
    """The suite."""


class SqliteFilesTests(_OnDisk, SynchronousTestCase):
    """The files, and how they are opened."""

    def modes(self) -> dict[str, str]:
        """The permissions of the folder and of what is in it."""
        return {
            path.name: oct(stat.S_IMODE(path.stat().st_mode))
            for path in (self.folder, *self.folder.iterdir())
        }

    def test_the_files_are_the_owners_alone(self) -> None:
        """Whatever the umask: prompts are nobody else's business."""
        for umask in (0o022, 0):
            with case(umask=umask):
                self.addCleanup(os.umask, os.umask(umask))
                self.store = self.make_store()  # type: ignore[assignment]
                self.turn("resp_1")
                self.assertEqual(
                    self.modes(),
                    {
                        "state": "0o700",
                        "turns.db": "0o600",
                        "turns.db.lock": "0o600",
                        "turns.db-shm": "0o600",
                        "turns.db-wal": "0o600",
                    },
                )

    def test_what_is_committed_is_on_the_disk(self) -> None:
        """Every transaction is synchronised before it counts as done."""
        self.assertEqual(self.pragma("journal_mode"), "wal")
        self.assertEqual(self.pragma("synchronous"), 2)  # FULL

    def test_reopening_finds_what_was_committed(self) -> None:
        """Turns, their paths, events, items and keys."""
        first, second = self.chain("first", "second")
        self.begun(idempotency_key="key", response_id="third")
        self.reopen()
        self.assertEqual(self.said_on(second), ["first", "Hi", "second", "Hi"])
        self.assertEqual(self.found("first").number, first)
        self.assertEqual(self.matching("second"), ["second"])
        events = self.result(self.store.events("alice", "second"))
        self.assertEqual(events, b"data: second\n\n")
        items = self.result(self.store.items("alice", ["msg_of_first"]))
        self.assertEqual(list(items), ["msg_of_first"])
        with self.assertRaises(IdempotencyUnknown):
            self.begun(idempotency_key="key")

    def test_numbers_are_not_given_again(self) -> None:
        """What continued a deleted turn never continues a stranger."""
        last = self.chain("first", "second")[-1]
        self.result(self.store.delete("alice", "second"))
        self.reopen()
        self.assertGreater(self.turn("other"), last)

    def test_a_killed_daemon_loses_nothing_that_was_committed(self) -> None:
        """Nor does its lock keep the next one out."""
        self.close_all()
        dead = another_process(_DYING, self.path)
        self.assertLess(dead.returncode, 0, dead.stderr)
        self.store = self.open()
        self.assertEqual(
            self.said_on(self.found("resp_1").number), ["Remember this", "Hi"]
        )
        self.assertEqual(self.found("resp_2").state, "sent")
        self.assert_works()

    def test_two_daemons_cannot_share_a_store(self) -> None:
        """The second is told so, whichever process it is in."""
        with self.assertRaises(StoreUnusable) as refused:
            self.open()
        message = f"{self.path}: another chatmockd uses it"
        self.assertIn(message, str(refused.exception))
        other = another_process(_OPENING, self.path)
        self.assertIn(message, other.stderr)
        self.assert_works()

    def test_closing_leaves_one_file_with_everything(self) -> None:
        """What is in the journal goes to the database, and the journal goes."""
        self.turn("resp_1")
        self.close_all()
        names = sorted(path.name for path in self.folder.iterdir())
        self.assertEqual(names, ["turns.db", "turns.db.lock"])

    def test_a_closed_store_can_be_opened_again(self) -> None:
        """Closing lets go of the lock."""
        self.reopen()
        self.reopen()
        self.assert_works()


class RoomTests(_OnDisk, SynchronousTestCase):
    """What deleting does to the file."""

    def swept(self, turns: int, old: int) -> tuple[int, int]:
        """How long the file was with so many turns, and is without the old ones."""
        for number in range(turns):
            at = 100.0 if number < old else 300.0
            self.turn(f"resp_{number}", at=at, text="x" * 100_000)
        self.reopen()
        before = self.path.stat().st_size
        self.assertEqual(self.result(self.store.sweep(200.0, NEVER, 10**9)), old)
        self.reopen()
        return before, self.path.stat().st_size

    def test_it_is_given_back(self) -> None:
        """The file is hardly longer than what is in it."""
        before, after = self.swept(turns=40, old=38)
        self.assertGreater(before, 4_000_000)
        self.assertLess(after, 400_000)

    def test_a_little_is_kept(self) -> None:
        """What comes next needs it."""
        before, after = self.swept(turns=40, old=2)
        self.assertEqual(after, before)

    def test_the_journal_does_not_keep_its_length(self) -> None:
        """What one large turn took is given back when others have been written."""
        journal = self.path.with_name(f"{self.path.name}-wal")
        self.turn("large", text="x" * 40_000_000)
        self.assertGreater(journal.stat().st_size, 40_000_000)
        for number in range(3):
            self.turn(f"small_{number}")
        self.assertLess(journal.stat().st_size, 17_000_000)


class SqliteUnusableTests(_OnDisk, SynchronousTestCase):
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


class SqliteFaultsTests(_OnDisk, SynchronousTestCase):
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


class BuryTests(_OnDisk, SynchronousTestCase):
    """What becomes of turns that a daemon left behind when it died."""

    def leave(self, response_id: str, key: str | None, *, sent: bool) -> int:
        """A turn that was in flight at that moment; its number."""
        number = self.begun(response_id=response_id, idempotency_key=key)
        if sent:
            self.result(self.store.mark_sent(number))
        return number

    def bury(self) -> None:
        """Do as the daemon does when it starts."""
        self.result(self.store.bury())

    def test_a_turn_that_may_have_been_sent(self) -> None:
        """Nobody knows; its key is not good for another attempt."""
        self.leave("resp_1", "key", sent=True)
        self.reopen()
        self.bury()
        self.assertEqual(self.found("resp_1").state, "unknown")
        with self.assertRaises(IdempotencyUnknown):
            self.begun(idempotency_key="key")
        keyed = self.result(self.store.keyed("alice", "key"))
        self.assertEqual(keyed, self.found("resp_1"))

    def test_a_turn_with_a_key_that_was_not_sent(self) -> None:
        """It is abandoned, and may be asked for again under its key."""
        self.leave("resp_1", "key", sent=False)
        self.reopen()
        self.bury()
        self.assertEqual(self.found("resp_1").state, "abandoned")
        self.assertIsNone(self.result(self.store.keyed("alice", "key")))
        self.begun(idempotency_key="key")

    def test_turns_without_a_key(self) -> None:
        """They need not have been marked when they were sent: nobody knows."""
        self.leave("resp_1", None, sent=False)
        self.leave("resp_2", None, sent=True)
        self.reopen()
        self.bury()
        for response_id in ("resp_1", "resp_2"):
            with case(response_id=response_id):
                self.assertEqual(self.found(response_id).state, "unknown")

    def test_turns_that_ended_stay_as_they_are(self) -> None:
        """Only those in flight are buried."""
        self.turn("resp_1")
        self.turn("resp_2", state="failed", digest=None)
        self.reopen()
        self.bury()
        self.assertEqual(self.found("resp_1").state, "completed")
        self.assertEqual(self.found("resp_2").state, "failed")

    def test_turns_of_this_daemon_stay_as_they_are(self) -> None:
        """They are in flight."""
        self.leave("resp_1", "key", sent=False)
        self.leave("resp_2", None, sent=True)
        self.bury()
        self.assertEqual(self.found("resp_1").state, "pending")
        self.assertEqual(self.found("resp_2").state, "sent")

    def test_a_buried_turn_can_be_swept(self) -> None:
        """It is not in flight, and so holds its tree no longer."""
        parent = self.turn("resp_1")
        self.begun(parent=parent, response_id="resp_2")
        self.reopen()
        self.assertEqual(self.result(self.store.sweep(1000.0, NEVER, 10**9)), 0)
        self.bury()
        self.assertEqual(self.result(self.store.sweep(1000.0, NEVER, 10**9)), 2)
