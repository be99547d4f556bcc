"""
What a command says.

How it ends, and what Ctrl-C does, takes a process: C{tests.end_to_end.test_account}.
"""

from __future__ import annotations

import io

from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.account.sign_in import SignInFailed
from chatmockd.commands.running import say, told
from tests.core.cases import case


class SayingTests(SynchronousTestCase):
    """Lines, on a terminal and in a pipe."""

    def said(self, text: str, *, terminal: bool = False) -> str:
        file = io.StringIO()
        console = Console(
            file=file, force_terminal=terminal, width=20, color_system="standard"
        )
        say(console, text, style="green" if terminal else None)
        return file.getvalue()

    def test_as_it_is(self) -> None:
        """No markup, no emoji, and no line broken however long it is."""
        for text in ("[red]x[/red] :smile:", f"https://h/{'a b' * 50}", "[/"):
            with case(text=text):
                self.assertEqual(self.said(text), f"{text}\n")

    def test_colour_is_for_terminals(self) -> None:
        """And for nothing else."""
        self.assertIn("\x1b[32m", self.said("x", terminal=True))


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
