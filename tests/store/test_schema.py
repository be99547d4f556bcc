"""How a database gets from one version of the schema to the next."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.store import schema
from chatmockd.store.schema import MIGRATIONS, NewerSchema, migrate

# Each fails unless the ones before it have been applied.
FIRST = "CREATE TABLE word (text TEXT); INSERT INTO word VALUES ('first');"
SECOND = "INSERT INTO word SELECT text || ', second' FROM word;"
THIRD = "ALTER TABLE word ADD COLUMN length INTEGER; UPDATE word SET length = 0;"
BROKEN = "CREATE TABLE late (text TEXT); DELETE FROM word; INSERT INTO nowhere VALUES;"


class MigrateTests(SynchronousTestCase):
    """On databases in files, looked at with connections of their own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "turns.db"

    def migrate(self, *migrations: str) -> None:
        """Open the database, migrate it, and close it, whatever happens."""
        self.patch(schema, "MIGRATIONS", migrations)
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            migrate(database)

    def look(self, query: str) -> list[Any]:
        """What a query finds in the database that is on disk."""
        with closing(sqlite3.connect(self.path)) as database:
            return database.execute(query).fetchall()

    def version(self) -> int:
        """How many migrations the database says it has had."""
        ((version,),) = self.look("PRAGMA user_version")
        assert isinstance(version, int)
        return version

    def test_a_new_database_gets_all_of_it(self) -> None:
        """It is of the latest version, with its tables."""
        self.migrate(*MIGRATIONS)
        self.assertEqual(self.version(), len(MIGRATIONS))
        tables = self.look("SELECT name FROM sqlite_schema WHERE type = 'table'")
        self.assertLessEqual({("turn",), ("item",), ("usage",)}, set(tables))

    def test_migrations_are_applied_in_order(self) -> None:
        """Each to what the one before it left."""
        self.migrate(FIRST, SECOND, THIRD)
        self.assertEqual(self.look("SELECT * FROM word")[-1], ("first, second", 0))
        self.assertEqual(self.version(), 3)

    def test_an_older_database_gets_what_it_lacks(self) -> None:
        """Nothing is applied twice, and what was kept is still there."""
        self.migrate(FIRST)
        self.migrate(FIRST, SECOND)
        self.assertEqual(
            self.look("SELECT text FROM word"), [("first",), ("first, second",)]
        )
        self.assertEqual(self.version(), 2)

    def test_a_database_of_this_version_is_left_alone(self) -> None:
        """Migrating once more changes not a byte."""
        self.migrate(*MIGRATIONS)
        before = self.path.read_bytes()
        self.migrate(*MIGRATIONS)
        self.assertEqual(self.path.read_bytes(), before)

    def test_a_migration_that_fails_leaves_the_version_before(self) -> None:
        """The ones before it stay, of itself there is nothing."""
        with self.assertRaises(sqlite3.Error):
            self.migrate(FIRST, BROKEN, THIRD)
        self.assertEqual(self.version(), 1)
        self.assertEqual(self.look("SELECT * FROM word"), [("first",)])
        late = "SELECT * FROM sqlite_schema WHERE name = 'late'"
        self.assertEqual(self.look(late), [])

    def test_a_migration_that_failed_can_be_made_good(self) -> None:
        """A later release goes on from where it failed."""
        with self.assertRaises(sqlite3.Error):
            self.migrate(FIRST, BROKEN)
        self.migrate(FIRST, SECOND)
        self.assertEqual(self.version(), 2)

    def test_a_newer_database_is_refused(self) -> None:
        """It is not touched, and the message names both versions."""
        self.migrate(FIRST, SECOND)
        before = self.path.read_bytes()
        with self.assertRaises(NewerSchema) as refused:
            self.migrate(FIRST)
        self.assertIn("version 2", str(refused.exception))
        self.assertIn("knows 1", str(refused.exception))
        self.assertEqual(self.path.read_bytes(), before)
