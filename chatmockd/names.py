"""The addresses of hosts, and connections to hosts that have several.

The reactor's own resolver has ten threads for all look-ups. A name server that does not
answer keeps each of them for ten seconds and more, long after who asked has given up;
look-ups that would succeed wait in line behind those, and the process does not end
before the line has been worked off (23 s for thirty requests). Nor does it tell a name
that does not exist from a name server that is out of reach.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import DNSLookupError
from twisted.internet.error import TimeoutError as TwistedTimeout
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IReactorPluggableNameResolver,
    IReactorTime,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer

Host = IPv4Address | IPv6Address
Ask = Callable[[str, int], Deferred[list[Host]]]

# Seconds after which a look-up is not counted on any more. It may be waiting for the
# name server of a network that we have left; a new one asks those that there are now.
_STALE = 5.0

_MOST = 4  # look-ups of one name at a time

_UNKNOWN = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class LookupFailed(DNSLookupError):
    """There is no address to be had; the message says why."""


class LookupTimeout(LookupFailed):
    """Nobody has said whether there is one."""


@dataclass
class _Question:
    """
    One name that is being looked up.

    @ivar waiting: Who wants to know.
    @ivar pending: How many look-ups are under way.
    @ivar asked: When the last of them began, in seconds.
    """

    waiting: dict[Deferred[list[Host]], None] = field(default_factory=dict)
    pending: int = 0
    asked: float = 0.0


class Names:
    """Looks up names, once for all who ask at the same time."""

    def __init__(self, clock: IReactorTime, ask: Ask) -> None:
        """
        @param ask: Looks up one name.
        """
        self._clock = clock
        self._ask = ask
        self._questions: dict[tuple[str, int], _Question] = {}

    def look_up(self, host: str, port: int, timeout: float) -> Deferred[list[Host]]:
        """
        The addresses of C{host}; cancelling this leaves those alone who wait as well.

        @param timeout: Seconds.
        @return: Fails with L{LookupFailed}.
        """
        numeric = _numeric(host, port)
        if numeric:
            return succeed(numeric)
        question = self._questions.setdefault((host, port), _Question())
        waiting: Deferred[list[Host]] = Deferred(
            lambda it: question.waiting.pop(it, None)
        )
        question.waiting[waiting] = None
        now = self._clock.seconds()
        if not question.pending or (
            question.pending < _MOST and now - question.asked >= _STALE
        ):
            question.pending += 1
            question.asked = now
            self._ask(host, port).addCallbacks(
                self._found,
                self._failed,
                callbackArgs=(question,),
                errbackArgs=(question,),
            ).addBoth(lambda _: self._forget((host, port), question))

        def too_late(result: object, seconds: float) -> list[Host]:
            raise LookupTimeout(f"no answer within {seconds:g} s")

        if not waiting.called:
            waiting.addTimeout(timeout, self._clock, too_late)
        return waiting

    def _found(self, hosts: list[Host], question: _Question) -> None:
        question.pending -= 1
        for waiting in _all_of(question):
            waiting.callback(list(hosts))

    def _failed(self, reason: Failure, question: _Question) -> None:
        question.pending -= 1
        if question.pending:
            # A later one may know more.
            return
        problem = reason.value
        if isinstance(problem, socket.gaierror):
            words = str(problem.strerror)
            if problem.errno in _UNKNOWN:
                words = "no such host name"
        elif isinstance(problem, UnicodeError):
            words = "this can be no host name"
        else:
            words = str(problem)
        for waiting in _all_of(question):
            waiting.errback(LookupFailed(words))

    def _forget(self, name: tuple[str, int], question: _Question) -> None:
        if not question.pending and self._questions.get(name) is question:
            del self._questions[name]


def _all_of(question: _Question) -> list[Deferred[list[Host]]]:
    """Who waits; they wait no more."""
    waiting, question.waiting = list(question.waiting), {}
    return waiting


def _numeric(host: str, port: int) -> list[Host]:
    """The address that C{host} is; none if it is a name."""
    try:
        return _hosts(_look_up(host, port, socket.AI_NUMERICHOST))
    except (OSError, UnicodeError):
        return []


def _look_up(host: str, port: int, flags: int = 0) -> Sequence[tuple[Any, ...]]:
    return socket.getaddrinfo(
        host, port, socket.AF_UNSPEC, socket.SOCK_STREAM, flags=flags
    )


def _hosts(found: Sequence[tuple[Any, ...]]) -> list[Host]:
    kinds: dict[int, type[Host]] = {
        socket.AF_INET: IPv4Address,
        socket.AF_INET6: IPv6Address,
    }
    return [kinds[entry[0]]("TCP", *entry[4]) for entry in found if entry[0] in kinds]


def in_threads(reactor: Any) -> Ask:
    """
    Ask the system, each time in a thread of its own that the process does not wait for.

    @param reactor: In whose thread the answers are wanted.
    """

    def ask(host: str, port: int) -> Deferred[list[Host]]:
        answer: Deferred[list[Host]] = Deferred()

        def look_up() -> None:
            tell: Callable[[Any], None] = answer.callback
            told: Any
            try:
                told = _hosts(_look_up(host, port))
            except Exception as problem:
                tell, told = answer.errback, problem
            reactor.callFromThread(tell, told)

        try:
            Thread(target=look_up, name=f"look-up of {host}", daemon=True).start()
        except RuntimeError as problem:
            # There can be no more threads.
            answer.errback(problem)
        return answer

    return ask


@implementer(IStreamClientEndpoint)
class NamedEndpoint:
    """Looks a host up, and connects to the first of its addresses that answers."""

    def __init__(
        self, reactor: Any, names: Names, host: str, port: int, timeout: float
    ) -> None:
        """
        @param timeout: Seconds for the look-up, and again for each address.
        """
        self._reactor = reactor
        self._names = names
        self._host = host
        self._port = port
        self._timeout = timeout

    def connect(self, users: IProtocolFactory) -> Deferred[IProtocol]:
        """See L{IStreamClientEndpoint.connect}; cancelling leaves nothing behind."""
        return Deferred.fromCoroutine(self._connect(users))

    async def _connect(self, users: IProtocolFactory) -> IProtocol:
        hosts = await self._names.look_up(self._host, self._port, self._timeout)
        endpoint = HostnameEndpoint(
            _Knowing(self._reactor, hosts), self._host, self._port, self._timeout
        )
        try:
            return await endpoint.connect(users)
        except TwistedTimeout:
            # Its own words are "User timeout caused connection failure".
            words = f"no answer within {self._timeout:g} s"
            raise TwistedTimeout(string=words) from None


@implementer(IReactorPluggableNameResolver, IHostnameResolver, IHostResolution)
class _Knowing:
    """What of a reactor L{HostnameEndpoint} uses, and the addresses that were found."""

    name = ""

    def __init__(self, reactor: Any, hosts: Sequence[Host]) -> None:
        self.connectTCP = reactor.connectTCP
        self.callLater = reactor.callLater
        self.seconds = reactor.seconds
        self.nameResolver = self
        self._hosts = hosts

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Nobody does."""
        raise NotImplementedError

    def cancel(self) -> None:
        """It is over when it begins."""

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """See L{IHostnameResolver.resolveHostName}."""
        resolutionReceiver.resolutionBegan(self)
        for host in self._hosts:
            resolutionReceiver.addressResolved(host)
        resolutionReceiver.resolutionComplete()
        return self
