"""When somebody who says nothing is asked whether he is there, and when given up."""

from __future__ import annotations

_SOON = 5.0  # seconds in which whoever is there has answered


class Pinging:
    """
    The silence of one connection.

    @ivar heard: When something came last, in seconds. Anything shows that the other
        side is there, so whoever hears it sets this.
    """

    def __init__(self, interval: float, now: float) -> None:
        """
        @param interval: Seconds of silence after which it is asked, and again for which
            the answer is waited for; 0 never asks.
        """
        self.heard = now
        self._interval = interval
        self._asked: float | None = None

    def trust(self, now: float) -> None:
        """It is there, whatever it has been asked."""
        self.heard, self._asked = now, None

    def doubt(self, now: float) -> None:
        """It may be gone: ask it at the next look."""
        self.heard, self._asked = now - self._interval, None

    def is_due(self, now: float) -> bool:
        """Whether it has to be asked now; if so, it counts as asked."""
        if not self._interval:
            return False
        if self._asked is None:
            if now - self.heard < self._interval:
                return False
            self._asked = now
            return True
        if self.heard >= self._asked:
            self._asked = None
        return False

    def is_late(self, now: float) -> bool:
        """Whether it should have answered by now, as all do who are there."""
        return self._has_waited(now, _SOON)

    def is_over(self, now: float) -> bool:
        """Whether it is not waited for any longer."""
        return self._has_waited(now, self._interval)

    def _has_waited(self, now: float, seconds: float) -> bool:
        asked = self._asked
        return asked is not None and self.heard < asked <= now - seconds
