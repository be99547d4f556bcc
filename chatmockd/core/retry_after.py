"""When an answer says to come back: C{Retry-After}, seconds or a date (RFC 9110)."""

from __future__ import annotations

import re
from email.utils import mktime_tz, parsedate_tz

RetryAfter = float | str
"""Seconds; or a date, as it was written, where nothing tells how far off that is."""

_MOST = 10_000_000  # seconds, three months: more is no advice, nor infinity, nor NaN

# The three forms of an HTTP date are as long as that. The parser, made for mail, takes
# nearly anything.
_DATE = re.compile(r"[A-Z][a-z]{2,8},? [A-Za-z0-9: -]{15,24}")


def retry_after(said: object, date: object = None) -> RetryAfter | None:
    """
    What C{said} advises; None when that is nothing.

    @param said: A number, or a header's text.
    @param date: When the answer was made, as its own C{Date} says. Seconds from then on
        hold on the client's clock, whatever the upstream's shows.
    """
    seconds = _seconds(said)
    if seconds is not None:
        return seconds if 0 <= seconds < _MOST else None
    there, here = _time(said), _time(date)
    if there is None:
        return None
    if here is None:
        assert isinstance(said, str)
        return said.strip()
    # It is past when the answer was long on its way; then there is nothing to wait for.
    seconds = max(0.0, float(there - here))
    return seconds if seconds < _MOST else None


def _seconds(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def _time(value: object) -> int | None:
    """Unix time, in seconds, of an HTTP date."""
    if not isinstance(value, str) or not _DATE.fullmatch(value.strip()):
        return None
    try:
        parsed = parsedate_tz(value)
        # Without a zone it would be the machine's; HTTP knows no other than GMT.
        return None if parsed is None else mktime_tz((*parsed[:9], parsed[9] or 0))
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
