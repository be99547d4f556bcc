"""Opens, retains, evicts and counts the upstream connections."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from autobahn.twisted.websocket import WebSocketClientFactory
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IAddress, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from chatmockd.account.tokens import Credentials
from chatmockd.core.frame import head_of
from chatmockd.core.outcome import Completed, Failed, Outcome
from chatmockd.core.profile import PROFILES
from chatmockd.core.retention import Retention
from chatmockd.core.turn import RATE_LIMITS, is_hidden
from chatmockd.errors import (
    ChatmockdError,
    MalformedFrame,
    PreviousResponseNotFound,
    ShuttingDown,
    UpstreamRefused,
)
from chatmockd.exposure import is_loopback
from chatmockd.printable import printable
from chatmockd.pulse import Pulse
from chatmockd.settings import Settings
from chatmockd.upstream.adapter import UpstreamProtocol, shared_factory
from chatmockd.upstream.connection import MAX_MESSAGE, Connection
from chatmockd.upstream.handshake import Address, Introduction, upgrade_request
from chatmockd.upstream.lease import Lease
from chatmockd.upstream.leasing import Hear

_T = TypeVar("_T")

# Seconds of sleep after which connections are doubted.
_DOUBTFUL = 30.0


class _Dial(Factory):
    """Builds the one protocol of one connection."""

    noisy = False

    def __init__(self, shared: WebSocketClientFactory, connection: Connection) -> None:
        self._shared = shared
        self._connection = connection

    def buildProtocol(self, addr: IAddress | None) -> UpstreamProtocol:
        protocol = UpstreamProtocol(self._connection)
        protocol.factory = self._shared
        return protocol


class UpstreamFactory:
    """
    All connections to the upstream.

    What may be used for what is decided in L{Retention}; here it is done.
    """

    _log = Logger()
    steers = True

    def __init__(
        self,
        settings: Settings,
        endpoint: IStreamClientEndpoint,
        credentials: Credentials,
        pulse: Pulse,
        hear: Hear = lambda signed_in_with, said: None,
    ) -> None:
        """
        @param hear: Told what the account may still use.
        """
        self.profile = PROFILES[settings.upstream.profile]
        self._settings = settings.upstream
        self._mode = settings.continuity.mode
        self._retains = self._mode != "off"
        self._address = Address.of(settings.upstream_url)
        self._introduction = Introduction.of(settings.upstream)
        self._endpoint = endpoint
        self._credentials = credentials
        self._hear = hear
        self._pulse = pulse
        self._clock = pulse.clock
        self._table: Retention[Connection] = Retention(
            max_retained=settings.continuity.max_retained,
            idle_ttl_s=settings.continuity.idle_ttl_s,
            max_age_s=settings.upstream.max_age_s,
        )
        self._shared = shared_factory(MAX_MESSAGE)
        self._connections: dict[Connection, None] = {}
        self._leases: dict[Connection, Lease[Connection]] = {}
        self._asking: dict[Deferred[Any], ChatmockdError | None] = {}
        self._opened = 0
        self._slept = 0.0
        self._stopping = False
        self._all_gone: Deferred[None] | None = None

        if not (self._address.secure or is_loopback(self._address.host)):
            self._log.warn(
                "the way to {address} is not encrypted: credentials and conversations "
                "travel in the clear",
                address=self._address,
            )

    def __str__(self) -> str:
        return (
            f"profile {self.profile.name}, upstream {self._address}, mode {self._mode}"
        )

    def counts(self) -> dict[str, int]:
        """How many connections there are, by state; see L{Retention.counts}."""
        return self._table.counts()

    async def lease(self, marker: str | None, request_id: str) -> Lease[Connection]:
        """
        A connection for one turn.

        @param marker: The response it follows up on; None begins a conversation.
        @param request_id: Whose turn it is, for the log.
        @raise ChatmockdError: There is none to be had; nothing was sent.
        """
        if self._stopping:
            raise ShuttingDown()
        if marker is not None:
            return self._follow_up(marker, request_id)
        headers = await self._signed_in(self._credentials.headers())
        renewed = False
        while True:
            if self._stopping:
                raise ShuttingDown()
            spare, evicted = self._table.reserve()
            for connection in evicted:
                self._log.info(
                    "{request_id}: evicts {connection}",
                    request_id=request_id,
                    connection=connection,
                )
                connection.close()
            if spare is None:
                try:
                    return await self._open(headers, request_id)
                except UpstreamRefused as refusal:
                    if refusal.status != 401 or renewed:
                        raise
                    others = await self._signed_in(self._credentials.renewed(headers))
                    if others is None:
                        raise
                headers, renewed = others, True
                continue
            fit = spare.signed_in_with(headers) and not spare.is_doubtful
            if fit and spare.lease():
                return self._lease_of(spare, request_id, reused=True)
            self._drop(spare)

    def is_idle_tip(self, response_id: str) -> bool:
        """Whether an idle connection holds the state of this response."""
        return self._table.is_idle_tip(response_id)

    def lease_tip(self, response_id: str, request_id: str) -> Lease[Connection] | None:
        """
        The idle connection that holds the state of this response, if there is one.

        @raise ShuttingDown: No more turns are begun.
        """
        if self._stopping:
            raise ShuttingDown()
        connection = self._table.take_tip(response_id)
        if connection is None:
            return None
        if connection.is_doubtful:
            # Of what is sent into a dead one, nobody can tell whether it arrived.
            self._log.info(
                "{request_id}: {connection} answers no ping, and is dropped",
                request_id=request_id,
                connection=connection,
            )
            self._drop(connection)
            return None
        if not connection.lease():
            self._table.forget(connection)
            return None
        return self._lease_of(connection, request_id, reused=True)

    def stop_leasing(self) -> None:
        """Begin no more turns, and close what no turn uses."""
        self._stopping = True
        for connection in self._table.idle():
            self._drop(connection)

    def break_off(self, error: ChatmockdError) -> None:
        """End every running turn with C{error}, and every attempt to connect."""
        for lease in list(self._leases.values()):
            lease.break_off(error)
        for connection in list(self._connections):
            connection.refuse(error)
        for asking in list(self._asking):
            self._asking[asking] = error
            asking.cancel()

    def stop(self) -> Deferred[None]:
        """Close everything; fires when all transports are gone."""
        self.stop_leasing()
        for connection in list(self._connections):
            self._drop(connection)
        gone: Deferred[None] = Deferred()
        if self._connections:
            self._all_gone = gone
        else:
            gone.callback(None)
        return gone

    def _follow_up(self, marker: str, request_id: str) -> Lease[Connection]:
        connection = self._table.follow_up(marker)
        if not connection.lease():
            self._table.forget(connection)
            raise PreviousResponseNotFound(marker)
        return self._lease_of(connection, request_id, reused=True)

    async def _signed_in(self, credentials: Coroutine[Any, Any, _T]) -> _T:
        """Wait for credentials, which may take a call to who issues them."""
        asking: Deferred[_T] = Deferred.fromCoroutine(credentials)
        self._asking[asking] = None
        try:
            return await asking
        except CancelledError:
            broken_off = self._asking[asking]
            if broken_off is None:
                raise
            raise broken_off from None
        finally:
            del self._asking[asking]

    async def _open(
        self, headers: dict[str, str], request_id: str
    ) -> Lease[Connection]:
        self._opened += 1
        connection = Connection(
            self._opened,
            self._address,
            upgrade_request(self._address, self.profile, headers, self._introduction),
            self,
            now=self._pulse.seconds(),
            ping_interval=self._settings.ping_interval_s,
        )
        if not self._connections:
            self._pulse.add(self)
        self._connections[connection] = None
        seconds = self._settings.connect_timeout_s
        # First, since what has as long and is on its way knows better how far it came.
        dial = _Dial(self._shared, connection)
        connection.dial(maybeDeferred(self._endpoint.connect, dial))
        expiry = self._clock.callLater(seconds, connection.attempt_expired, seconds)
        try:
            await connection.opened
        except BaseException:
            self._table.not_opened()
            raise
        finally:
            if expiry.active():
                expiry.cancel()
            if connection.reply:
                self._hear(headers, connection.reply)
        self._table.opened(connection, self._clock.seconds())
        return self._lease_of(connection, request_id, reused=False)

    def _lease_of(
        self, connection: Connection, request_id: str, *, reused: bool
    ) -> Lease[Connection]:
        lease = self._leases[connection] = Lease(
            connection,
            self,
            request_id,
            reused=reused,
            now=self._pulse.seconds(),
            first_event_timeout=self._settings.first_event_timeout_s,
            idle_timeout=self._settings.idle_timeout_s,
        )
        return lease

    def _drop(self, connection: Connection, *, abort: bool = False) -> None:
        self._table.forget(connection)
        connection.close(abort=abort)

    # What a lease reports.

    def turn_named(self, connection: Connection, response_id: str) -> None:
        """See L{Lessor.turn_named}."""
        connection.held_tip = response_id
        if self._retains:
            self._table.running(connection, response_id)

    def limits_told(self, connection: Connection, frame: bytes) -> None:
        """See L{Lessor.limits_told}."""
        self._hear(connection.request.headers, frame)

    def turn_ended(self, connection: Connection, outcome: Outcome | None) -> None:
        """See L{Lessor.turn_ended}."""
        self._leases.pop(connection, None)
        usable = self._retains and not self._stopping
        usable = usable and not (connection.is_uploading or connection.is_steered)
        now = self._clock.seconds()
        if usable and isinstance(outcome, Completed) and outcome.response_id:
            connection.held_tip = outcome.response_id
            connection.release()
            for other in self._table.keep(connection, outcome.response_id, now):
                other.close()
        elif usable and self._survives(outcome):
            connection.release()
            for other in self._table.set_spare(connection, now):
                other.close()
        else:
            # After an error the ChatGPT backend reads no more, so it would not answer
            # a close frame either.
            deaf = isinstance(outcome, Failed) and self.profile.error_ends_connection
            self._drop(connection, abort=deaf)

    def _survives(self, outcome: Outcome | None) -> bool:
        """Whether a failed turn left its connection fit for a new conversation."""
        return (
            isinstance(outcome, Failed)
            and outcome.rejected
            and not self.profile.error_ends_connection
        )

    # What a connection reports.

    def idle_frames_received(
        self, connection: Connection, frames: Sequence[bytes]
    ) -> None:
        """Drop a connection that speaks of a turn while it has none."""
        for frame in frames:
            try:
                kind = head_of(frame).type
            except MalformedFrame:
                kind = "(malformed)"
            if kind == RATE_LIMITS:
                self.limits_told(connection, frame)
            if not is_hidden(kind):
                self._log.info(
                    "{connection}: dropped, it sent {kind} while idle",
                    connection=connection,
                    kind=printable(kind),
                )
                self._drop(connection)
                return

    def connection_unusable(self, connection: Connection, what: str) -> None:
        """Forget a retained connection that has ended."""
        self._log.info(
            "{connection}: ended while idle: {what}",
            connection=connection,
            what=printable(what),
        )
        self._table.forget(connection)

    def connection_gone(self, connection: Connection) -> None:
        """Count it no more."""
        self._table.forget(connection)
        self._connections.pop(connection, None)
        if not self._connections:
            self._pulse.remove(self)
            if self._all_gone is not None:
                gone, self._all_gone = self._all_gone, None
                gone.callback(None)

    def beat(self, now: float) -> None:
        """Look at the clock, for every connection and every turn."""
        time = self._clock.seconds()
        for connection in self._table.expire(time):
            self._log.info("{connection}: idle too long, or old", connection=connection)
            connection.close()
        slept, self._slept = time - now - self._slept, time - now
        if slept >= _DOUBTFUL:
            self._woken()
        for lease in list(self._leases.values()):
            lease.beat(now)
        for connection in list(self._connections):
            connection.beat(now)

    def _woken(self) -> None:
        """Who was there before we slept may have gone, without our hearing of it."""
        if self._mode == "durable":
            # Nothing is lost with them, and whoever asks next need not find out.
            for connection in self._table.idle():
                self._log.info("{connection}: idle in a sleep", connection=connection)
                self._drop(connection)
        for connection in self._connections:
            connection.doubt()
