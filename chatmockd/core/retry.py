"""Whether what came to nothing may be tried once more, and after how long."""

from __future__ import annotations

_SPAN = 10.0  # seconds that are counted as one
_SPANS = 6  # how many of them are looked back on: a minute
_SHARE = 0.2  # of what was asked in that minute
_LEAST = 3  # retries a minute that are allowed however little was asked
_LONGEST = 0.5  # seconds to wait before a retry
_QUICK = 2.0  # seconds
_PASSING = frozenset({"DNS", "connect", "WebSocket upgrade"})


class RetryBudget:
    """
    Keeps retries a small part of what is asked.

    When an upstream is down, every turn would be tried twice, and the load doubled just
    when it can be borne the least.
    """

    def __init__(self) -> None:
        self._asked: dict[int, int] = {}
        self._retried: dict[int, int] = {}

    def asked(self, now: float) -> None:
        """Something was tried for the first time. C{now} is in seconds."""
        self._count(self._asked, now)

    def take(self, now: float) -> bool:
        """Whether one retry may be made; if so, it counts."""
        span = int(now // _SPAN)
        if _recent(self._retried, span) >= max(
            _LEAST, _SHARE * _recent(self._asked, span)
        ):
            return False
        self._count(self._retried, now)
        return True

    def _count(self, counts: dict[int, int], now: float) -> None:
        span = int(now // _SPAN)
        counts[span] = counts.get(span, 0) + 1
        for old in [s for s in counts if not span - _SPANS < s <= span]:
            del counts[old]


def may_help(phase: str, seconds: float) -> bool:
    """
    Whether connecting once more may go better.

    @param phase: In which it failed. A certificate or a proxy that does not want us
        will not change its mind.
    @param seconds: How long that took. What was silent for long will be again, and the
        client has waited enough.
    """
    return phase in _PASSING and seconds < _QUICK


def delay(chance: float) -> float:
    """
    Seconds to wait before a retry.

    @param chance: From 0 to 1, at random: those who failed together shall not come
        back together.
    """
    return chance * _LONGEST


def _recent(counts: dict[int, int], span: int) -> int:
    # A clock that was set back leaves spans that are yet to come; they do not count.
    return sum(n for s, n in counts.items() if span - _SPANS < s <= span)
