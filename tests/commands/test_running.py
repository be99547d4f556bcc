"""
What is said of a command that fails.

How it ends, and what Ctrl-C does, takes a process: C{tests.end_to_end.test_account}.
"""

from __future__ import annotations

import io

from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.account.sign_in import SignInFailed
from chatmockd.commands.running import told


class ToldTests(SynchronousTestCase):
    """What went wrong."""

    def told(self, problem: Exception) -> tuple[int, str]:
        file = io.StringIO()
        return told(problem, Console(file=file)), file.getvalue()

    def test_a_problem(self) -> None:
        """One line, and its status."""
        self.assertEqual(self.told(SignInFailed("no")), (1, "chatmockd: no\n"))
        _, words = self.told(SignInFailed("a\nb\x1b[2J"))
        self.assertEqual(words, "chatmockd: 'a\\nb\\x1b[2J'\n")

    def test_a_defect(self) -> None:
        """Its name, and nothing of what it may have in it."""
        expected = "chatmockd: internal error: ValueError\n"
        self.assertEqual(self.told(ValueError("sk-secret")), (1, expected))
