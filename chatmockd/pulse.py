"""One coarse timer for everything that has to look at the clock now and then."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

PERIOD = 1.0  # seconds

# Seconds that a beat may be late. What goes beyond was spent asleep: a laptop was
# closed, or a virtual machine stood still.
LATE = 5.0


class Beating(Protocol):
    """What wants to be told the time once a second."""

    def beat(self, now: float) -> None:
        """
        Look at the clock.

        @param now: See L{Pulse.seconds}.
        """


class Pulse:
    """
    Tells its members the time once a second, as long as it has any.

    Timers per frame, request or connection would cost more than the work they watch;
    timestamps cost nothing and are looked at here.

    @ivar clock: What the pulse goes by; it goes on when we sleep.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self._members: dict[Beating, None] = {}
        self._next: IDelayedCall | None = None
        self._due = 0.0
        self._slept = 0.0

    def seconds(self) -> float:
        """
        The time that members are told, for what is compared with it.

        It stands still while we sleep. Silence counts only as long as we listen: what
        came meanwhile is read in the moment in which the clock has jumped.
        """
        now = self.clock.seconds()
        if self._next is not None:
            now = min(now, self._due + LATE)
        return now - self._slept

    def add(self, member: Beating) -> None:
        """Tell C{member} the time from now on."""
        self._members[member] = None
        if self._next is None:
            self._schedule()

    def remove(self, member: Beating) -> None:
        """Stop telling it; harmless when it is not a member."""
        self._members.pop(member, None)
        if not self._members and self._next is not None:
            self._next.cancel()
            self._next = None

    def _beat(self) -> None:
        self._next = None
        late = self.clock.seconds() - self._due - LATE
        if late > 0:
            self._slept += late
            self._log.info("{s:.0f} s went by unseen", s=late + LATE)
        now = self.seconds()
        for member in list(self._members):
            if member in self._members:
                try:
                    member.beat(now)
                except Exception:
                    self._log.failure("telling {member} the time", member=member)
        if self._members and self._next is None:
            self._schedule()

    def _schedule(self) -> None:
        self._due = self.clock.seconds() + PERIOD
        self._next = self.clock.callLater(PERIOD, self._beat)
