"""C{chatmockd serve}: twistd in the foreground, with ChatMock's options as well."""

from __future__ import annotations

import errno
import sys
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Sequence
from typing import Any

from chatmockd.commands.status import FAILED, OK, PORT_TAKEN
from chatmockd.core.model import EFFORTS

_SUMMARIES = ("auto", "concise", "detailed", "none")
_SHOWN = ("think-tags", "o3", "legacy", "current")

# ChatMock's options that set one key, and which.
_KEYS = {
    "reasoning_effort": "defaults.reasoning_effort",
    "reasoning_summary": "defaults.reasoning_summary",
    "reasoning_compat": "defaults.reasoning_compat",
    "debug_model": "defaults.model",
    "fast_mode": "defaults.fast_mode",
    "enable_web_search": "defaults.web_search",
    "expose_reasoning_models": "models.expose_efforts",
    "model_sync": "models.sync",
    "model_refresh_interval": "models.refresh_interval_s",
    "verbose": "server.log_requests",
}


def add_options(parser: ArgumentParser) -> None:
    """The options of C{serve}, besides those which all commands have."""
    parser.add_argument(
        "--simulate",
        action="store_true",
        help="answer from a built-in upstream, without any account",
    )
    parser.add_argument(
        "--check", action="store_true", help="check the configuration and exit"
    )
    group = parser.add_argument_group(
        "as in ChatMock", "Each sets the key in brackets; --set wins over them."
    )

    def add(name: str, help: str, **more: Any) -> None:
        key = _KEYS.get(name[2:].replace("-", "_"))
        group.add_argument(
            name, help=f"{help} ({key})" if key else help, default=None, **more
        )

    add("--host", "the address to listen on, 127.0.0.1 (server.listen)")
    add("--port", "the port to listen on, 8000 (server.listen)", type=int)
    add("--reasoning-effort", "how long to think", choices=EFFORTS)
    add("--reasoning-summary", "what to tell of it", choices=_SUMMARIES)
    add("--reasoning-compat", "how to show it", choices=_SHOWN)
    switch = BooleanOptionalAction
    add("--fast-mode", "ask for priority", action=switch)
    add("--debug-model", "use this model, whatever is asked for")
    add("--enable-web-search", "let the model search the web", action=switch)
    add("--expose-reasoning-models", "list efforts as models", action="store_true")
    add("--model-sync", "ask the upstream for its models", action=switch)
    add("--model-refresh-interval", "how often", type=float, metavar="SECONDS")
    add("--verbose", "a line in the log for every request", action="store_true")
    add(
        "--verbose-obfuscation",
        "the same: contents are never logged",
        action="store_true",
        dest="verbose",
    )


def words_for_twistd(chosen: Namespace) -> list[str]:
    """The command line of twistd that stands for what was chosen."""
    words = ["twistd", "--nodaemon", "--pidfile=", "chatmockd"]
    if chosen.simulate:
        words.append("--simulate")
    if chosen.check:
        words.append("--check")
    if chosen.config is not None:
        words += ["--config", chosen.config]
    for word in [*_sets(chosen), *chosen.set]:
        words += ["--set", word]
    return words


def serve(words: Sequence[str]) -> int:
    """Run twistd, which reads its own command line and nothing else."""
    sys.argv = list(words)
    from twisted.internet.error import CannotListenError
    from twisted.scripts import twistd

    try:
        twistd.run()
    except CannotListenError as problem:
        print(f"chatmockd: {problem}", file=sys.stderr)
        taken = getattr(problem.socketError, "errno", None) == errno.EADDRINUSE
        return PORT_TAKEN if taken else FAILED
    return OK


def _sets(chosen: Namespace) -> list[str]:
    """ChatMock's options as C{section.key=value}."""
    found = []
    if chosen.host is not None or chosen.port is not None:
        from twisted.internet.endpoints import quoteStringArgument

        host = quoteStringArgument(chosen.host or "127.0.0.1")
        port = 8000 if chosen.port is None else chosen.port
        found.append(f"server.listen=tcp:{port}:interface={host}")
    for name, key in _KEYS.items():
        value = getattr(chosen, name)
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            found.append(f"{key}={text}")
    return found
