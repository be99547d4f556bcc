"""Deleting turns: one of them, or whole trees to make room."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred

from chatmockd.errors import StoreError

_T = TypeVar("_T")
Rest = Callable[[], Deferred[None]]
_Tree = tuple[int, float]  # the number of its root, and when something happened last

# When there is too much, this share of what may be is left, so that it is not too much
# again at once.
_LEFT = 0.9

# One page in so many may be free: it will be wanted again soon.
_SLACK = 8

# How many are given back in one transaction; that takes 40 ms, and turns wait for it.
_SLICE = 100

# Of what is given back after a sweep; 8 MB. The next sweep is never far.
_MOST_SLICES = 20

# How many turns are deleted in one transaction, but for the rest of a tree; that takes
# 50 ms.
_AT_ONCE = 100

_LAST = "max(coalesce(ended, began))"
_IN_FLIGHT = "SELECT root FROM turn WHERE state IN ('pending', 'sent')"


class Run(Protocol):
    """Does work in a transaction; see L{chatmockd.store.sql.Runner.run}."""

    def __call__(self, work: Callable[[sqlite3.Cursor], _T]) -> Deferred[_T]:
        """Fires with what it returned, when that is durable."""


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


async def sweep(
    run: Run, rest: Rest, oldest: float, keys_before: float, max_bytes: int
) -> int:
    """
    See L{chatmockd.store.contract.Store.sweep}.

    @param run: Runs transactions. There are many of them, so that others get their
        turn: to make room in a store of 2 GB takes ten seconds.
    @param rest: Waits for their turn; see L{chatmockd.store.sql.Runner.rest}.
    """
    await run(lambda cursor: _forget_keys(cursor, keys_before))
    trees = await run(lambda cursor: _trees(cursor, oldest))
    deleted = await _delete_trees(run, rest, trees, 0)
    if await run(room_taken) > max_bytes:
        trees = await run(lambda cursor: _trees(cursor, None))
        deleted += await _delete_trees(run, rest, trees, int(max_bytes * _LEFT))
    try:
        for _ in range(_MOST_SLICES):
            if not await run(_give_back):
                break
    except StoreError:
        # On a full disk, say. What was deleted is room all the same.
        pass
    return deleted


def _forget_keys(cursor: sqlite3.Cursor, before: float) -> None:
    cursor.execute(
        "UPDATE turn SET idempotency_key = NULL, body_hash = NULL "
        "WHERE idempotency_key IS NOT NULL AND began < ? "
        "AND state NOT IN ('pending', 'sent')",
        (before,),
    )


def _trees(cursor: sqlite3.Cursor, before: float | None) -> list[_Tree]:
    """The trees that may go, those first in which nothing happened for longest."""
    cursor.execute(
        f"SELECT root, {_LAST} FROM turn WHERE root NOT IN ({_IN_FLIGHT}) "
        f"GROUP BY root HAVING ?1 IS NULL OR {_LAST} < ?1 ORDER BY {_LAST}",
        (before,),
    )
    return cursor.fetchall()


async def _delete_trees(
    run: Run, rest: Rest, trees: Sequence[_Tree], enough: int
) -> int:
    """
    Delete these trees, or as many of them as it takes.

    @param enough: The bytes that may stay in use.
    @return: How many turns they had.
    """
    deleted = 0
    while trees:
        some = partial(_delete_some, trees=trees, enough=enough)
        done, count = await run(some)
        trees = trees[done:]
        deleted += count
        if trees:
            await rest()
    return deleted


def _delete_some(
    cursor: sqlite3.Cursor, trees: Sequence[_Tree], enough: int
) -> tuple[int, int]:
    """
    Delete the first of these trees, or skip those that something has happened in.

    @return: How many trees need not be looked at again, and how many turns are gone.
    """
    deleted = 0
    for place, (root, last) in enumerate(trees):
        if deleted >= _AT_ONCE:
            return place, deleted
        if room_taken(cursor) <= enough:
            break
        cursor.execute(
            f"SELECT {_LAST} FROM turn WHERE root = ?1 AND ?1 NOT IN ({_IN_FLIGHT})",
            (root,),
        )
        if cursor.fetchone() == (last,):
            cursor.execute(
                "DELETE FROM item WHERE turn IN "
                "(SELECT number FROM turn WHERE root = ?)",
                (root,),
            )
            cursor.execute("DELETE FROM turn WHERE root = ?", (root,))
            deleted += cursor.rowcount
    return len(trees), deleted


def _give_back(cursor: sqlite3.Cursor) -> bool:
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
