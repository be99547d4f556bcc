"""C{chatmockd login}."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from chatmockd import __version__
from chatmockd.account import device, login
from chatmockd.account.auth_file import place_to_write
from chatmockd.account.issuer import Issuer
from chatmockd.commands.saying import say
from chatmockd.commands.status import OK
from chatmockd.outbound import Outbound
from chatmockd.settings import Settings


async def sign_in(
    reactor: Any,
    console: Console,
    settings: Settings,
    outbound: Outbound,
    environ: Mapping[str, str],
    home: Path,
    *,
    headless: bool,
    port: int,
    open_browser: Callable[[str], None] | None,
) -> int:
    """
    Sign in to ChatGPT, and save the tokens.

    @param headless: With a code to type on another machine.
    @param port: Where the browser comes back to.
    @param open_browser: None to leave that to the user.
    @return: The exit status.
    """
    account = settings.account
    issuer = Issuer(account.issuer, account.client_id, outbound)
    file = place_to_write(environ, home)

    def show_url(url: str) -> None:
        say(console, "Sign in to ChatGPT in your browser:")
        say(console, f"\n{url}\n")
        say(console, "On a machine without one: chatmockd login --headless")
        if open_browser is not None:
            open_browser(url)

    def show_code(url: str, code: str) -> None:
        say(console, "Open this page on any machine, and type the code:")
        say(console, f"\n{url}\n")
        say(console, f"Code: {code}", style="bold")

    if headless:
        signed_in = await device.sign_in(reactor, issuer, file, show=show_code)
    else:
        signed_in = await login.sign_in(
            reactor,
            issuer,
            file,
            bind=account.login_bind,
            port=port,
            originator=settings.upstream.originator or f"chatmockd/{__version__}",
            show=show_url,
        )
    who = signed_in.email or "ChatGPT"
    plan = f" (plan {signed_in.plan})" if signed_in.plan else ""
    say(console, f"Signed in as {who}{plan}.", style="green")
    say(console, f"The tokens are in {file}.")
    return OK


def open_in_browser(url: str) -> None:
    """
    Show C{url}, if there is a screen to show it on.

    Where there is none, C{webbrowser} would put a text browser over our own lines. In a
    thread of its own, for some browsers keep their caller until they are closed.
    """
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if screen or sys.platform in ("darwin", "win32"):
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
