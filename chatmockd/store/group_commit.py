"""Committing together what waits together."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

T = TypeVar("T")

_Work = Callable[[sqlite3.Cursor], Any]
_Waiting = list[tuple[_Work, Deferred[Any]]]

# So that nobody waits for much more than his own.
_MOST = 64


class GroupCommit:
    """
    Runs transactions in the order in which they were asked for.

    Those that come while another one is being written are committed in one go: most of
    what a commit costs, the way to the disk and back and between two threads, is paid
    once for all of them. If one of them fails, each is run again by itself, so that
    each is still done wholly or not at all; nothing of it has been seen before.
    """

    def __init__(self, transact: Callable[[_Work], Deferred[Any]]) -> None:
        """
        @param transact: Does work in a transaction of its own, and fires when that is
            committed. It is given the next one when it has fired.
        """
        self._transact = transact
        self._waiting: _Waiting = []
        self._is_busy = False

    def run(self, work: Callable[[sqlite3.Cursor], T]) -> Deferred[T]:
        """
        Do C{work}, which may be done again if what it did first is undone.

        @return: Fires with what it returned, when that is committed.
        """
        done: Deferred[T] = Deferred()
        self._waiting.append((work, done))
        if not self._is_busy:
            self._next()
        return done

    def _next(self) -> None:
        group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        self._is_busy = bool(group)
        if len(group) == 1:
            self._alone(group, 0)
        elif group:
            together = maybeDeferred(
                self._transact, lambda cursor: [work(cursor) for work, _ in group]
            )
            together.addCallbacks(
                self._committed,
                lambda reason: self._alone(group, 0),
                callbackArgs=(group,),
            )

    def _committed(self, results: list[Any], group: _Waiting) -> None:
        # The disk first: it can be busy while we are.
        self._next()
        for (_, done), result in zip(group, results, strict=True):
            done.callback(result)

    def _alone(self, group: _Waiting, index: int) -> None:
        """Each from C{index} on by itself."""
        work, done = group[index]

        def ended(result: Any) -> None:
            if index + 1 < len(group):
                self._alone(group, index + 1)
            else:
                self._next()
            if isinstance(result, Failure):
                done.errback(result)
            else:
                done.callback(result)

        # It raises without a thread to begin in; who comes later is begun all the same.
        maybeDeferred(self._transact, work).addBoth(ended)
