"""One coarse timer for everything that has to look at the clock now and then."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

PERIOD = 1.0  # seconds


class Beating(Protocol):
    """What wants to be told the time once a second."""

    def beat(self, now: float) -> None:
        """
        Look at the clock.

        @param now: Seconds, on the clock that the pulse was given.
        """


class Pulse:
    """
    Tells its members the time once a second, as long as it has any.

    Timers per frame, request or connection would cost more than the work they watch;
    timestamps cost nothing and are looked at here.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self._members: dict[Beating, None] = {}
        self._next: IDelayedCall | None = None

    def add(self, member: Beating) -> None:
        """Tell C{member} the time from now on."""
        self._members[member] = None
        if self._next is None:
            self._next = self.clock.callLater(PERIOD, self._beat)

    def remove(self, member: Beating) -> None:
        """Stop telling it; harmless when it is not a member."""
        self._members.pop(member, None)
        if not self._members and self._next is not None:
            self._next.cancel()
            self._next = None

    def _beat(self) -> None:
        self._next = None
        now = self.clock.seconds()
        for member in list(self._members):
            if member in self._members:
                try:
                    member.beat(now)
                except Exception:
                    self._log.failure("telling {member} the time", member=member)
        if self._members and self._next is None:
            self._next = self.clock.callLater(PERIOD, self._beat)
