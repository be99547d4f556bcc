"""
Where processes under test run: a folder of their own, and nothing from outside.

Nothing here sleeps for luck. What takes time is polled for, up to a deadline, and every
process is held by its handle or its number and ended with its L{Place}.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

ROOT = Path(__file__).parents[2]
TWISTD = Path(sys.executable).with_name("twistd")
CHATMOCKD = Path(sys.executable).with_name("chatmockd")
LISTEN = "server.listen=tcp:0:interface=127.0.0.1"
SERVING = r"serving on http://[\d.]+:(\d+)"  # in the log, with the port
DEADLINE = 20.0  # seconds; for what should take a fraction of one

EXIT_CONFIG = 78

_T = TypeVar("_T")


def wait_for(
    what: str, found: Callable[[], _T | None], seconds: float = DEADLINE
) -> _T:
    """
    Ask again and again until the answer is a true one.

    @param what: What is waited for, for the message when it never comes.
    """
    end = time.monotonic() + seconds
    while True:
        answer = found()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.005)


def is_running(pid: int) -> bool:
    """Whether there is such a process, and not only what is left of one."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        # Behind the name in brackets; Z where nobody has asked for the exit status.
        return not stat.read_text().rpartition(")")[2].lstrip().startswith(("Z", "X"))
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self/stat").exists()


def wait_until_ended(pid: int) -> None:
    """Wait until the process is gone."""
    wait_for(f"process {pid} to end", lambda: not is_running(pid))


class Process:
    """
    A program that runs until it is stopped.

    @ivar output: What it wrote to stdout, so far.
    @ivar errors: What it wrote to stderr, so far.
    """

    def __init__(
        self, words: list[str], cwd: Path, environ: Mapping[str, str], number: int
    ) -> None:
        self._output = cwd / f"output-{number}.txt"
        self._errors = cwd / f"errors-{number}.txt"
        with open(self._output, "wb") as output, open(self._errors, "wb") as errors:
            self.popen = subprocess.Popen(
                words,
                cwd=cwd,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    @property
    def errors(self) -> str:
        return self._errors.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        return self.popen.pid

    def search(self, pattern: str) -> re.Match[str]:
        """Wait until C{pattern} is in the output."""

        def found() -> re.Match[str] | None:
            match = re.search(pattern, self.output, re.MULTILINE)
            if match is None and self.popen.poll() is not None:
                raise AssertionError(
                    f"it ended with {self.popen.returncode} before it said "
                    f"{pattern!r}:\n{self.output}{self.errors}"
                )
            return match

        return wait_for(f"{pattern!r} in the output", found)

    def send(self, number: int) -> None:
        """Send it a signal."""
        self.popen.send_signal(number)

    def exit_status(self, seconds: float = DEADLINE) -> int:
        """Wait until it has ended; negative when a signal ended it."""
        return self.popen.wait(seconds)

    def end(self) -> None:
        """Have it ended, one way or the other, with all that it started."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(DEADLINE)
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
        raise AssertionError(f"{self.popen.args!r} left processes behind")


class Daemon(Process):
    """C{twistd -n chatmockd}, serving."""

    @property
    def log(self) -> str:
        return self.output

    @property
    def port(self) -> int:
        return int(self.search(SERVING)[1])

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def log_line(self, pattern: str) -> str:
        """Wait for the line of the log with C{pattern} in it."""
        return self.search(f"^.*{pattern}.*$")[0]

    def end(self) -> None:
        """See L{Process.end}; nothing may have gone wrong unnoticed."""
        super().end()
        for sign in ("Traceback (most recent call last)", "Unhandled"):
            if sign in self.output + self.errors:
                raise AssertionError(f"in the log:\n{self.output}{self.errors}")


class Place:
    """A folder, an environment, and the processes started there."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="chatmockd-")).resolve()
        self.home = self.folder / "home"
        self.home.mkdir()
        self._processes: list[Process] = []

    def __enter__(self) -> Place:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        complaints = []
        for process in self._processes:
            try:
                process.end()
            except AssertionError as complaint:
                complaints.append(str(complaint))
        try:
            # One that was told to go into the background may be about to end.
            wait_for("them to end", lambda: not self._left_behind(), 3)
        except AssertionError:
            complaints.append(f"left behind: {self._left_behind()}")
            for pid in self._left_behind():
                os.kill(pid, signal.SIGKILL)
                wait_until_ended(pid)
        shutil.rmtree(self.folder)
        if complaints:
            raise AssertionError("\n".join(complaints))

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a process gets to see: none of the user's own settings."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "TMPDIR": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            **(more or {}),
        }

    def write(self, name: str, text: str) -> Path:
        """Write a file, folders included."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(
        self, *words: str, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(
            words,
            cwd=self.folder,
            env=self.environ(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def twistd(
        self, *words: str, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run C{twistd} to its end: it goes into the background, or refuses."""
        return self.run(str(TWISTD), *words, environ=environ)

    @property
    def pid(self) -> int | None:
        """The number in the pid file, if there is one."""
        try:
            return int((self.folder / "twistd.pid").read_text())
        except FileNotFoundError:
            return None

    def start(
        self,
        *sets: str,
        simulate: bool = True,
        config: Path | None = None,
        environ: Mapping[str, str] | None = None,
        listen: str | None = LISTEN,
    ) -> Daemon:
        """
        Start a daemon in the foreground, on any free port, and wait until it serves.

        @param sets: C{section.key=value} words.
        """
        words = [str(TWISTD), "-n", "--pidfile=", "chatmockd"]
        if simulate:
            words.append("--simulate")
        if config is not None:
            words += ["--config", str(config)]
        # Every request in the log, so that tests can see what carried it.
        first = ["server.log_requests=true"] + ([] if listen is None else [listen])
        if not simulate:
            # Upstreams of tests speak WebSocket and nothing else, unless one says so.
            first.append("models.sync=false")
        for each in first + list(sets):
            words += ["--set", each]
        number = len(self._processes)
        # Of its own, unless a test says otherwise: two daemons share none.
        store = {"CHATMOCKD_STORE__PATH": str(self.folder / f"store{number}" / "turns")}
        daemon = Daemon(
            words, self.folder, self.environ(store | dict(environ or {})), number
        )
        self._processes.append(daemon)
        assert daemon.port
        return daemon

    def start_simulator(self, *words: str) -> str:
        """Start a simulated upstream in a process of its own; return its URL."""
        simulator = self.start_program(
            sys.executable, "-m", "chatmockd.simulator", *words
        )
        return simulator.search(r"^ws://\S+$")[0]

    def start_program(self, *words: str) -> Process:
        """Start any program; it is ended with the place."""
        process = Process(
            list(words), self.folder, self.environ(), len(self._processes)
        )
        self._processes.append(process)
        return process

    def _left_behind(self) -> list[int]:
        """Processes that nobody holds: they live in our folder, or in its pid file."""
        if not Path("/proc/self/cwd").exists():
            return [self.pid] if self.pid is not None and is_running(self.pid) else []
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    cwd = Path(os.readlink(entry / "cwd"))
                except OSError:
                    continue  # ended, or somebody else's
                if cwd.is_relative_to(self.folder) and is_running(int(entry.name)):
                    found.append(int(entry.name))
        return found


class PlacedTests(unittest.TestCase):
    """A test case with a place of its own for each test."""

    def setUp(self) -> None:
        self.place = self.enterContext(Place())
