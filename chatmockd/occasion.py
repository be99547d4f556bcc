"""Something that happens now and then, and whoever waits for it."""

from __future__ import annotations

from twisted.internet.defer import Deferred


class Occasion:
    """Any number of others wait for it, and each may leave at any time."""

    def __init__(self) -> None:
        self._waiting: dict[Deferred[None], None] = {}

    @property
    def is_awaited(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waiting)

    def wait(self) -> Deferred[None]:
        """Fires when it happens next; a new Deferred at each call."""
        waiting: Deferred[None] = Deferred(self._left)
        self._waiting[waiting] = None
        return waiting

    def happen(self) -> None:
        """Tell those who wait by now, in the order in which they came."""
        waiting, self._waiting = self._waiting, {}
        for deferred in waiting:
            # What one does about it may have made another leave.
            if not deferred.called:
                deferred.callback(None)

    def _left(self, waiting: Deferred[None]) -> None:
        self._waiting.pop(waiting, None)
