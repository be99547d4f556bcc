"""The service: listens, serves, and stops in an order that loses nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from types import FrameType

from twisted.application.service import IServiceCollection, Service
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import (
    IListeningPort,
    IReactorTime,
    IStreamServerEndpoint,
)
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized
from twisted.python.failure import Failure

from chatmockd.errors import ShuttingDown
from chatmockd.exposure import is_loopback
from chatmockd.lifeline import notice_the_dead
from chatmockd.turns.registry import Turns
from chatmockd.upstream.leasing import Leasing
from chatmockd.web.app import Api
from chatmockd.web.site import ApiSite

# Seconds for the last bytes to leave, or for a closing handshake; in a hurry, too.
_FLUSH, _QUICK_FLUSH = 5.0, 1.0


class Daemon(Service):
    """
    Everything that runs, and the order in which it ends.

    A C{MultiService} stops all its children at once; here each step needs the one
    before: no new turns, the running ones end, their last bytes leave, and only then
    do the upstream connections close.
    """

    _log = Logger()
    name = "chatmockd"

    def __init__(
        self,
        clock: IReactorTime,
        endpoints: Sequence[IStreamServerEndpoint],
        site: ApiSite,
        api: Api,
        turns: Turns,
        upstream: Leasing,
        *,
        drain_s: float,
        patience: float,
        allow_remote: bool,
        companions: Sequence[Service],
        announce: Callable[[Sequence[IListeningPort]], None],
        watch_signals: Callable[[Callable[[], None]], None],
        ask_to_stop: Callable[[], None],
        observe: Callable[[], ILogObserver] | None = None,
    ) -> None:
        """
        @param drain_s: Seconds for which running turns may go on after L{stopService}.
        @param patience: Seconds for which a client may take nothing of what is sent.
        @param allow_remote: Whether a port may be reachable from other machines.
        @param companions: Services that start before and stop after all else.
        @param announce: Told the ports when clients can come.
        @param watch_signals: Called with what a signal to stop shall do.
        @param ask_to_stop: Has the reactor, and with it this service, stop.
        @param observe: Makes what writes the log, where twistd should not.
        """
        self._clock = clock
        self._endpoints = endpoints
        self._site = site
        self._api = api
        self._turns = turns
        self._upstream = upstream
        self._drain_s = drain_s
        self._patience = patience
        self._allow_remote = allow_remote
        self._companions = companions
        self._announce = announce
        self._watch_signals = watch_signals
        self._ask_to_stop = ask_to_stop
        self._observe = observe
        self._ports: list[IListeningPort] = []
        self._waiting: Deferred[None] | None = None
        self._stopping = False
        self._in_a_hurry = False

    def setServiceParent(self, parent: IServiceCollection) -> None:
        """Be the service of C{parent}, which is an application when twistd calls."""
        super().setServiceParent(parent)
        if self._observe is not None and isinstance(parent, Componentized):
            # Where twistd looks for one before it makes its own.
            parent.setComponent(ILogObserver, self._observe())

    def privilegedStartService(self) -> None:
        """
        Bind the ports, while we may still be root.

        @raise Exception: A port cannot be had. twistd then gives up, with exit status
            1; an endpoint's Deferred alone would only log it and serve nobody.
        """
        super().privilegedStartService()
        for companion in self._companions:
            companion.privilegedStartService()
        for endpoint in self._endpoints:
            failures: list[Failure] = []
            endpoint.listen(self._site).addCallbacks(
                self._ports.append, failures.append
            )
            for failure in failures:
                failure.raiseException()
        for port in self._ports:
            notice_the_dead(port, self._patience)
            host = getattr(port.getHost(), "host", None)
            # systemd may have bound it; the configuration could not tell where.
            if host is not None and not (self._allow_remote or is_loopback(host)):
                raise PermissionError(
                    f"the inherited socket listens on {host}, beyond loopback; set "
                    "server.allow_remote = true if that is meant"
                )

    def startService(self) -> None:
        """Accept clients."""
        super().startService()
        self._watch_signals(self.signalled)
        for companion in self._companions:
            companion.startService()
        self._turns.start()
        self._log.info(
            "serving on {addresses}; {upstream}; process {process}",
            addresses=", ".join(address_of(port.getHost()) for port in self._ports),
            upstream=self._upstream,
            process=os.getpid(),
        )
        self._announce(self._ports)

    async def _stop(self) -> None:
        self._api.stop()
        for port in self._ports:
            await maybeDeferred(port.stopListening)
        self._upstream.stop_leasing()
        self._log.info("stopping; running turns have {s:g} s to end", s=self._drain_s)
        drain = 0 if self._in_a_hurry else self._drain_s
        await self._wait(self._when_idle(), drain)
        self._upstream.break_off(ShuttingDown())
        self._api.break_off()
        flush = _QUICK_FLUSH if self._in_a_hurry else _FLUSH
        await self._wait(self._when_idle(), flush)
        await self._wait(self._site.close_channels(), flush)
        await self._wait(self._upstream.stop(), flush)
        await self._turns.stop()
        for companion in self._companions:
            await maybeDeferred(companion.stopService)
        self._log.info("stopped")

    def _when_idle(self) -> Deferred[None]:
        """Fires when no turn runs, and nobody waits for an answer."""
        return Deferred.fromCoroutine(self._idle())

    async def _idle(self) -> None:
        await self._turns.when_idle()
        await self._api.when_idle()

    def stopService(self) -> Deferred[None]:
        """Stop; fires when the last byte has left."""
        self._stopping = True
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    def signalled(self) -> None:
        """
        SIGTERM or SIGINT: the first stops the daemon, another one hurries it. The
        terminal's end (SIGHUP) stops it, too.

        In a hurry, turns that are still running are ended. Their last bytes get a
        moment to leave all the same; one more signal takes that away as well.
        """
        if not self._stopping:
            self._stopping = True
            self._ask_to_stop()
            return
        self._log.info("stopping at once")
        self._in_a_hurry = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def _wait(self, what: Deferred[None], seconds: float) -> None:
        """Wait for C{what} for so long, or until a signal; then cancel it."""
        expiry = self._clock.callLater(seconds, what.cancel)
        self._waiting = what
        try:
            await what
        except CancelledError:
            pass
        finally:
            self._waiting = None
            if expiry.active():
                expiry.cancel()


def address_of(host: object) -> str:
    """
    Where a port listens, as people write it.

    @param host: What its C{getHost} says.
    """
    if isinstance(host, IPv4Address):
        return f"http://{host.host}:{host.port}"
    if isinstance(host, IPv6Address):
        return f"http://[{host.host}]:{host.port}"
    if isinstance(host, UNIXAddress):
        return f"unix:{os.fsdecode(host.name or b'')}"
    return str(host)


def signals_of(
    call_when_running: Callable[[Callable[[], None]], object],
    call_from_signal: Callable[[Callable[[], None]], object],
) -> Callable[[Callable[[], None]], None]:
    """
    What a L{Daemon} takes for C{watch_signals}, on a real reactor.

    The reactor's own handling of signals makes twistd die of the signal once it has
    stopped (exit status 143 for a stop in perfect order), and of a second signal it
    only complains that it is stopping already.

    @param call_when_running: C{reactor.callWhenRunning}; by then the reactor has
        installed its own.
    @param call_from_signal: C{reactor.callFromThread}.
    """

    def watch(signalled: Callable[[], None]) -> None:
        def caught(number: int, frame: FrameType | None) -> None:
            call_from_signal(signalled)

        def hung_up(number: int, frame: FrameType | None) -> None:
            # The terminal's shell and the system both tell; that is no hurry.
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            call_from_signal(signalled)

        def install() -> None:
            signal.signal(signal.SIGTERM, caught)
            signal.signal(signal.SIGINT, caught)
            if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
                # Neither nohup nor a daemon's log has it.
                signal.signal(signal.SIGHUP, hung_up)

        call_when_running(install)

    return watch
