"""The store on disk: what every store does, its files, and their length."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import tests
from chatmockd.errors import IdempotencyUnknown
from chatmockd.store.sqlite import StoreUnusable
from tests.core.cases import case
from tests.store.on_disk import OnDisk
from tests.store.suite.verbs import NEVER
from tests.store.suite.whole import StoreSuite

# What another process does with the store in the file that it is told.
_OPENING = """
import sys
from pathlib import Path
from chatmockd.store.sqlite import StoreUnusable, sqlite_store
from tests.store.spinning import own_reactor, result_of
from tests.store.suite.verbs import completed, opening

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


class SqliteStoreTests(OnDisk, StoreSuite, SynchronousTestCase):
    """The suite."""


class SqliteFilesTests(OnDisk, SynchronousTestCase):
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

    def test_no_folder_for_temporary_files_is_needed(self) -> None:
        """What is sorted in a sweep stays in memory."""
        self.assertEqual(self.pragma("temp_store"), 2)

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


class PlaceTests(OnDisk, SynchronousTestCase):
    """What becomes of the file under a daemon that runs."""

    def setUp(self) -> None:
        super().setUp()
        self.turn("resp_1")
        self.assertTrue(self.store.is_in_place())

    def assert_out_of_place(self) -> None:
        """That is seen; what is open goes on."""
        self.assertFalse(self.store.is_in_place())
        self.assert_works()
        self.assertEqual(self.kept("resp_1"), ["resp_1"])

    def test_the_folder_is_deleted(self) -> None:
        """With all that is in it."""
        shutil.rmtree(self.folder)
        self.assert_out_of_place()

    def test_the_file_is_replaced(self) -> None:
        """By a copy of itself, say: what is written since then is not in it."""
        copy = self.folder / "copy"
        shutil.copy(self.path, copy)
        copy.replace(self.path)
        self.assert_out_of_place()

    def test_it_is_moved_and_comes_back(self) -> None:
        """Then all is well."""
        away = self.path.rename(self.folder / "away")
        self.assert_out_of_place()
        away.rename(self.path)
        self.assertTrue(self.store.is_in_place())

    def test_the_folder_cannot_be_read(self) -> None:
        """A link that leads nowhere is no place."""
        away = self.folder.rename(self.folder.with_name("away"))
        self.folder.symlink_to(self.folder)
        self.assert_out_of_place()
        self.folder.unlink()
        away.rename(self.folder)
        self.assertTrue(self.store.is_in_place())


class RoomTests(OnDisk, SynchronousTestCase):
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
