"""The C{chatmockd} command."""

from __future__ import annotations

import contextlib
import io
import sys

from twisted.scripts import twistd
from twisted.trial.unittest import SynchronousTestCase

from chatmockd import __version__
from chatmockd.cli import main


class CommandTests(SynchronousTestCase):
    """What it does with its arguments."""

    def run_with(self, *words: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(words)
        return status, out.getvalue(), err.getvalue()

    def test_version(self) -> None:
        """On stdout, for scripts."""
        self.assertEqual(
            self.run_with("--version"), (0, f"chatmockd {__version__}\n", "")
        )

    def test_help(self) -> None:
        """Asked for, it is no error."""
        status, out, _ = self.run_with("--help")
        self.assertEqual(status, 0)
        for words in ("serve", "login", "logout", "info", "models", "exit status:"):
            self.assertIn(words, out)

    def test_help_of_a_command(self) -> None:
        """Names are written as their owners do."""
        status, out, _ = self.run_with("login", "--help")
        self.assertEqual(status, 0)
        self.assertIn("Sign in to ChatGPT", out)

    def test_nonsense(self) -> None:
        """Exit status 2, and how to do better on stderr."""
        for words in (
            (),
            ("sing",),
            ("--version", "x"),
            ("login", "--sing"),
            ("login", "--callback-port", "x"),
            ("login", "--callback-port", "-1"),
            ("login", "--callback-port", "65536"),
            ("serve", "--reasoning-effort", "huge"),
            ("serve", "--port", "eight"),
            ("serve", "--sim"),
        ):
            status, out, err = self.run_with(*words)
            self.assertEqual((status, out), (2, ""))
            self.assertIn("usage:", err)

    def test_a_configuration_that_cannot_be_used(self) -> None:
        """Exit status 78, and one line."""
        status, out, err = self.run_with("logout", "--set", "server.listen=x:y")
        self.assertEqual((status, out), (78, ""))
        self.assertEqual(err.count("\n"), 1)
        self.assertIn("server.listen", err)

    def test_serve_is_twistd_in_the_foreground(self) -> None:
        """With the same options, and without a pid file."""
        seen: list[list[str]] = []
        self.patch(sys, "argv", ["chatmockd"])
        self.patch(twistd, "run", lambda: seen.append(sys.argv))
        self.assertEqual(self.run_with("serve", "--simulate")[0], 0)
        self.assertEqual(
            seen, [["twistd", "--nodaemon", "--pidfile=", "chatmockd", "--simulate"]]
        )
