"""A new connection for a turn, in spite of a network that fails now and then."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from chatmockd.core.retry import RetryBudget, delay, may_help
from chatmockd.errors import UpstreamUnreachable
from chatmockd.upstream.lease import AnyLease
from chatmockd.upstream.leasing import Leasing


class Connecting:
    """Asks for connections, and once more where the first came to nothing."""

    _log = Logger()

    def __init__(
        self, upstream: Leasing, clock: IReactorTime, chance: Callable[[], float]
    ) -> None:
        """
        @param chance: A number from 0 to 1, another one each time.
        """
        self._upstream = upstream
        self._clock = clock
        self._chance = chance
        self._budget = RetryBudget()

    async def lease(self, request_id: str) -> AnyLease:
        """
        A connection that has nothing to follow up on.

        Nothing is sent before there is one, so that a second attempt can do no harm.

        @raise ChatmockdError: There is none to be had.
        """
        began = self._clock.seconds()
        self._budget.asked(began)
        try:
            return await self._upstream.lease(None, request_id)
        except UpstreamUnreachable as problem:
            now = self._clock.seconds()
            quick = may_help(problem.phase, now - began)
            if not (quick and self._budget.take(now)):
                raise
            self._log.info(
                "{request_id}: {problem}; trying once more",
                request_id=request_id,
                problem=problem,
            )
        await deferLater(self._clock, delay(self._chance()))
        return await self._upstream.lease(None, request_id)
