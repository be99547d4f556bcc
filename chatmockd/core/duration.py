"""Durations, as OpenAI writes them in headers: C{6m0s}, C{1.5s}, C{120ms}."""

from __future__ import annotations

import re

_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|[dhms])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def seconds_of(text: str) -> float | None:
    """How long C{text} is, a number of seconds being a duration, too; None if not."""
    text = text.strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text):
        return float(text)
    if not _WHOLE.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def duration(seconds: float) -> str:
    """C{seconds} from the largest unit that is needed down to seconds: C{1h0m30s}."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for unit in ("h", "m"):
        number, left = divmod(left, int(_UNITS[unit]))
        if number or parts:
            parts.append(f"{number}{unit}")
    return "".join([*parts, f"{left}s"])
