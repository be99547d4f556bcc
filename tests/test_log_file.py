"""What is done to a log while somebody writes it."""

from __future__ import annotations

import os
import shutil
import signal
import stat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.log_file import LogFile, log_into, log_wanted
from tests.core.cases import case


class _InFolder(SynchronousTestCase):
    def setUp(self) -> None:
        temporary = TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name) / "log"
        self.folder.mkdir()
        self.path = self.folder / "d.log"

    def open(self, **more: Any) -> LogFile:
        """A log with this name."""
        log = LogFile(self.path, **more)
        self.addCleanup(log.close)
        return log

    def files(self) -> dict[str, str]:
        """What is in the folder."""
        return {path.name: path.read_text() for path in self.folder.iterdir()}


class LogFileTests(_InFolder):
    """Lines get to where somebody will look for them."""

    def test_lines(self) -> None:
        """They are there at once, behind what was there, for nobody else."""
        self.open().write("one\n")
        log = self.open()
        log.write("zw\u00f6lf \udc80\n")
        self.assertEqual(self.files(), {"d.log": "one\nzw\u00f6lf ?\n"})
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_no_such_folder(self) -> None:
        """Whoever starts the daemon hears of it."""
        shutil.rmtree(self.folder)
        self.assertRaises(FileNotFoundError, LogFile, self.path)

    def test_deleted(self) -> None:
        """There is a new one with the next line."""
        log = self.open()
        log.write("one\n")
        self.path.unlink()
        log.write("two\n")
        self.assertEqual(self.files(), {"d.log": "two\n"})

    def test_moved(self) -> None:
        """As logrotate does, with a new file in its place or without."""
        log = self.open()
        for create in (False, True):
            with case(create=create):
                log.write("one\n")
                self.path.rename(self.folder / "moved")
                if create:
                    self.path.touch()
                log.write("two\n")
                log.write("three\n")
                self.assertEqual(
                    self.files(), {"moved": "one\n", "d.log": "two\nthree\n"}
                )
                self.path.write_text("")

    def test_copied_and_made_empty(self) -> None:
        """As logrotate does with copytruncate: no gap is left at the beginning."""
        log = self.open(part=8)
        log.write("one\n")
        os.truncate(self.path, 0)
        log.write("two\n")
        log.write("six\n")
        self.assertEqual(self.files(), {"d.log": "two\nsix\n"})

    def test_a_folder_that_goes_and_comes_back(self) -> None:
        """Meanwhile the lines go where they went before."""
        log = self.open()
        self.folder.rename(self.folder.with_name("away"))
        log.write("one\n")
        self.folder.with_name("away").rename(self.folder)
        log.write("two\n")
        self.assertEqual(self.files(), {"d.log": "one\ntwo\n"})

    def test_parts(self) -> None:
        """A long one is split, and of the old ones the oldest go."""
        log = self.open(part=8, old=2)
        for number in range(9):
            log.write(f"l {number}\n")
        self.assertEqual(
            self.files(),
            {"d.log": "l 8\n", "d.log.1": "l 6\nl 7\n", "d.log.2": "l 4\nl 5\n"},
        )

    def test_split_on_demand(self) -> None:
        """With the next line, and once."""
        log = self.open()
        log.write("one\n")
        log.split()
        log.write("two\n")
        log.write("three\n")
        self.assertEqual(self.files(), {"d.log": "two\nthree\n", "d.log.1": "one\n"})

    def test_moved_and_then_split(self) -> None:
        """Moving was enough: no empty part is made."""
        log = self.open()
        log.write("one\n")
        self.path.rename(self.folder / "moved")
        self.path.touch()
        log.split()
        log.write("two\n")
        log.write("three\n")
        self.assertEqual(self.files(), {"moved": "one\n", "d.log": "two\nthree\n"})

    def test_no_part_can_be_made(self) -> None:
        """The one there is gets longer; nothing is lost."""
        log = self.open(part=4)
        refuse = self.patch(os, "access", lambda path, mode: False)
        for number in range(3):
            log.write(f"l {number}\n")
        self.assertEqual(self.files(), {"d.log": "l 0\nl 1\nl 2\n"})
        refuse.restore()
        log.write("l 3\n")
        self.assertEqual(self.files()["d.log"], "l 3\n")

    def test_no_file_can_be_opened(self) -> None:
        """There are too many open, say: the lines go on in the part that was closed."""
        log = self.open(part=4)
        log.write("one\n")

        def refuse(*words: object) -> int:
            raise OSError(24, "Too many open files")

        refusing = self.patch(os, "open", refuse)
        log.write("two\n")
        self.assertEqual(self.files(), {"d.log.1": "one\ntwo\n"})
        refusing.restore()
        log.write("three\n")
        self.assertEqual(self.files(), {"d.log.1": "one\ntwo\n", "d.log": "three\n"})

    def test_a_line_in_the_middle_of_another(self) -> None:
        """The garbage collector has something to say whenever it comes."""
        log = self.open(part=4)
        log.write("one\n")
        opened = os.open

        def collecting(*words: Any) -> int:
            comes.restore()
            log.write("two\n")
            return opened(*words)

        comes = self.patch(os, "open", collecting)
        log.write("three\n")
        log.write("four\n")
        log.write("five\n")
        lines = "".join(self.files()[f"d.log.{number}"] for number in (3, 2, 1))
        self.assertEqual(lines, "one\ntwo\nthree\nfour\n")

    def test_what_is_no_file_is_not_split(self) -> None:
        """Nobody wants the null device renamed."""
        log = LogFile(Path(os.devnull), part=0)
        self.addCleanup(log.close)
        log.split()
        log.write("one\n")
        self.assertTrue(stat.S_ISCHR(os.stat(os.devnull).st_mode))

    def test_a_link_is_not_split(self) -> None:
        """The file that it leads to belongs to somebody else."""
        self.path.symlink_to("real.log")
        log = self.open(part=4)
        log.write("one\n")
        log.write("two\n")
        self.assertEqual(os.readlink(self.path), "real.log")
        self.assertEqual(self.files()["real.log"], "one\ntwo\n")


class LogWantedTests(SynchronousTestCase):
    """Where twistd is to write its log."""

    def test_elsewhere(self) -> None:
        """On a terminal, in the system's log, or however the operator wants it."""
        for options in (
            {"logfile": "-", "nodaemon": 1},
            {"logfile": None, "nodaemon": 1},
            {"syslog": 1, "logfile": "d.log"},
            {"logger": print, "logfile": "d.log"},
        ):
            with case(**options):
                self.assertIsNone(log_wanted(options))

    def test_in_a_file(self) -> None:
        """In the background one is written in any case."""
        named = {"logfile": "/a/d.log", "logger": None, "syslog": 0}
        for nodaemon in (0, 1):
            self.assertEqual(
                log_wanted(named | {"nodaemon": nodaemon}), Path("/a/d.log")
            )
        unnamed = {"logfile": None, "nodaemon": 0}
        self.assertEqual(log_wanted(unnamed), Path("twistd.log"))


class LogIntoTests(_InFolder):
    """Twisted's log events as lines of a file."""

    def setUp(self) -> None:
        super().setUp()
        for number in (signal.SIGUSR1, signal.SIGHUP):
            before = signal.signal(number, signal.SIG_DFL)
            self.addCleanup(signal.signal, number, before)

    def begin(self, in_background: bool = False) -> Any:
        """What writes them."""
        observer: Any = log_into(self.path, in_background=in_background)
        self.addCleanup(observer._outFile.close)
        return observer

    def test_lines_and_parts(self) -> None:
        """A line for each event; SIGUSR1 splits the file."""
        log = Logger(observer=LogPublisher(self.begin()), namespace="n")
        log.info("one")
        signal.raise_signal(signal.SIGUSR1)
        log.info("two")
        files = self.files()
        self.assertIn("[n#info] one\n", files.pop("d.log.1"))
        self.assertIn("[n#info] two\n", files.pop("d.log"))
        self.assertEqual(files, {})

    def test_a_hangup(self) -> None:
        """It means the same in the background; elsewhere a terminal has gone."""
        self.begin()
        self.assertIs(signal.getsignal(signal.SIGHUP), signal.SIG_DFL)
        observer = self.begin(in_background=True)
        log = Logger(observer=observer, namespace="n")
        log.info("one")
        signal.raise_signal(signal.SIGHUP)
        log.info("two")
        self.assertEqual(sorted(self.files()), ["d.log", "d.log.1"])

    def test_a_signal_that_is_taken(self) -> None:
        """Whoever took it keeps it."""
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        self.begin()
        self.assertIs(signal.getsignal(signal.SIGUSR1), signal.SIG_IGN)
