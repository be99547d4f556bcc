"""C{chatmockd info}: who is signed in, what he may still use, and what he has used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from twisted.internet.interfaces import IReactorTime

from chatmockd._version import __version__
from chatmockd.account.asking import NotSignedIn
from chatmockd.account.identity import Identity
from chatmockd.account.limits import read_limits
from chatmockd.account.usage_page import ask_limits
from chatmockd.commands.account import Account
from chatmockd.commands.saying import say
from chatmockd.commands.status import NOT_SIGNED_IN, OK, TEMPORARY
from chatmockd.core.duration import duration
from chatmockd.core.limits import Limits, Window
from chatmockd.core.model_list import BadList
from chatmockd.core.usage import Usage
from chatmockd.outbound import Outbound, Unreachable
from chatmockd.printable import printable
from chatmockd.settings import Settings
from chatmockd.store.reading import read_usage

# The owner of everything, as long as there are no keys to tell clients apart.
_OWNER = "default"
_DAY = 86_400.0
_BAR = 30  # characters


@dataclass(frozen=True)
class _Known:
    """
    What there is to show.

    @ivar live: The upstream said it just now.
    @ivar why: Why it did not.
    """

    identity: Identity
    limits: Limits | None
    live: bool
    why: str
    models: list[str]
    today: Usage
    month: Usage

    @property
    def plan(self) -> str:
        return (self.limits.plan if self.limits else "") or self.identity.plan


async def info(
    clock: IReactorTime,
    console: Console,
    settings: Settings,
    outbound: Outbound,
    environ: Mapping[str, str],
    home: Path,
    *,
    as_json: bool,
) -> int:
    """
    Print it.

    @param clock: Its seconds are Unix time.
    @return: The exit status; it is good when something could be shown of the account,
        be it what the daemon has kept.
    """
    account = Account.of(settings, outbound, environ, home, clock)
    now = clock.seconds()
    try:
        known = await _known(account, settings, now)
    except NotSignedIn as problem:
        why = printable(str(problem))
        if as_json:
            _print_json(console, {"signed_in": False, "error": why})
        else:
            say(console, f"Not signed in. {why}", "red")
        return NOT_SIGNED_IN
    except Unreachable as problem:
        why = printable(str(problem))
        if as_json:
            _print_json(console, {"signed_in": None, "error": why})
        else:
            say(console, f"The upstream cannot be asked: {why}", "red")
        return TEMPORARY
    if as_json:
        _print_json(console, _as_json(known, settings, now))
    else:
        _show(console, known, settings, now)
    return TEMPORARY if known.why and known.limits is None else OK


async def _known(account: Account, settings: Settings, now: float) -> _Known:
    identity = await account.asking.identity()
    limits = read_limits(account.folder, identity)
    live, why = False, ""
    if settings.upstream.profile == "chatgpt":
        try:
            identity, fresh = await ask_limits(
                account.asking, settings.upstream_url, now
            )
            limits, live = fresh.after(limits), True
        except Unreachable as problem:
            why = str(problem)
    if settings.models.sync and not why:
        try:
            await account.catalog.refresh()
        except (Unreachable, BadList) as problem:
            why = f"models: {problem}"
    path = account.folder.place(Path(settings.store.path).name)
    spent = [] if path is None else read_usage(path, _OWNER, now - 29 * _DAY) or []
    today = [] if path is None else read_usage(path, _OWNER, now) or []
    return _Known(
        identity,
        limits,
        live,
        why,
        [model.name for model in account.catalog.known if model.listed],
        sum((one.usage for one in today), Usage()),
        sum((one.usage for one in spent), Usage()),
    )


def _as_json(known: _Known, settings: Settings, now: float) -> dict[str, Any]:
    return {
        "version": __version__,
        "profile": settings.upstream.profile,
        "upstream": _without_query(settings.upstream_url),
        "signed_in": True,
        "account": known.identity.account or None,
        "email": known.identity.email or None,
        "plan": known.plan or None,
        "limits": None if known.limits is None else known.limits.as_json(now),
        "live": known.live,
        "problem": printable(known.why) or None,
        "models": known.models,
        "usage": {"today": known.today.as_json(), "30_days": known.month.as_json()},
    }


def _print_json(console: Console, what: dict[str, Any]) -> None:
    console.out(
        msgspec.json.format(msgspec.json.encode(what), indent=2).decode(),
        highlight=False,
    )


def _show(console: Console, known: _Known, settings: Settings, now: float) -> None:
    identity = known.identity
    who = identity.email or identity.short_account or "an API key"
    say(console, f"Account   {printable(who)}")
    if known.plan:
        say(console, f"Plan      {printable(known.plan)}")
    if identity.account:
        say(console, f"Id        {printable(identity.account)}")
    say(console, f"Upstream  {_without_query(settings.upstream_url)}")
    say(console)
    _show_limits(console, known, now)
    say(console)
    say(console, f"Today     {_used(known.today)}")
    say(console, f"30 days   {_used(known.month)}")
    say(console)
    say(console, f"Models    {printable(', '.join(known.models))}")
    if known.why:
        say(console)
        why = f"Not all of it could be asked for: {printable(known.why)}"
        say(console, why, "yellow")


def _without_query(url: str) -> str:
    """C{url} as others may see it: gateways take keys in the query."""
    return url.partition("?")[0]


def _show_limits(console: Console, known: _Known, now: float) -> None:
    limits = known.limits
    if limits is None:
        say(console, "Limits    none known yet; the first turn brings them")
        return
    said = "now" if known.live else f"{duration(max(0.0, now - limits.heard))} ago"
    reached = "; nothing is left" if limits.reached else ""
    say(console, f"Limits    as the upstream said {said}{reached}")
    for window in (limits.primary, limits.secondary):
        if window is not None:
            used = min(100.0, window.used_at(now))
            say(console, f"  {_row(console, window, used, now)}", _style(used))
    for name, bucket in limits.buckets.items():
        say(console, f"  {name}: {bucket.remaining:,} of {bucket.limit:,} left")
    credit = limits.credits
    if credit is not None and (credit.unlimited or credit.has_credits):
        amount = "unlimited" if credit.unlimited else credit.balance or "some"
        say(console, f"  credits: {printable(amount)}")


def _row(console: Console, window: Window, used: float, now: float) -> str:
    on, off = ("█", "░") if console.is_terminal else ("#", "-")
    filled = round(used / 100 * _BAR)
    bar = f"{on * filled}{off * (_BAR - filled)}"
    row = f"{_length(window.minutes):<8} [{bar}] {used:5.1f} % used"
    if window.resets_at is None or window.resets_at <= now:
        return row
    at = datetime.fromtimestamp(window.resets_at).astimezone()
    left = duration(window.resets_at - now)
    return f"{row}, resets in {left} ({at:%Y-%m-%d %H:%M})"


def _length(minutes: int | None) -> str:
    """How long a window is, in the largest unit that it is whole in."""
    for unit, size in (("weeks", 10_080), ("days", 1440), ("hours", 60)):
        if minutes and minutes % size == 0:
            number = minutes // size
            return f"{number} {unit if number > 1 else unit[:-1]}"
    return f"{minutes} min" if minutes else "limit"


def _style(used: float) -> str:
    return "red" if used >= 90 else "yellow" if used >= 75 else "green"


def _used(usage: Usage) -> str:
    return (
        f"{usage.turns:,} turns; tokens: {usage.input:,} in ({usage.cached:,} cached), "
        f"{usage.output:,} out ({usage.reasoning:,} reasoning)"
    )
