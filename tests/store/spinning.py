"""Waiting for what needs threads or sockets, in tests that are synchronous."""

from __future__ import annotations

from functools import cache
from time import monotonic
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.selectreactor import SelectReactor
from twisted.python.failure import Failure

T = TypeVar("T")


@cache
def own_reactor() -> SelectReactor:
    """
    A real reactor that is only ours.

    It turns while L{result_of} waits, whichever runner has the global one and whether
    that turns or not.
    """
    reactor = SelectReactor()
    reactor.startRunning(installSignalHandlers=False)
    return reactor


def result_of(deferred: Deferred[T], seconds: float = 10) -> T:
    """What C{deferred} fires with; raises what it fails with."""
    reactor = own_reactor()
    outcome: list[T | Failure] = []
    deferred.addBoth(outcome.append)
    deadline = monotonic() + seconds
    while not outcome:
        if monotonic() > deadline:
            raise TimeoutError(f"nothing came within {seconds} s")
        reactor.doIteration(0.1)
        reactor.runUntilCurrent()
    result = outcome[0]
    if isinstance(result, Failure):
        result.raiseException()
    return result
