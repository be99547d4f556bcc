"""Runs a command on the reactor, and ends with its status."""

from __future__ import annotations

import signal
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

from rich.console import Console
from twisted.internet.defer import CancelledError, Deferred

from chatmockd.commands.saying import say
from chatmockd.commands.status import FAILED, INTERRUPTED, status_of
from chatmockd.printable import printable

Command = Callable[[Any], Coroutine[Any, Any, int]]


def run(command: Command, errors: Console) -> int:
    """
    Run it to its end, or until SIGINT or SIGTERM.

    What C{twisted.internet.task.react} would do, without its tracebacks, and with an
    interruption that lets the command clean up.

    @param command: Gets the reactor, comes to an exit status.
    @param errors: Where it is told what went wrong.
    """
    from twisted.internet import reactor as _reactor

    reactor: Any = _reactor
    signals: list[int] = []
    statuses: list[int] = []
    running: list[Deferred[None]] = []

    async def ending() -> None:
        try:
            statuses.append(await command(reactor))
        except Exception as problem:
            if not (signals and isinstance(problem, CancelledError)):
                statuses.append(told(problem, errors))
        finally:
            reactor.stop()

    def begin() -> None:
        # The reactor has installed its own by now, which would only stop it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, caught)
        running.append(Deferred.fromCoroutine(ending()))

    def caught(number: int, frame: FrameType | None) -> None:
        signals.append(number)
        reactor.callFromThread(lambda: running[0].cancel())

    reactor.callWhenRunning(begin)
    reactor.run()
    if signals and not statuses:
        if signals[0] == signal.SIGINT:
            say(errors, "\nInterrupted.")
            return INTERRUPTED
        return 128 + signals[0]
    return statuses[0]


def told(problem: Exception, errors: Console) -> int:
    """Tell one problem in one line; return the exit status for it."""
    status = status_of(problem)
    if status is None:
        # Ours to mend; no secret is in the name of a type.
        say(errors, f"chatmockd: internal error: {type(problem).__name__}")
        return FAILED
    say(errors, f"chatmockd: {printable(str(problem))}", style="red")
    return status
