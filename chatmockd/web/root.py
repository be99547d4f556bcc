"""The root of the site: a short way for turns, and Klein for everything else."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from klein.resource import KleinResource
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from chatmockd.errors import ChatmockdError
from chatmockd.web.guard import GuardedRequest

Answering = Callable[[GuardedRequest], Coroutine[Deferred[Any], Any, bytes | None]]


class Root(Resource):
    """
    Answers what carries turns by a look into a table.

    Klein's router, with its mapper, its two C{notifyFinish} and its six callbacks, took
    a third of the time of a short turn. It has the same routes, and so the last word on
    paths and methods which are not in the table.
    """

    isLeaf = True

    def __init__(
        self, klein: KleinResource, turns: Mapping[tuple[bytes, bytes], Answering]
    ) -> None:
        """
        @param turns: What answers, by method and path. It returns the body, or None
            when it has written one; a L{ChatmockdError} it raises is the answer.
        """
        super().__init__()
        self._klein = klein
        self._turns = turns

    def render(self, request: GuardedRequest) -> Any:
        """Answer C{request}, at once or later."""
        answering = self._turns.get((request.method, request.path))
        if answering is None:
            return self._klein.render(request)
        answered = Deferred.fromCoroutine(answering(request))
        # Harmless when it has fired, as it has when the answer has been written.
        request.on_end(answered.cancel)
        answered.addCallbacks(
            _write, _refuse, callbackArgs=(request,), errbackArgs=(request,)
        )
        answered.addErrback(request.processingFailed)
        return NOT_DONE_YET


def _write(body: bytes | None, request: GuardedRequest) -> None:
    if not request.gone:
        if body is not None:
            request.channel.hold()
            request.write(body)
        request.finish()


def _refuse(failure: Failure, request: GuardedRequest) -> None:
    if isinstance(failure.value, ChatmockdError):
        request.refuse(failure.value)
    elif not failure.check(CancelledError):
        # A cancelled one has nobody left to answer.
        request.processingFailed(failure)
