"""Small files, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.account.state_folder import StateFolder


class StateFolderTests(SynchronousTestCase):
    """On a disk of its own."""

    def setUp(self) -> None:
        temporary = TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.path = Path(temporary.name)
        self.folder = StateFolder(self.path / "new" / "state")
        self.log: list[str] = []
        globalLogPublisher.addObserver(self._logged)
        self.addCleanup(globalLogPublisher.removeObserver, self._logged)

    def _logged(self, event: LogEvent) -> None:
        self.log.append(str(formatEvent(event)))

    def test_written_and_read(self) -> None:
        """Closed to everybody else, with nothing left over."""
        self.assertTrue(self.folder.write("a.json", b"one"))
        self.assertTrue(self.folder.write("a.json", b"two"))
        self.assertEqual(self.folder.read("a.json"), b"two")
        place = self.folder.place("a.json")
        assert place is not None
        self.assertEqual(place.stat().st_mode & 0o777, 0o600)
        self.assertEqual(place.parent.stat().st_mode & 0o777, 0o700)
        self.assertEqual(os.listdir(place.parent), ["a.json"])

    def test_what_an_earlier_death_left_is_in_nobodys_way(self) -> None:
        """Even if it is a link to somewhere else."""
        self.folder.write("b", b"")
        victim = self.path / "victim"
        victim.write_bytes(b"mine")
        left = self.path / "new" / "state" / f".a.{os.getpid()}"
        left.symlink_to(victim)
        self.assertTrue(self.folder.write("a", b"new"))
        self.assertEqual(self.folder.read("a"), b"new")
        self.assertEqual(victim.read_bytes(), b"mine")

    def test_nothing_there(self) -> None:
        """No file, a folder in its place, a file that is too long: nothing."""
        self.assertIsNone(self.folder.read("a"))
        self.folder.write("b", b"x" * 8_388_609)
        self.assertIsNone(self.folder.read("b"))
        (self.path / "new" / "state" / "c").mkdir()
        self.assertIsNone(self.folder.read("c"))
        self.assertEqual(list(self.folder.newest("c*")), [])

    def test_the_newest_first(self) -> None:
        """By when they were written."""
        for age, name in enumerate(("m-2", "m-1", "m-3", "other")):
            self.folder.write(name, name.encode())
            place = self.folder.place(name)
            assert place is not None
            os.utime(place, (1000 - age, 1000 - age))
        self.assertEqual(list(self.folder.newest("m-*")), [b"m-2", b"m-1", b"m-3"])

    def test_an_unwritable_folder_is_told_once(self) -> None:
        """And nothing fails."""
        (self.path / "file").write_text("in the way")
        folder = StateFolder(self.path / "file" / "state")
        self.assertFalse(folder.write("a", b""))
        self.assertFalse(folder.write("b", b""))
        self.assertEqual(sum("cannot be kept" in line for line in self.log), 1)
        self.assertIsNone(folder.read("a"))

    def test_a_trouble_that_comes_back_is_told_again(self) -> None:
        """Between two full disks there may be months."""
        inside = self.path / "new"
        for times in (1, 2):
            self.assertTrue(self.folder.write("a", b""))
            inside.rename(self.path / "away")
            inside.write_text("in the way")
            self.assertFalse(self.folder.write("a", b""))
            self.assertEqual(sum("cannot be kept" in line for line in self.log), times)
            inside.unlink()
            (self.path / "away").rename(inside)

    def test_nowhere(self) -> None:
        """A simulated account leaves nothing behind."""
        nowhere = StateFolder(None)
        self.assertFalse(nowhere.write("a", b""))
        self.assertIsNone(nowhere.read("a"))
        self.assertIsNone(nowhere.place("a"))
        self.assertEqual(list(nowhere.newest("*")), [])

    def test_beside_the_store(self) -> None:
        """A tilde is the home that it is given."""
        beside = StateFolder.beside("~/.local/state/x/y.sqlite", self.path)
        self.assertEqual(beside.place("a"), self.path / ".local" / "state" / "x" / "a")
        self.assertEqual(
            StateFolder.beside("/s/y.sqlite", self.path).place("a"), Path("/s/a")
        )
