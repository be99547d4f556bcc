"""What turns have used, added up by owner, day and model."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from chatmockd.core.usage import Spent, Usage


def add_usage(
    cursor: sqlite3.Cursor, owner: str, model: str, ended: float, usage: Usage
) -> None:
    """
    Count what one turn, or several on one day, have used.

    @param ended: Unix time, seconds; its day in UTC counts.
    """
    cursor.execute(
        "INSERT INTO usage (owner, day, model, turns, input, cached, output, "
        "reasoning) VALUES (?, date(?, 'unixepoch'), ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (owner, day, model) DO UPDATE SET turns = turns + excluded.turns, "
        "input = input + excluded.input, cached = cached + excluded.cached, "
        "output = output + excluded.output, reasoning = reasoning + excluded.reasoning",
        (
            owner,
            ended,
            model,
            usage.turns,
            usage.input,
            usage.cached,
            usage.output,
            usage.reasoning,
        ),
    )


def usage_since(cursor: sqlite3.Cursor, owner: str, since: float) -> list[Spent]:
    """What was used on the day of C{since} and later, oldest day first."""
    cursor.execute(
        "SELECT day, model, turns, input, cached, output, reasoning FROM usage "
        "WHERE owner = ? AND day >= date(?, 'unixepoch') ORDER BY day, model",
        (owner, since),
    )
    rows: Iterable[tuple[str, str, int, int, int, int, int]] = cursor.fetchall()
    return [Spent(day, model, Usage(*counts)) for day, model, *counts in rows]
