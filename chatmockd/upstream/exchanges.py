"""The upstream over HTTP: a request for each turn, and nothing between turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import msgspec
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
)
from twisted.web.client import ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse

from chatmockd.account.tokens import Credentials
from chatmockd.core.outcome import Completed, Failed, Outcome
from chatmockd.core.profile import PROFILES, Profile, over_http
from chatmockd.core.proxy import ProxyUnusable
from chatmockd.errors import (
    ChatmockdError,
    NoCapacity,
    PreviousResponseNotFound,
    ShuttingDown,
    UpstreamUnreachable,
)
from chatmockd.network import what_failed
from chatmockd.outbound import innermost
from chatmockd.pulse import Pulse
from chatmockd.settings import Settings
from chatmockd.upload import Body
from chatmockd.upstream.exchange import Exchange, SentInVain, first_bytes
from chatmockd.upstream.handshake import Address, Introduction
from chatmockd.upstream.lease import Lease
from chatmockd.upstream.leasing import Hear

_NOT_CONNECTED = (
    ConnectError,
    ConnectionClosed,
    DNSLookupError,
    SSL.Error,
    TimeoutError,
    VerificationError,
)


class HttpConnections(Protocol):
    """What requests are made with."""

    agent: IAgent

    def close(self) -> Deferred[None]:
        """Close what is kept."""


class _Keyed(msgspec.Struct):
    prompt_cache_key: Any = None


class Exchanges:
    """
    All turns over HTTP.

    Nothing is retained, so there is no tip: each turn brings its whole conversation.
    """

    steers = False

    def __init__(
        self,
        settings: Settings,
        connections: HttpConnections,
        credentials: Credentials,
        pulse: Pulse,
        hear: Hear = lambda signed_in_with, said: None,
    ) -> None:
        """
        @param hear: Told what the account may still use.
        """
        self.profile: Profile = over_http(PROFILES[settings.upstream.profile])
        self._settings = settings.upstream
        self._mode = settings.continuity.mode
        self._most = settings.continuity.max_retained
        self._address = Address.of(settings.upstream_url)
        self._url = self._address.http_url().encode("ascii")
        self._introduction = Introduction.of(settings.upstream)
        self._connections = connections
        self._credentials = credentials
        self._pulse = pulse
        self._hear = hear
        self._signed_in_with: dict[int, Mapping[str, str]] = {}
        self._clock = pulse.clock
        self._leases: dict[Exchange, Lease[Exchange]] = {}
        self._exchanges: dict[Exchange, None] = {}
        self._begun = 0
        self._stopping = False
        self._all_gone: Deferred[None] | None = None

    def __str__(self) -> str:
        return (
            f"profile {self.profile.name}, upstream {self._address} over HTTP, mode "
            f"{self._mode}"
        )

    # See Leasing.

    def counts(self) -> dict[str, int]:
        """How many requests are under way."""
        return {"http": len(self._exchanges)}

    async def lease(self, marker: str | None, request_id: str) -> Lease[Exchange]:
        """
        The right to one request.

        @raise PreviousResponseNotFound: There is a marker, and nobody who knows it.
        """
        if self._stopping:
            raise ShuttingDown()
        if marker is not None:
            raise PreviousResponseNotFound(marker)
        if len(self._leases) >= self._most:
            raise NoCapacity(self._most)
        self._begun += 1
        now = self._pulse.seconds()
        asks = partial(self._ask, self._begun)
        exchange = Exchange(self._begun, str(self._address), asks, self._gone, now=now)
        if not self._exchanges:
            self._pulse.add(self)
        self._exchanges[exchange] = None
        lease = self._leases[exchange] = Lease(
            exchange,
            self,
            request_id,
            reused=False,
            now=now,
            first_event_timeout=self._settings.first_event_timeout_s,
            idle_timeout=self._settings.idle_timeout_s,
        )
        return lease

    def is_idle_tip(self, response_id: str) -> bool:
        """No connection holds any."""
        return False

    def lease_tip(self, response_id: str, request_id: str) -> Lease[Exchange] | None:
        """No connection holds any."""
        if self._stopping:
            raise ShuttingDown()
        return None

    def stop_leasing(self) -> None:
        """Begin no more turns."""
        self._stopping = True

    def break_off(self, error: ChatmockdError) -> None:
        """End every running turn with C{error}."""
        for lease in list(self._leases.values()):
            lease.break_off(error)

    def stop(self) -> Deferred[None]:
        """Close everything; fires when all is closed."""
        self._stopping = True
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for exchange in list(self._exchanges):
            exchange.abort()
        if self._exchanges:
            self._all_gone = Deferred()
            await self._all_gone
        await self._connections.close()

    # What a lease reports.

    def turn_named(self, connection: Exchange, response_id: str) -> None:
        """Nobody can follow up on it here."""

    def limits_told(self, connection: Exchange, frame: bytes) -> None:
        """See L{Lessor.limits_told}."""
        self._hear(self._signed_in_with[connection.number], frame)

    def turn_ended(self, connection: Exchange, outcome: Outcome | None) -> None:
        """See L{Lessor.turn_ended}."""
        self._leases.pop(connection, None)
        told = isinstance(outcome, Completed) or (
            isinstance(outcome, Failed) and outcome.told
        )
        if told:
            connection.end_softly()
        else:
            connection.abort()

    # What an exchange asks and reports.

    def _gone(self, exchange: Exchange) -> None:
        self._exchanges.pop(exchange, None)
        self._signed_in_with.pop(exchange.number, None)
        if not self._exchanges:
            self._pulse.remove(self)
            if self._all_gone is not None:
                gone, self._all_gone = self._all_gone, None
                gone.callback(None)

    def beat(self, now: float) -> None:
        """Look at the clock, for every turn."""
        for lease in list(self._leases.values()):
            lease.beat(now)
        for exchange in list(self._exchanges):
            exchange.beat(now)

    async def _ask(
        self, number: int, body: bytes, moved: Callable[[], None]
    ) -> IResponse:
        """
        See L{chatmockd.upstream.exchange.Asks}.

        @param number: Of the exchange that asks.
        """
        own = self._headers(body)
        credentials = await self._credentials.headers()
        response = await self._request(own | credentials, body, moved)
        if response.code == 401:
            renewed = await self._credentials.renewed(credentials)
            if renewed is not None:
                # So that the connection can serve again.
                await first_bytes(response)
                credentials = renewed
                response = await self._request(own | renewed, body, moved)
        # Others may be signed in by the time this one's events come.
        self._signed_in_with[number] = credentials
        self._hear(
            credentials,
            {
                name.decode("latin-1").lower(): values[-1].decode("latin-1")
                for name, values in response.headers.getAllRawHeaders()
            },
        )
        return response

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {
            **self.profile.http_headers,
            **self._introduction.headers(self.profile),
            "Accept": "text/event-stream",
            "Content-Type": "application/json",
            "User-Agent": self._introduction.user_agent,
        }
        key = msgspec.json.decode(body, type=_Keyed).prompt_cache_key
        if "session-id" in headers and isinstance(key, str) and _is_name(key):
            # Turns of one conversation belong together, on whatever connection.
            headers["session-id"] = key
        return headers

    async def _request(
        self, headers: Mapping[str, str], body: bytes, moved: Callable[[], None]
    ) -> IResponse:
        try:
            # Not by treq: it asks for compressed answers, and an event would wait in a
            # decompressor until the next one comes.
            response: IResponse = await self._connections.agent.request(
                b"POST",
                self._url,
                Headers({name: [value] for name, value in headers.items()}),
                Body(body, moved),
            )
        except (CancelledError, ConnectingCancelledError):
            raise CancelledError from None
        except ProxyUnusable as problem:
            raise self._unreachable("proxy", str(problem)) from None
        except _NOT_CONNECTED as problem:
            raise self._unreachable(*what_failed("connect", problem)) from None
        except ResponseFailed as problem:
            cause = innermost(problem)
            if isinstance(cause, CancelledError):
                raise CancelledError from None
            words = str(cause).rstrip(".") or type(cause).__name__
            raise SentInVain(f"the connection was lost ({words})") from None
        return response

    def _unreachable(self, phase: str, cause: str) -> UpstreamUnreachable:
        return UpstreamUnreachable(str(self._address), phase, cause)


def _is_name(text: str) -> bool:
    """Whether C{text} may stand in a header as a name for something."""
    return 0 < len(text) <= 256 and text.isascii() and text.isprintable()
