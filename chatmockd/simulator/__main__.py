"""The simulated upstream on its own: C{python -m chatmockd.simulator}."""

from __future__ import annotations

import argparse
import sys

from chatmockd.simulator.directive import BadDirective, with_settings
from chatmockd.simulator.faults import Faults, names
from chatmockd.simulator.rules import PROFILES


def _arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m chatmockd.simulator",
        description="A Responses server, by WebSocket and HTTP, that answers offline.",
    )
    parser.add_argument("--profile", choices=PROFILES, default="openai")
    parser.add_argument("--port", type=int, default=0, help="0 (default) for any")
    parser.add_argument("--bearer", help="refuse whoever comes without this token")
    parser.add_argument(
        "--accounts",
        action="store_true",
        help="play who signs people in as well, and demand the tokens from there",
    )
    parser.add_argument(
        "--token-lifetime",
        type=float,
        default=864_000,
        metavar="SECONDS",
        help="how long its access tokens are good (default: ten days)",
    )
    parser.add_argument(
        "--faults",
        default="",
        metavar="SETTINGS",
        help="as in a directive, 'close=1011 after=3': " + ", ".join(_every_name()),
    )
    chosen = parser.parse_args(words)
    try:
        chosen.faults = faults_of(chosen.faults)
    except BadDirective as problem:
        parser.error(str(problem))
    return chosen


def faults_of(settings: str) -> Faults:
    """The faults that C{settings} ask for, none of them when it is blank."""
    if not settings.strip():
        return Faults()
    return with_settings(settings, Faults(), turn_only=False)


def _every_name() -> list[str]:
    return names(turn_only=False)


def main() -> None:
    """
    Listen on loopback, print the URL, and serve until interrupted.

    With accounts, the issuer's URL is on the second line.
    """
    chosen = _arguments()

    from twisted.internet import reactor
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    from chatmockd.simulator.accounts import Accounts
    from chatmockd.simulator.origin import Origin

    accounts: Accounts | None = None
    if chosen.accounts:
        accounts = Accounts(reactor.seconds, lifetime=chosen.token_lifetime)
    origin = Origin(
        reactor,
        chosen.profile,
        faults=chosen.faults,
        bearer=chosen.bearer,
        admits=None if accounts is None else accounts.admits,
        accounts=accounts,
    )

    failures: list[str] = []

    def cannot_listen(failure: Failure) -> None:
        failures.append(failure.getErrorMessage())
        reactor.stop()

    async def listen() -> None:
        await origin.listen(reactor, chosen.port)
        lines = [origin.url]
        if accounts is not None:
            lines.append(origin.issuer)
        print("\n".join(lines), flush=True)

    def start() -> None:
        Deferred.fromCoroutine(listen()).addErrback(cannot_listen)

    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", origin.stop)
    reactor.run()
    if failures:
        sys.exit(f"cannot listen: {failures[0]}")


if __name__ == "__main__":
    main()
