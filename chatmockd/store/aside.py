"""Counts on disk what is used by turns that are not kept there."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from chatmockd.core.usage import Usage
from chatmockd.errors import ChatmockdError
from chatmockd.occasion import Occasion
from chatmockd.store.contract import Store


class Aside:
    """
    Writes usage to a store while nobody waits for it.

    As long as one writing takes, what comes is added up, so that many turns cost a
    store on disk no more than it has time for.
    """

    _log = Logger()

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unwritten: dict[tuple[str, str], tuple[float, Usage]] = {}
        self._writing: Deferred[None] | None = None
        self._written = Occasion()

    def add(self, owner: str, model: str, ended: float, usage: Usage) -> None:
        """
        Count what a turn has used.

        @param ended: Unix time. What is written in one go counts for the day of its
            last turn.
        """
        _, before = self._unwritten.get((owner, model), (ended, Usage()))
        self._unwritten[owner, model] = ended, before + usage
        if self._writing is None:
            self._writing = Deferred.fromCoroutine(self._write())
            if self._writing.called:
                self._writing = None

    def when_written(self) -> Deferred[None]:
        """Fires when all of it has been written, or could not be."""
        return succeed(None) if self._writing is None else self._written.wait()

    async def _write(self) -> None:
        while self._unwritten:
            batch, self._unwritten = self._unwritten, {}
            for (owner, model), (ended, usage) in batch.items():
                try:
                    await self._store.add_usage(owner, model, ended, usage)
                except ChatmockdError as problem:
                    self._log.warn("counting usage: {problem}", problem=problem)
                except Exception:
                    # Else nothing would be counted any more, and the end of the
                    # daemon would wait for it.
                    self._log.failure("counting usage")
        self._writing = None
        self._written.happen()
