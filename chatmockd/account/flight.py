"""One errand for all who wait for it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

_T = TypeVar("_T")


class Flight(Generic[_T]):
    """Runs something at most once at a time."""

    _log = Logger()

    def __init__(self) -> None:
        self._waiting: list[Deferred[Any]] | None = None

    def join(self, begin: Callable[[], Coroutine[Any, Any, _T]]) -> Deferred[_T]:
        """
        What C{begin} comes to, or what is already under way.

        @return: A Deferred of the caller's own: to cancel it ends the waiting, and not
            what is waited for.
        """
        waiter: Deferred[_T] = Deferred(self._left)
        if self._waiting is None:
            self._waiting = [waiter]
            Deferred.fromCoroutine(begin()).addBoth(self._landed)
        else:
            self._waiting.append(waiter)
        return waiter

    def landed(self) -> Deferred[None]:
        """Fires when nothing is under way, however it ended."""
        waiter: Deferred[Any] = Deferred(self._left)
        if self._waiting is None:
            waiter.callback(None)
        else:
            self._waiting.append(waiter)
        return waiter.addBoth(lambda _: None)

    def _left(self, waiter: Deferred[Any]) -> None:
        # Who waits for what has just landed may leave when the next is under way.
        if self._waiting is not None and waiter in self._waiting:
            self._waiting.remove(waiter)

    def _landed(self, result: _T | Failure) -> None:
        waiting, self._waiting = self._waiting or [], None
        if isinstance(result, Failure) and not waiting:
            self._log.failure("nobody waited for this any more", result)
        for waiter in waiting:
            # What one does with it may have made another leave.
            if not waiter.called:
                waiter.callback(result)
