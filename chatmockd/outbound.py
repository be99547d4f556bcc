"""The HTTP calls that we make ourselves: tokens, models, and the upstream over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import treq
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.web.client import Agent, ResponseFailed
from twisted.web.http_headers import Headers

_MOST = 16_777_216  # bytes of an answer that is read as a whole


class Unreachable(Exception):
    """No answer came; the message says in which phase, and why."""


@dataclass(frozen=True)
class Answered:
    """
    An answer that was read to its end.

    @ivar headers: With lower-case names; the last one wins.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Outbound(Protocol):
    """Makes HTTP calls."""

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 30,
    ) -> Answered:
        """
        One call, and its whole answer.

        @param timeout: Seconds for all of it.
        @raise Unreachable: There is no whole answer.
        """


class HttpOutbound:
    """L{Outbound} by treq."""

    def __init__(self, reactor: Any) -> None:
        self._client = HTTPClient(Agent(reactor))
        self._reactor = reactor

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 30,
    ) -> Answered:
        """See L{Outbound.call}."""
        try:
            response = await self._client.request(
                method,
                url,
                headers=Headers({n: [v] for n, v in (headers or {}).items()}),
                data=body,
                timeout=timeout,
                allow_redirects=False,
                reactor=self._reactor,
            )
            pieces: list[bytes] = []
            read = 0

            def collect(piece: bytes) -> None:
                nonlocal read
                read += len(piece)
                if read > _MOST:
                    raise Unreachable(f"the answer is longer than {_MOST} bytes")
                pieces.append(piece)

            collecting = treq.collect(response, collect)
            await collecting.addTimeout(timeout, self._reactor)
        except CancelledError:
            raise
        except (ConnectError, DNSLookupError, ResponseFailed, TimeoutError) as problem:
            raise Unreachable(str(problem) or type(problem).__name__) from None
        return Answered(
            response.code,
            {
                name.decode("latin-1").lower(): values[-1].decode("latin-1")
                for name, values in response.headers.getAllRawHeaders()
            },
            b"".join(pieces),
        )
