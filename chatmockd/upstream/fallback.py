"""Over WebSockets, until the upstream wants HTTP: C{upstream.fallback = "http"}."""

from __future__ import annotations

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from chatmockd.core.profile import Profile
from chatmockd.errors import ChatmockdError
from chatmockd.upstream.handshake import UpgradeToHttp
from chatmockd.upstream.lease import AnyLease
from chatmockd.upstream.leasing import Leasing


class Fallback:
    """
    Goes over to HTTP, once and for good, when an upgrade is refused with 426.

    That status is the upstream's own word for it. Any other trouble with WebSockets is
    told to the client, and not papered over with a slower way.
    """

    _log = Logger()

    def __init__(self, sockets: Leasing, http: Leasing) -> None:
        self._sockets = sockets
        self._http = http
        self._used = sockets

    def __str__(self) -> str:
        return f"{self._used}, HTTP if it says so"

    @property
    def profile(self) -> Profile:
        """The rules of the way that is used now."""
        return self._used.profile

    @property
    def steers(self) -> bool:
        """Whether a running turn can be added to."""
        return self._used.steers

    def counts(self) -> dict[str, int]:
        """What both have."""
        return self._sockets.counts() | self._http.counts()

    async def lease(self, marker: str | None, request_id: str) -> AnyLease:
        """
        A lease of the one that is used; nothing was sent where that changes.

        @raise ChatmockdError: There is none to be had.
        """
        try:
            return await self._used.lease(marker, request_id)
        except UpgradeToHttp as problem:
            if self._used is self._sockets:
                self._used = self._http
                self._log.warn(
                    "{problem} From now on it is called over HTTP (upstream.fallback), "
                    "until the daemon is started again.",
                    problem=problem,
                )
        return await self._http.lease(marker, request_id)

    def is_idle_tip(self, response_id: str) -> bool:
        """Whether an idle connection holds the state of this response."""
        return self._used.is_idle_tip(response_id)

    def lease_tip(self, response_id: str, request_id: str) -> AnyLease | None:
        """The idle connection that holds the state of this response, if any."""
        return self._used.lease_tip(response_id, request_id)

    def stop_leasing(self) -> None:
        """Begin no more turns."""
        self._sockets.stop_leasing()
        self._http.stop_leasing()

    def break_off(self, error: ChatmockdError) -> None:
        """End every running turn with C{error}."""
        self._sockets.break_off(error)
        self._http.break_off(error)

    def stop(self) -> Deferred[None]:
        """Close everything; fires when all transports are gone."""
        both = gatherResults([self._sockets.stop(), self._http.stop()])
        return both.addCallback(lambda _: None)
