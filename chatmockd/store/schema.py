"""The tables, and how a database of an older version becomes one of this version."""

from __future__ import annotations

import sqlite3

# Each entry takes the schema from one version to the next; they are never edited, only
# added to. C{PRAGMA user_version} holds how many have been applied.
MIGRATIONS = (
    """
    CREATE TABLE turn (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        owner TEXT NOT NULL,
        response_id TEXT,
        upstream_id TEXT,
        parent INTEGER,
        outer_parent INTEGER,
        root INTEGER,
        state TEXT NOT NULL,
        epoch TEXT NOT NULL,
        profile TEXT NOT NULL,
        model TEXT NOT NULL,
        background INTEGER NOT NULL,
        digest BLOB,
        began REAL NOT NULL,
        ended REAL,
        input BLOB NOT NULL,
        response BLOB,
        events BLOB,
        idempotency_key TEXT,
        body_hash BLOB
    );
    CREATE UNIQUE INDEX turn_by_response ON turn (owner, response_id);
    CREATE UNIQUE INDEX turn_by_key ON turn (owner, idempotency_key);
    CREATE INDEX turn_by_digest ON turn (digest, owner, profile, model);
    CREATE INDEX turn_by_root ON turn (root, began);
    CREATE INDEX turn_by_parent ON turn (parent);
    CREATE INDEX turn_by_state ON turn (state) WHERE state IN ('pending', 'sent');
    CREATE TABLE item (
        owner TEXT NOT NULL,
        id TEXT NOT NULL,
        turn INTEGER NOT NULL,
        PRIMARY KEY (owner, id, turn)
    ) WITHOUT ROWID;
    CREATE INDEX item_by_turn ON item (turn);
    """,
    """
    CREATE TABLE usage (
        owner TEXT NOT NULL,
        day TEXT NOT NULL,
        model TEXT NOT NULL,
        turns INTEGER NOT NULL,
        input INTEGER NOT NULL,
        cached INTEGER NOT NULL,
        output INTEGER NOT NULL,
        reasoning INTEGER NOT NULL,
        PRIMARY KEY (owner, day, model)
    ) WITHOUT ROWID;
    """,
    # What is looked for every ten minutes: without these, all that was ever said had to
    # be read for it, 25 s from a cold disk where it came to 2 GB.
    """
    DROP INDEX turn_by_root;
    CREATE INDEX turn_by_root ON turn (root, began, ended);
    CREATE INDEX turn_with_key ON turn (began) WHERE idempotency_key IS NOT NULL;
    CREATE INDEX turn_by_outer_parent ON turn (outer_parent)
        WHERE outer_parent IS NOT NULL;
    """,
)


class NewerSchema(Exception):
    """The database was written by a later version of chatmockd."""


# What sorting a million trees takes: some 40 MB, for a moment. SQLite would put it in a
# file in /var/tmp or /tmp, and could not sort where there is none, or no room in it.
TEMPORARY = "PRAGMA temp_store = MEMORY"


def migrate(database: sqlite3.Connection) -> None:
    """
    Bring C{database} up to this version's schema, each step in a transaction.

    @raise NewerSchema: It is of a later version; nothing was changed.
    """
    database.execute(TEMPORARY)
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise NewerSchema(
            f"it has schema version {version}, this chatmockd knows {len(MIGRATIONS)}"
        )
    for number in range(version, len(MIGRATIONS)):
        database.executescript(
            f"BEGIN IMMEDIATE; {MIGRATIONS[number]} "
            f"PRAGMA user_version = {number + 1}; COMMIT;"
        )
