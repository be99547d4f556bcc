"""The processes of one run: started on the loopback interface, and always ended."""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent
"""The checkout; children run there and import from there."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class ChildFailed(Exception):
    """A process did not start, or ended when it should not."""


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def allow_many_sockets() -> None:
    """Raise our limit of open files, and so our children's, as far as we may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _inherited() -> dict[str, str]:
    """Our environment, without what would configure a contender behind our back."""
    foreign = ("CHATMOCKD_", "CHATGPT_LOCAL_", "CODEX_", "OPENAI_", "SSL_CERT_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    return {**kept, "PYTHONPATH": str(ROOT)}


def _end_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules with this very Python."""
    return [sys.executable, "-m", name, *arguments]


class Child:
    """One process. Use it in a C{with} block, which ends it."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str],
    ) -> None:
        self._name = log.stem
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**_inherited(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=subprocess.STDOUT,
                preexec_fn=_end_with_parent,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it: politely, and after some seconds not so."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(8)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def kill(self) -> None:
        """End it without a warning."""
        self._process.kill()
        self._process.wait()

    def said(self) -> str:
        """All that it printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def check(self) -> None:
        """@raise ChildFailed: It has ended; the message has its last words."""
        if self._process.poll() is not None:
            words = " | ".join(self.said().strip().splitlines()[-3:])
            raise ChildFailed(f"{self._name} ended: {words or 'without a word'}")

    def wait_for_line(self, timeout_s: float = 20) -> str:
        """Its first line of output, as soon as that is whole."""
        deadline = time.monotonic() + timeout_s
        while "\n" not in self.said():
            self._wait(deadline, "said nothing")
        return self.said().splitlines()[0]

    def wait_for_port(
        self, port: int, health: str | None = None, timeout_s: float = 20
    ) -> None:
        """Return when it listens and, where it has a health page, is well."""
        deadline = time.monotonic() + timeout_s
        while not _serves(port, health):
            self._wait(deadline, f"does not serve on port {port}")

    def _wait(self, deadline: float, complaint: str) -> None:
        self.check()
        if time.monotonic() > deadline:
            raise ChildFailed(f"{self._name} {complaint}")
        time.sleep(0.02)


def _serves(port: int, health: str | None) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with contextlib.closing(connection):
        try:
            connection.connect()
            if health is None:
                return True
            connection.request("GET", health)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
