"""What turns have used, where nothing is kept on disk: since the daemon started."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from chatmockd.core.usage import Spent, Usage

_DAY = 86_400.0
_MOST_MODELS = 1000  # of a day; more than that are no models
_DAYS = 31


class Tally:
    """Usage by day and model."""

    def __init__(self, now: Callable[[], float]) -> None:
        """
        @param now: Unix time, in seconds.
        """
        self._now = now
        self._days: dict[str, dict[str, Usage]] = {}

    def add(self, model: str, usage: Usage) -> None:
        """Count what a turn of today has used."""
        today = _day(int(self._now() // _DAY))
        models = self._days.setdefault(today, {})
        if model in models or len(models) < _MOST_MODELS:
            models[model] = models.get(model, Usage()) + usage
        while len(self._days) > _DAYS:
            del self._days[min(self._days)]

    def usage(self, days: int) -> list[Spent]:
        """What was used on the last so many days, oldest first."""
        since = _day(int(self._now() // _DAY) - (days - 1))
        return [
            Spent(day, model, usage)
            for day, models in sorted(self._days.items())
            for model, usage in sorted(models.items())
            if day >= since
        ]


@lru_cache(maxsize=2)
def _day(number: int) -> str:
    """The date of a day, counted from the epoch."""
    return datetime.fromtimestamp(number * _DAY, UTC).strftime("%Y-%m-%d")
