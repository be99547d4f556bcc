"""Committing together what waits together."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.store.group_commit import GroupCommit


class Oops(Exception):
    """What a piece of work may raise."""


class GroupCommitTests(SynchronousTestCase):
    """On a database whose transactions take as long as a test wants."""

    def setUp(self) -> None:
        self.database = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(self.database.close)
        self.database.execute("CREATE TABLE said (what TEXT)")
        self.begun: list[tuple[Callable[[sqlite3.Cursor], Any], Deferred[Any]]] = []
        self.commits = 0
        self.group = GroupCommit(self._begin)

    def _begin(self, work: Callable[[sqlite3.Cursor], Any]) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.begun.append((work, done))
        return done

    def finish(self) -> None:
        """Carry out the transaction that was begun."""
        (work, done), *self.begun = self.begun
        self.assertEqual(self.begun, [], "two at once")
        cursor = self.database.cursor()
        cursor.execute("BEGIN")
        try:
            result: Any = work(cursor)
        except Exception:
            cursor.execute("ROLLBACK")
            result = Failure()
        else:
            cursor.execute("COMMIT")
            self.commits += 1
        # Failures, too: addBoth and errback are the same to a Deferred.
        done.callback(result)

    def finish_all(self) -> None:
        """Carry out all there is."""
        while self.begun:
            self.finish()

    def say(self, what: str, error: Exception | None = None) -> Deferred[str]:
        """Write C{what}, and then perhaps raise C{error}."""

        def work(cursor: sqlite3.Cursor) -> str:
            cursor.execute("INSERT INTO said VALUES (?)", (what,))
            if error is not None:
                raise error
            return what.upper()

        return self.group.run(work)

    @property
    def said(self) -> str:
        """All that was committed, in its order."""
        rows = self.database.execute("SELECT what FROM said ORDER BY rowid")
        return "".join(what for (what,) in rows)

    def test_the_first_waits_for_nobody(self) -> None:
        """It is begun at once, and alone."""
        a = self.say("a")
        self.assertEqual(len(self.begun), 1)
        b = self.say("b")
        self.finish()
        self.assertEqual((self.said, self.successResultOf(a)), ("a", "A"))
        self.assertNoResult(b)
        self.finish()
        self.assertEqual((self.said, self.successResultOf(b)), ("ab", "B"))
        self.assertEqual(self.begun, [])

    def test_what_waits_is_committed_together(self) -> None:
        """In its order, and each gets what it returned."""
        said = [self.say(what) for what in "abcdef"]
        self.finish_all()
        self.assertEqual(self.said, "abcdef")
        self.assertEqual(self.commits, 2)
        self.assertEqual([self.successResultOf(one) for one in said], [*"ABCDEF"])

    def test_no_more_than_so_many(self) -> None:
        """The first of a crowd is not kept waiting for the last."""
        said = [self.say("x") for _ in range(150)]
        self.finish()
        self.finish()
        self.assertEqual(sum(one.called for one in said), 65)
        self.finish_all()
        self.assertEqual((self.said, self.commits), ("x" * 150, 4))

    def test_one_that_fails_spoils_no_other(self) -> None:
        """Each is done wholly or not at all, and once."""
        self.say("a")
        oops = Oops()
        b, c, d = self.say("b"), self.say("c", oops), self.say("d")
        self.finish_all()
        self.assertEqual(self.said, "abd")
        self.assertEqual((self.successResultOf(b), self.successResultOf(d)), ("B", "D"))
        self.assertIs(self.failureResultOf(c).value, oops)

    def test_one_that_fails_alone(self) -> None:
        """It is not tried again."""
        a = self.say("a", Oops())
        self.finish()
        self.failureResultOf(a, Oops)
        self.assertEqual((self.said, self.begun), ("", []))

    def test_all_fail(self) -> None:
        """As on a full disk: each hears of it, and the next is tried all the same."""
        said = [self.say(what, Oops()) for what in "abc"]
        self.finish_all()
        for one in said:
            self.failureResultOf(one, Oops)
        last = self.say("d")
        self.finish()
        self.assertEqual(self.successResultOf(last), "D")

    def test_one_that_cannot_even_be_begun(self) -> None:
        """Whoever asked hears of it, and the others are begun all the same."""
        oops, begin, begun = Oops(), self.group._transact, 0

        def cannot(work: Callable[[sqlite3.Cursor], Any]) -> Deferred[Any]:
            nonlocal begun
            begun += 1
            if begun in (1, 3, 4):
                raise oops
            return begin(work)

        self.group._transact = cannot
        self.assertIs(self.failureResultOf(self.say("a")).value, oops)
        b, c, d = self.say("b"), self.say("c"), self.say("d")
        self.finish_all()  # b; c and d together cannot be begun, nor c by itself
        self.assertEqual((self.said, self.successResultOf(b)), ("bd", "B"))
        self.assertIs(self.failureResultOf(c).value, oops)
        self.assertEqual(self.successResultOf(d), "D")

    def test_more_work_from_a_result(self) -> None:
        """Whoever is told may ask again, and waits in line."""
        again: list[Deferred[str]] = []
        self.say("a").addCallback(lambda _: again.append(self.say("c")))
        b = self.say("b")
        self.finish_all()
        self.assertEqual(self.said, "abc")
        self.successResultOf(b)
        self.assertEqual(self.successResultOf(again[0]), "C")

    def test_one_that_nobody_waits_for(self) -> None:
        """What was asked for is done, whoever has stopped waiting for it."""
        self.say("a")
        b = self.say("b")
        b.addErrback(lambda _: None)
        b.cancel()
        c = self.say("c")
        self.finish_all()
        self.assertEqual((self.said, self.successResultOf(c)), ("abc", "C"))
