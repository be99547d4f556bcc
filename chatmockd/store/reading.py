"""Reads the store of a daemon that may be running, without disturbing it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from chatmockd.core.usage import Spent
from chatmockd.store.counting import usage_since

_PATIENCE = 2.0  # seconds


def read_usage(path: Path, owner: str, since: float) -> list[Spent] | None:
    """
    What was used on the day of C{since} and later, oldest first.

    @param since: Unix time.
    @return: None when there is no such store, or none that can be read.
    """
    try:
        database = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_PATIENCE
        )
        with closing(database):
            return usage_since(database.cursor(), owner, since)
    except sqlite3.Error:
        return None
