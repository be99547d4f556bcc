"""What others wrote, as it may stand in a log."""

from __future__ import annotations


def printable(text: str) -> str:
    """C{text} without control characters, and not without end."""
    shown = text[:500]
    return shown if shown.isprintable() else ascii(shown)
