"""Deleting turns: one of them, or whole trees to make room."""

from __future__ import annotations

import sqlite3

# When there is too much, this share of what may be is left, so that it is not too much
# again at once.
_LEFT = 0.9

# One page in so many may be free: it will be wanted again soon.
_SLACK = 8

# How many are given back in one transaction; that takes 40 ms, and turns wait for it.
_SLICE = 100

_IN_FLIGHT = "SELECT root FROM turn WHERE state IN ('pending', 'sent')"


def delete_turn(cursor: sqlite3.Cursor, number: int, continued: bool) -> None:
    """
    Delete this turn.

    What others continue stays as a part of their path, without a name.

    @param continued: Something in another store continues it.
    """
    above: int | None = number
    while above is not None:
        cursor.execute(
            "SELECT parent, response_id IS NULL AND state = 'completed', "
            "EXISTS (SELECT 1 FROM turn AS child WHERE child.parent = turn.number "
            "AND child.state IN ('pending', 'sent', 'completed')) "
            "FROM turn WHERE number = ?",
            (above,),
        )
        row = cursor.fetchone()
        if row is None:
            return
        parent, nameless, has_children = row
        first = above == number
        if has_children or (first and continued):
            if first:
                cursor.execute(
                    "UPDATE turn SET response_id = NULL, digest = NULL, "
                    "events = NULL, idempotency_key = NULL WHERE number = ?",
                    (above,),
                )
                cursor.execute("DELETE FROM item WHERE turn = ?", (above,))
            return
        if not (first or nameless):
            return
        cursor.execute("DELETE FROM item WHERE turn = ?", (above,))
        cursor.execute("DELETE FROM turn WHERE number = ?", (above,))
        # What was kept only for the sake of this one goes, too.
        above = parent


def room_taken(cursor: sqlite3.Cursor) -> int:
    """Bytes in use."""
    pages, free, size = (
        cursor.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def sweep(
    cursor: sqlite3.Cursor, oldest: float, keys_before: float, max_bytes: int
) -> int:
    """See L{chatmockd.store.contract.Store.sweep}."""
    cursor.execute(
        "UPDATE turn SET idempotency_key = NULL, body_hash = NULL "
        "WHERE idempotency_key IS NOT NULL AND began < ? "
        "AND state NOT IN ('pending', 'sent')",
        (keys_before,),
    )
    deleted = _delete_trees(
        cursor,
        "SELECT root FROM turn GROUP BY root HAVING max(coalesce(ended, began)) < ? "
        f"AND root NOT IN ({_IN_FLIGHT})",
        (oldest,),
    )
    if room_taken(cursor) > max_bytes:
        cursor.execute(
            f"SELECT root FROM turn WHERE root NOT IN ({_IN_FLIGHT}) "
            "GROUP BY root ORDER BY max(coalesce(ended, began))"
        )
        for (root,) in cursor.fetchall():
            deleted += _delete_trees(cursor, "SELECT ?", (root,))
            if room_taken(cursor) <= max_bytes * _LEFT:
                break
    return deleted


def give_back(cursor: sqlite3.Cursor) -> bool:
    """
    Make the file shorter by some of the pages that are free.

    @return: Whether there are more to be given back.
    """
    pages, free, vacuum = (
        cursor.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "auto_vacuum")
    )
    surplus = free - pages // _SLACK if vacuum else 0
    for _ in range(min(surplus, _SLICE)):
        # It frees one page at a time, and has no rows by which sqlite3 would ask it to
        # go on.
        cursor.execute("PRAGMA incremental_vacuum(1)")
    return surplus > _SLICE


def _delete_trees(
    cursor: sqlite3.Cursor, roots: str, parameters: tuple[float, ...]
) -> int:
    """Delete the trees with these roots, a query; return how many turns they had."""
    cursor.execute(
        "DELETE FROM item WHERE turn IN "
        f"(SELECT number FROM turn WHERE root IN ({roots}))",
        parameters,
    )
    cursor.execute(f"DELETE FROM turn WHERE root IN ({roots})", parameters)
    return cursor.rowcount
