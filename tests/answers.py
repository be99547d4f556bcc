"""The rest of the Web, as our own calls find it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from chatmockd.outbound import Answered, Unreachable


@dataclass(frozen=True)
class Called:
    """One call that was made."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body or b"")


class Answers:
    """
    An L{chatmockd.outbound.Outbound} that answers what it has been told to.

    @ivar calls: What was asked, oldest first.
    @ivar answers: What to answer, given one after the other; an exception is raised.
    """

    def __init__(self) -> None:
        self.calls: list[Called] = []
        self.answers: list[Answered | Exception | Deferred[Answered]] = []

    def will(
        self,
        status: int = 200,
        body: bytes | str = b"",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer one more call like this."""
        body = body.encode() if isinstance(body, str) else body
        self.answers.append(Answered(status, headers or {}, body))

    def will_wait(self) -> Deferred[Answered]:
        """Answer one more call when the Deferred fires."""
        answered: Deferred[Answered] = Deferred()
        self.answers.append(answered)
        return answered

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 30,
    ) -> Answered:
        """See L{chatmockd.outbound.Outbound.call}."""
        self.calls.append(Called(method, url, dict(headers or {}), body))
        if not self.answers:
            raise Unreachable("connect: there is nobody")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Deferred):
            return await answer
        return answer
