"""The contract of a store in SQL: what is asked and written, whoever runs it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred

from chatmockd.core.likeness import DIGEST_SIZE
from chatmockd.core.transcript import Item, Node, Step, identified
from chatmockd.core.usage import Spent, Usage
from chatmockd.errors import IdempotencyUnknown
from chatmockd.store.contract import Ending, Opening, ParentGone, Record
from chatmockd.store.counting import add_usage, usage_since
from chatmockd.store.sweeping import delete_turn, room_taken, sweep

T = TypeVar("T")

# Items of one look-up; SQLite takes 32,766 parameters.
_MOST_ITEMS = 32_000

_RECORD = """
    number, state, response_id, upstream_id, profile, model, digest, response,
    background, body_hash, began
"""

_CONTINUABLE = """
    owner = ?2 AND profile = ?3 AND model = ?4
    AND state = 'completed' AND response_id IS NOT NULL
"""

# The digests come in one piece: bound one by one they cost twice as much. The first one
# that is found ends the search, which CROSS JOIN keeps in their order.
_MATCHING = f"""
    WITH RECURSIVE wanted (place) AS (
        SELECT 1 WHERE length(?1) > 0 AND EXISTS (SELECT 1 FROM turn)
        UNION ALL SELECT place + ?5 FROM wanted WHERE place + ?5 < length(?1)
    )
    SELECT {_RECORD} FROM turn INDEXED BY turn_by_digest
    WHERE digest = (
        SELECT digest FROM wanted
        CROSS JOIN turn INDEXED BY turn_by_digest ON digest = substr(?1, place, ?5)
        WHERE {_CONTINUABLE} LIMIT 1
    ) AND {_CONTINUABLE}
    ORDER BY number DESC
"""


class Runner(Protocol):
    """Runs transactions, one after the other and each whole or not at all."""

    def run(self, work: Callable[[sqlite3.Cursor], T]) -> Deferred[T]:
        """
        Do C{work} in a transaction.

        @return: Fires with what it returned, when that is durable.
        """

    def rest(self) -> Deferred[None]:
        """Fires when others, too, have had their turn."""

    def is_in_place(self) -> bool:
        """Whether the database would be found again."""

    def close(self) -> Deferred[None]:
        """Let go of the database."""


class SqlStore:
    """A L{chatmockd.store.contract.Store} on SQLite."""

    def __init__(self, runner: Runner, place: str, epoch: str) -> None:
        """
        @param place: What L{Node.place} shall say of its nodes.
        @param epoch: This run of the daemon; turns of earlier ones are not in flight.
        """
        self._run = runner.run
        self._runner = runner
        self._place = place
        self._epoch = epoch

    def journal(self, opening: Opening) -> Deferred[int]:
        """See L{Store.journal}."""

        def work(cursor: sqlite3.Cursor) -> int:
            if opening.idempotency_key is not None:
                cursor.execute(
                    "SELECT 1 FROM turn WHERE owner = ? AND idempotency_key = ?",
                    (opening.owner, opening.idempotency_key),
                )
                if cursor.fetchone() is not None:
                    raise IdempotencyUnknown
            if opening.parent is None:
                # A tree's root is its first turn, which gets the next number. To say so
                # afterwards would write all of its input again.
                cursor.execute(
                    "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence "
                    "WHERE name = 'turn'"
                )
                (root,) = cursor.fetchone()
            else:
                cursor.execute(
                    "SELECT root FROM turn WHERE number = ?", (opening.parent,)
                )
                row = cursor.fetchone()
                if row is None:
                    raise ParentGone
                (root,) = row
            cursor.execute(
                "INSERT INTO turn (owner, response_id, parent, outer_parent, state, "
                "epoch, profile, model, background, began, input, idempotency_key, "
                "body_hash, response, root) VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?, "
                "?, ?, ?, ?, ?, ?)",
                (
                    opening.owner,
                    opening.response_id,
                    opening.parent,
                    opening.outer_parent,
                    self._epoch,
                    opening.profile,
                    opening.model,
                    opening.background,
                    opening.began,
                    opening.input,
                    opening.idempotency_key,
                    opening.body_hash,
                    opening.response,
                    root,
                ),
            )
            number = cursor.lastrowid
            assert number is not None
            return number

        return self._run(work)

    def mark_sent(self, number: int) -> Deferred[None]:
        """See L{Store.mark_sent}."""

        def work(cursor: sqlite3.Cursor) -> None:
            cursor.execute("UPDATE turn SET state = 'sent' WHERE number = ?", (number,))

        return self._run(work)

    def end(self, number: int, ending: Ending) -> Deferred[None]:
        """See L{Store.end}."""

        def work(cursor: sqlite3.Cursor) -> None:
            cursor.execute("SELECT owner, model FROM turn WHERE number = ?", (number,))
            row = cursor.fetchone()
            if row is None:
                return
            owner, model = row
            if ending.usage is not None:
                add_usage(cursor, owner, model, ending.ended, ending.usage)
            if ending.response_id is not None:
                # Ids are the upstream's to make; one that comes twice names the newer.
                cursor.execute(
                    "UPDATE turn SET response_id = NULL "
                    "WHERE owner = ? AND response_id = ? AND number <> ?",
                    (owner, ending.response_id, number),
                )
            cursor.execute(
                "UPDATE turn SET state = ?, ended = ?, upstream_id = ?, digest = ?, "
                "response = ?, events = ?, response_id = coalesce(?, response_id), "
                "idempotency_key = CASE WHEN ? THEN NULL ELSE idempotency_key END "
                "WHERE number = ?",
                (
                    ending.state,
                    ending.ended,
                    ending.upstream_id,
                    ending.digest,
                    ending.response,
                    ending.events,
                    ending.response_id,
                    ending.frees_key,
                    number,
                ),
            )
            cursor.executemany(
                "INSERT OR REPLACE INTO item (owner, id, turn) VALUES (?, ?, ?)",
                [(owner, identity, number) for identity in ending.items],
            )

        return self._run(work)

    def find(self, owner: str, response_id: str) -> Deferred[Record | None]:
        """See L{Store.find}."""
        return self._record("owner = ? AND response_id = ?", (owner, response_id))

    def keyed(self, owner: str, key: str) -> Deferred[Record | None]:
        """See L{Store.keyed}."""
        return self._record("owner = ? AND idempotency_key = ?", (owner, key))

    def path(self, number: int) -> Deferred[tuple[list[Step], int | None]]:
        """See L{Store.path}."""

        def work(cursor: sqlite3.Cursor) -> tuple[list[Step], int | None]:
            cursor.execute(
                "WITH RECURSIVE path (number, parent, outer_parent, depth) AS ("
                "SELECT number, parent, outer_parent, 0 FROM turn WHERE number = ? "
                "UNION ALL SELECT turn.number, turn.parent, turn.outer_parent, "
                "depth + 1 FROM path JOIN turn ON turn.number = path.parent) "
                "SELECT turn.input, turn.response, path.parent, path.outer_parent "
                "FROM path JOIN turn ON turn.number = path.number ORDER BY depth DESC",
                (number,),
            )
            rows = cursor.fetchall()
            # A first step with a parent is the rest of a tree that is not whole.
            if not rows or rows[0][2] is not None:
                return [], None
            return [Step(row[0], row[1] or b"{}") for row in rows], rows[0][3]

        return self._run(work)

    def match(
        self, owner: str, profile: str, model: str, digests: Sequence[bytes]
    ) -> Deferred[list[Node]]:
        """See L{Store.match}."""

        def work(cursor: sqlite3.Cursor) -> list[Node]:
            cursor.execute(
                _MATCHING,
                (b"".join(reversed(digests)), owner, profile, model, DIGEST_SIZE),
            )
            nodes = (self._node(row) for row in cursor.fetchall())
            return [node for node in nodes if node is not None]

        return self._run(work)

    def events(self, owner: str, response_id: str) -> Deferred[bytes | None]:
        """See L{Store.events}."""

        def work(cursor: sqlite3.Cursor) -> bytes | None:
            cursor.execute(
                "SELECT events FROM turn WHERE owner = ? AND response_id = ?",
                (owner, response_id),
            )
            row = cursor.fetchone()
            events: bytes | None = None if row is None else row[0]
            return events

        return self._run(work)

    def items(self, owner: str, ids: Sequence[str]) -> Deferred[Mapping[str, Item]]:
        """See L{Store.items}."""

        def work(cursor: sqlite3.Cursor) -> Mapping[str, Item]:
            found: dict[str, Item] = {}
            turns: set[int] = set()
            for identity in ids[:_MOST_ITEMS]:
                cursor.execute(
                    "SELECT turn FROM item WHERE owner = ? AND id = ?",
                    (owner, identity),
                )
                turns.update(number for (number,) in cursor.fetchall())
            for number in sorted(turns):
                cursor.execute(
                    "SELECT input, response FROM turn WHERE number = ?", (number,)
                )
                for given, response in cursor.fetchall():
                    step = Step(given, response or b"{}")
                    items = [*step.input_items(), *step.output_items()]
                    found.update(identified(items))
            return {name: found[name] for name in ids if name in found}

        return self._run(work)

    def delete(
        self, owner: str, response_id: str, *, continued: bool = False
    ) -> Deferred[bool]:
        """See L{Store.delete}."""

        def work(cursor: sqlite3.Cursor) -> bool:
            cursor.execute(
                "SELECT number FROM turn WHERE owner = ? AND response_id = ?",
                (owner, response_id),
            )
            row = cursor.fetchone()
            if row is None:
                return False
            delete_turn(cursor, row[0], continued)
            return True

        return self._run(work)

    def continues(self, outer_parent: int) -> Deferred[bool]:
        """See L{Store.continues}."""

        def work(cursor: sqlite3.Cursor) -> bool:
            cursor.execute(
                "SELECT 1 FROM turn WHERE outer_parent = ? LIMIT 1", (outer_parent,)
            )
            return cursor.fetchone() is not None

        return self._run(work)

    def add_usage(
        self, owner: str, model: str, ended: float, usage: Usage
    ) -> Deferred[None]:
        """See L{Store.add_usage}."""
        return self._run(lambda cursor: add_usage(cursor, owner, model, ended, usage))

    def usage(self, owner: str, since: float) -> Deferred[list[Spent]]:
        """See L{Store.usage}."""
        return self._run(lambda cursor: usage_since(cursor, owner, since))

    def count(self) -> Deferred[int]:
        """See L{Store.count}."""

        def work(cursor: sqlite3.Cursor) -> int:
            # Those that can be found have a digest; its index is small, and the table
            # with all that was said is not.
            cursor.execute(
                "SELECT count(*) FROM turn INDEXED BY turn_by_digest "
                "WHERE digest IS NOT NULL"
            )
            (nodes,) = cursor.fetchone()
            return int(nodes)

        return self._run(work)

    def size(self) -> Deferred[int]:
        """See L{Store.size}."""
        return self._run(room_taken)

    def sweep(self, oldest: float, keys_before: float, max_bytes: int) -> Deferred[int]:
        """See L{Store.sweep}."""
        steps = sweep(self._run, self._runner.rest, oldest, keys_before, max_bytes)
        return Deferred.fromCoroutine(steps)

    def bury(self) -> Deferred[None]:
        """Say what became of turns that an earlier run of the daemon left behind."""

        def work(cursor: sqlite3.Cursor) -> None:
            # Only a turn with a key was marked before it was sent; of any other one it
            # is not known, and nobody asks.
            cursor.execute(
                "UPDATE turn SET idempotency_key = NULL, state = 'abandoned' WHERE "
                # For the sake of the index, which knows no other words.
                "state IN ('pending', 'sent') AND state = 'pending' "
                "AND epoch <> ? AND idempotency_key IS NOT NULL",
                (self._epoch,),
            )
            cursor.execute(
                "UPDATE turn SET state = 'unknown' "
                "WHERE state IN ('pending', 'sent') AND epoch <> ?",
                (self._epoch,),
            )

        return self._run(work)

    def is_in_place(self) -> bool:
        """See L{Store.is_in_place}."""
        return self._runner.is_in_place()

    def close(self) -> Deferred[None]:
        """See L{Store.close}."""
        return self._runner.close()

    def _record(
        self, condition: str, parameters: Iterable[Any]
    ) -> Deferred[Record | None]:
        def work(cursor: sqlite3.Cursor) -> Record | None:
            cursor.execute(
                f"SELECT {_RECORD} FROM turn WHERE {condition}", tuple(parameters)
            )
            row = cursor.fetchone()
            if row is None:
                return None
            return Record(
                place=self._place,
                number=row[0],
                state=row[1],
                response_id=row[2],
                node=self._node(row),
                response=row[7],
                background=bool(row[8]),
                body_hash=row[9],
                began=row[10],
            )

        return self._run(work)

    def _node(self, row: Sequence[Any]) -> Node | None:
        number, state, response_id, upstream_id, profile, model, digest, *_ = row
        if state != "completed" or response_id is None or digest is None:
            return None
        return Node(
            place=self._place,
            number=number,
            response_id=response_id,
            upstream_id=upstream_id or response_id,
            profile=profile,
            model=model,
            digest=digest,
        )
