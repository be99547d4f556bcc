"""C{chatmockd models}: what the account may choose from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from twisted.internet.interfaces import IReactorTime

from chatmockd.account.asking import NotSignedIn
from chatmockd.commands.account import Account
from chatmockd.commands.saying import say
from chatmockd.commands.status import NOT_SIGNED_IN, OK, TEMPORARY
from chatmockd.core.model import Model
from chatmockd.core.model_list import BadList
from chatmockd.outbound import Outbound, Unreachable
from chatmockd.printable import printable
from chatmockd.settings import Settings


async def models(
    clock: IReactorTime,
    console: Console,
    settings: Settings,
    outbound: Outbound,
    environ: Mapping[str, str],
    home: Path,
) -> int:
    """
    Print the models, best first, with the efforts that each knows.

    @return: The exit status. A list that the daemon has kept is good enough where the
        upstream cannot be asked; the one that came with this version is not.
    """
    account = Account.of(settings, outbound, environ, home, clock)
    catalog = account.catalog
    status, why = OK, ""
    if settings.models.sync:
        try:
            await catalog.refresh()
        except NotSignedIn as problem:
            status, why = NOT_SIGNED_IN, str(problem)
        except (Unreachable, BadList) as problem:
            why = str(problem)
            status = TEMPORARY if catalog.source == "shipped" else OK
    known = [model for model in catalog.known if model.listed]
    width = max(len(model.name) for model in known)
    for model in known:
        say(console, _line(model, width))
    if why:
        where = "came with this version" if catalog.source == "shipped" else "was kept"
        say(console)
        say(console, f"This is the list that {where}: {printable(why)}", "yellow")
    return status


def _line(model: Model, width: int) -> str:
    parts = [printable(model.name).ljust(width)]
    if model.efforts:
        parts.append(printable(", ".join(model.efforts)))
    if model.context_window:
        parts.append(f"{model.context_window:,} tokens")
    if model.title and model.title.lower() != model.name.lower():
        parts.append(printable(model.title))
    return "  ".join(parts).rstrip()
