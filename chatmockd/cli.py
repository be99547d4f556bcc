"""C{chatmockd}, the console script: its command line, and what runs it."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Coroutine, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from chatmockd import __version__
from chatmockd.account.login import PORT
from chatmockd.commands import serve, status
from chatmockd.commands.running import run, told
from chatmockd.config import at_home, find_file, load
from chatmockd.network import Network
from chatmockd.outbound import HttpOutbound
from chatmockd.settings import ConfigError, Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """
    The console script.

    @return: The exit status, see L{chatmockd.commands.status}.
    """
    parser = _parser()
    try:
        chosen = parser.parse_args(arguments)
        if chosen.version:
            print(f"chatmockd {__version__}")
            return status.OK
        if chosen.command is None:
            parser.error("a command is needed")
    except SystemExit as ended:
        # argparse has said what there was to say.
        return ended.code if isinstance(ended.code, int) else status.USAGE
    if chosen.command == "serve":
        return serve.serve(serve.words_for_twistd(chosen))
    errors = Console(stderr=True)
    try:
        settings = _settings(chosen)
        # What the environment says of certificates, before anything is called.
        Network(None, os.environ)
    except ConfigError as problem:
        return told(problem, errors)
    return run(lambda reactor: _command(chosen, settings, reactor), errors)


def _command(
    chosen: Namespace, settings: Settings, reactor: Any
) -> Coroutine[Any, Any, int]:
    """What was asked for, about to begin. Each command is loaded when it is needed."""
    console = Console()
    outbound = HttpOutbound(reactor, Network(reactor, os.environ))
    surroundings = (settings, outbound, os.environ, Path.home())
    module: Any = import_module(f"chatmockd.commands.{chosen.command}")
    asked: Coroutine[Any, Any, int]
    match chosen.command:
        case "login":
            asked = module.sign_in(
                reactor,
                console,
                *surroundings,
                headless=chosen.headless,
                port=chosen.callback_port,
                open_browser=None if chosen.no_browser else module.open_in_browser,
            )
        case "logout":
            asked = module.end_login(reactor, console, *surroundings)
        case "info":
            asked = module.info(reactor, console, *surroundings, as_json=chosen.json)
        case "models":
            asked = module.models(reactor, console, *surroundings)
    return asked


def _settings(chosen: Namespace) -> Settings:
    named, home = chosen.config, Path.home()
    file = at_home(named, home) if named else find_file(os.environ, home)
    return load(file, os.environ, chosen.set)


def port(text: str) -> int:
    """A number that a port can have."""
    if not 0 <= int(text) < 65_536:
        raise ValueError(text)
    return int(text)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="chatmockd",
        description="OpenAI's APIs on your machine, over retained WebSockets.",
        epilog="exit status:\n"
        + "\n".join(f"  {n:<4} {words}" for n, words in status.MEANINGS.items()),
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print it and exit")
    commands = parser.add_subparsers(dest="command", metavar="command")

    def add(name: str, help: str) -> ArgumentParser:
        command = commands.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.",
            allow_abbrev=False,
        )
        command.add_argument(
            "-c", "--config", metavar="FILE", help="the configuration file (TOML)"
        )
        command.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="SECTION.KEY=VALUE",
            help="override one key; may be given again and again",
        )
        return command

    serve.add_options(
        add("serve", "serve in the foreground, as `twistd -n chatmockd` does")
    )
    login = add("login", "sign in to ChatGPT, and save the tokens in auth.json")
    login.add_argument(
        "--headless",
        action="store_true",
        help="with a code to type on another machine",
    )
    login.add_argument(
        "--no-browser", action="store_true", help="do not open the browser"
    )
    login.add_argument(
        "--callback-port",
        type=port,
        default=PORT,
        metavar="PORT",
        help=f"where the browser comes back to ({PORT}; OpenAI accepts no other)",
    )
    login.add_argument("--verbose", action="store_true", help="for ChatMock's scripts")
    add("logout", "revoke the tokens, and delete them from auth.json")
    info = add("info", "show the account, its plan and its limits")
    info.add_argument("--json", action="store_true", help="for programs")
    add("models", "show the models that the account has")
    return parser


if __name__ == "__main__":
    sys.exit(main())
