"""What a command says."""

from __future__ import annotations

import io

from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.commands.saying import say
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
