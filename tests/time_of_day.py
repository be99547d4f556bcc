"""What time it is, which is not what timers go by."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime


class TimeOfDay:
    """
    A test case that has one.

    @ivar clock: What timers go by.
    @ivar set_by: How far somebody has set the time of day forward, or back, in seconds.
    """

    clock: IReactorTime
    set_by = 0.0

    def now(self) -> float:
        """Unix time, in seconds."""
        return self.clock.seconds() + self.set_by
