"""The simulator as a program: a real process, on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from twisted.trial.unittest import SynchronousTestCase

import chatmockd

_COMMAND = [sys.executable, "-m", "chatmockd.simulator"]
# The runner's working directory may not be the one that the package lies in.
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(chatmockd.__file__).parent.parent)}
_UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class MainTests(SynchronousTestCase):
    """C{python -m chatmockd.simulator}."""

    def _upgraded(self, *arguments: str) -> str:
        """The status line of an upgrade; the process has to end well afterwards."""
        with subprocess.Popen(
            [*_COMMAND, *arguments], stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT
        ) as process:
            assert process.stdout is not None
            try:
                url = urlsplit(process.stdout.readline().strip())
                assert url.hostname and url.port
                with socket.create_connection((url.hostname, url.port), 10) as wire:
                    wire.sendall(_UPGRADE.format(path=url.path).encode())
                    line = wire.makefile().readline()
            finally:
                process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(20), 0)
            return line

    def test_serves(self) -> None:
        """It prints the URL at which it answers."""
        for profile in ("openai", "chatgpt"):
            self.assertIn("101", self._upgraded("--profile", profile))

    def test_faults(self) -> None:
        """Every switch may be set for the whole process."""
        self.assertIn("503", self._upgraded("--faults", "refuse=503"))
        self.assertIn("401", self._upgraded("--bearer", "secret"))

    def test_a_wrong_fault(self) -> None:
        """A mistake is told before anything starts."""
        ended = subprocess.run(
            [*_COMMAND, "--faults", "explode"],
            capture_output=True,
            text=True,
            env=_ENVIRONMENT,
        )
        self.assertEqual(ended.returncode, 2)
        self.assertIn("Unknown simulate setting 'explode'", ended.stderr)

    def test_a_taken_port(self) -> None:
        """One line, and a status that says so."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            ended = subprocess.run(
                [*_COMMAND, "--port", port],
                capture_output=True,
                text=True,
                env=_ENVIRONMENT,
            )
        self.assertEqual(ended.returncode, 1)
        self.assertIn("cannot listen", ended.stderr)
        self.assertEqual(len(ended.stderr.splitlines()), 1)
