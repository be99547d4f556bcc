"""How much of its allowance an account has used, from wherever the upstream says it.

ChatGPT counts in percent of windows of time: in headers, in C{codex.rate_limits}
frames and at an endpoint of its own, each in other words. OpenAI counts requests and
tokens, in headers. All of it becomes one L{Limits}.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from chatmockd.core.duration import duration, seconds_of

# Seconds since 1970 have ten digits for a long time; what is smaller is a duration.
_SOME_DATE = 1_000_000_000
_FAR = 100_000_000_000
_BUCKETS = ("requests", "tokens")


@dataclass(frozen=True)
class Window:
    """
    A share of what may be used in some time.

    @ivar used_percent: 100 is all of it.
    @ivar minutes: How long the time is; None where that was not said.
    @ivar resets_at: When it is all there again, Unix time; None likewise.
    """

    used_percent: float
    minutes: int | None = None
    resets_at: float | None = None

    def used_at(self, now: float) -> float:
        """What is used of it now, as far as one can tell."""
        over = self.resets_at is not None and self.resets_at <= now
        return 0.0 if over else self.used_percent


@dataclass(frozen=True)
class Credits:
    """What can be used beyond the plan; C{balance} is the upstream's own text."""

    has_credits: bool = False
    unlimited: bool = False
    balance: str | None = None


@dataclass(frozen=True)
class Bucket:
    """A number of something that may be used until it is filled again."""

    limit: int
    remaining: int
    resets_at: float | None = None


@dataclass(frozen=True)
class Limits:
    """
    What an account may still use.

    @ivar heard: When that was said, Unix time.
    @ivar plan: C{"plus"}, ...; C{""} where it is not known.
    @ivar reached: Whether the upstream says that nothing is left; None if it does not
        say.
    @ivar buckets: OpenAI's, by what they hold: C{"requests"} and C{"tokens"}.
    @ivar partial: What it does not say may still be as it was.
    """

    heard: float
    plan: str = ""
    primary: Window | None = None
    secondary: Window | None = None
    credits: Credits | None = None
    reached: bool | None = None
    buckets: dict[str, Bucket] = field(default_factory=dict)
    partial: bool = False

    def after(self, before: Limits | None) -> Limits:
        """What is known with this, after C{before}."""
        if before is None:
            return self
        known = replace(
            self,
            plan=self.plan or before.plan,
            credits=self.credits or before.credits,
            buckets=before.buckets | self.buckets,
        )
        if not self.partial:
            return known
        return replace(
            known,
            primary=self.primary or before.primary,
            secondary=self.secondary or before.secondary,
        )

    def tightest(self, now: float) -> Window | None:
        """The window of which least is left; of two alike, the one that lasts."""
        windows = [w for w in (self.primary, self.secondary) if w is not None]
        return max(
            windows,
            key=lambda w: (w.used_at(now), w.resets_at or 0.0),
            default=None,
        )

    def as_json(self, now: float) -> dict[str, Any]:
        """As C{/v1/status} shows it."""
        return {
            "heard_at": round(self.heard),
            "age_s": round(max(0.0, now - self.heard)),
            "reached": self.reached,
            "primary": _shown(self.primary, now),
            "secondary": _shown(self.secondary, now),
            "credits": None if self.credits is None else vars(self.credits),
            "buckets": {
                name: {
                    "limit": bucket.limit,
                    "remaining": bucket.remaining,
                    "resets_at": _whole(bucket.resets_at),
                }
                for name, bucket in self.buckets.items()
            },
        }

    def as_headers(self, now: float) -> tuple[tuple[bytes, bytes], ...]:
        """
        C{x-ratelimit-*}, as OpenAI names them, for clients.

        A window of ChatGPT's is told as 100 requests, of which as many remain as there
        are percent left. The tightest one counts: what a client reads these for is
        when to slow down.
        """
        buckets = dict(self.buckets)
        window = self.tightest(now)
        if window is not None and "requests" not in buckets:
            left = math.floor(min(100.0, max(0.0, 100.0 - window.used_at(now))))
            buckets["requests"] = Bucket(100, left, window.resets_at)
        headers: list[tuple[bytes, bytes]] = []
        for name in _BUCKETS:
            bucket = buckets.get(name)
            if bucket is None:
                continue
            full = bucket.resets_at is not None and bucket.resets_at <= now
            remaining = bucket.limit if full else bucket.remaining
            kind = name.encode()
            headers.append((b"x-ratelimit-limit-" + kind, b"%d" % bucket.limit))
            headers.append((b"x-ratelimit-remaining-" + kind, b"%d" % remaining))
            if bucket.resets_at is not None:
                left_s = max(0.0, bucket.resets_at - now)
                reset = duration(left_s).encode()
                headers.append((b"x-ratelimit-reset-" + kind, reset))
        return tuple(headers)


def from_headers(headers: Mapping[str, str], now: float) -> Limits | None:
    """
    What the headers of an answer say.

    @param headers: With lower-case names.
    """
    limits = Limits(
        heard=now,
        plan=_name(headers.get("x-codex-plan-type")),
        primary=_header_window(headers, "primary", now),
        secondary=_header_window(headers, "secondary", now),
        credits=_header_credits(headers),
        buckets=_header_buckets(headers, now),
        partial=True,
    )
    silent = Limits(heard=now, plan=limits.plan, partial=True)
    return None if limits == silent else limits


def from_frame(frame: bytes, now: float) -> Limits | None:
    """What a C{codex.rate_limits} frame says, or an C{error} event's C{headers}."""
    said = _decoded(frame)
    if said.get("type") == "codex.rate_limits":
        limits = _object(said.get("rate_limits"))
        return _whole_limits(said, limits, "primary", "secondary", now)
    headers = {
        name.lower(): str(value)
        for name, value in _object(said.get("headers")).items()
        if isinstance(value, str | int | float)
    }
    found = from_headers(headers, now)
    error = _object(said.get("error"))
    if found is not None and error.get("type") == "usage_limit_reached":
        plan = found.plan or _name(error.get("plan_type"))
        found = replace(found, plan=plan, reached=True)
    return found


def from_usage(body: bytes, now: float) -> Limits | None:
    """What ChatGPT's usage endpoint answers; None when that is something else."""
    said = _decoded(body)
    limits = _object(said.get("rate_limit"))
    return _whole_limits(said, limits, "primary_window", "secondary_window", now)


def _whole_limits(
    said: dict[str, Any],
    limits: dict[str, Any],
    primary: str,
    secondary: str,
    now: float,
) -> Limits | None:
    found = Limits(
        heard=now,
        plan=_name(said.get("plan_type")),
        primary=_window(limits.get(primary), now),
        secondary=_window(limits.get(secondary), now),
        credits=_credits(_object(said.get("credits"))),
        reached=_flag(limits.get("limit_reached")),
    )
    return None if found == Limits(heard=now) else found


def _window(said: object, now: float) -> Window | None:
    fields = _object(said)
    used = _number(fields.get("used_percent"))
    if used is None:
        return None
    minutes = _number(fields.get("window_minutes"))
    seconds = _number(fields.get("limit_window_seconds"))
    if minutes is None and seconds is not None:
        minutes = seconds / 60
    return Window(
        used,
        None if minutes is None else round(minutes),
        _reset(fields.get("reset_at"), fields.get("reset_after_seconds"), now),
    )


def _header_window(headers: Mapping[str, str], name: str, now: float) -> Window | None:
    prefix = f"x-codex-{name}-"
    return _window(
        {
            "used_percent": headers.get(prefix + "used-percent"),
            "window_minutes": headers.get(prefix + "window-minutes"),
            "reset_at": headers.get(prefix + "reset-at"),
            "reset_after_seconds": headers.get(prefix + "reset-after-seconds"),
        },
        now,
    )


def _reset(at: object, after: object, now: float) -> float | None:
    moment, wait = _number(at), _number(after)
    if moment is not None and moment >= _SOME_DATE:
        return moment
    return None if wait is None else now + wait


def _header_credits(headers: Mapping[str, str]) -> Credits | None:
    prefix = "x-codex-credits-"
    return _credits(
        {
            "has_credits": headers.get(prefix + "has-credits"),
            "unlimited": headers.get(prefix + "unlimited"),
            "balance": headers.get(prefix + "balance"),
        }
    )


def _credits(said: dict[str, Any]) -> Credits | None:
    has, unlimited = _flag(said.get("has_credits")), _flag(said.get("unlimited"))
    if has is None and unlimited is None:
        return None
    balance = said.get("balance")
    if isinstance(balance, int | float) and not isinstance(balance, bool):
        balance = f"{balance:g}"
    return Credits(bool(has), bool(unlimited), _name(balance) or None)


def _header_buckets(headers: Mapping[str, str], now: float) -> dict[str, Bucket]:
    buckets = {}
    for name in _BUCKETS:
        limit = _number(headers.get(f"x-ratelimit-limit-{name}"))
        remaining = _number(headers.get(f"x-ratelimit-remaining-{name}"))
        if limit is not None and remaining is not None:
            wait = seconds_of(headers.get(f"x-ratelimit-reset-{name}", ""))
            resets_at = None if wait is None else now + wait
            buckets[name] = Bucket(int(limit), int(remaining), resets_at)
    return buckets


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        return _object(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    """A number that is one, written as such or in a text."""
    if isinstance(value, str):
        if not re.fullmatch(r"\s*\d{1,15}(\.\d{1,15})?\s*", value):
            return None
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < _FAR else None


def _flag(value: object) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _name(value: object) -> str:
    if isinstance(value, str) and len(value) <= 100 and value.isprintable():
        return value
    return ""


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _shown(window: Window | None, now: float) -> dict[str, Any] | None:
    if window is None:
        return None
    return {
        "used_percent": round(window.used_at(now), 2),
        "window_minutes": window.minutes,
        "resets_at": _whole(window.resets_at),
    }
