"""How a command says something."""

from __future__ import annotations

from rich.console import Console


def say(console: Console, text: str = "", style: str | None = None) -> None:
    """Print C{text} as it is: nothing in it is markup, and no line is broken."""
    console.print(
        text, style=style, markup=False, emoji=False, highlight=False, soft_wrap=True
    )
