"""C{chatmockd logout}."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from chatmockd.account.issuer import Issuer
from chatmockd.account.logout import sign_out
from chatmockd.commands.saying import say
from chatmockd.commands.status import OK
from chatmockd.outbound import Outbound
from chatmockd.settings import Settings


async def end_login(
    reactor: Any,
    console: Console,
    settings: Settings,
    outbound: Outbound,
    environ: Mapping[str, str],
    home: Path,
) -> int:
    """
    End the login, here and with the issuer.

    @return: The exit status.
    """
    account = settings.account
    issuer = Issuer(account.issuer, account.client_id, outbound)
    ended = await sign_out(reactor, issuer, environ, home)
    if ended is None:
        say(console, "Nobody is signed in.")
        return OK
    who = f" {ended.email}" if ended.email else ""
    say(console, f"Signed out{who}.", style="green")
    say(console, f"The tokens in {ended.file} are deleted.")
    if ended.not_revoked is not None:
        say(
            console,
            "They could not be revoked, so that copies of them stay good: "
            f"{ended.not_revoked}",
            style="yellow",
        )
    return OK
