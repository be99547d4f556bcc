"""Endpoints that do something on a new transport before its user may have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import TimeoutError as TwistedTimeout
from twisted.internet.interfaces import (
    IAddress,
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer


class Stage(Protocol):
    """
    Has a transport to itself, until it hands that over.

    What is handed over writes to the transport itself; only what arrives keeps coming
    through here, since a transport calls the protocol that it was made with.
    """

    def __init__(self, users: IProtocolFactory, done: Deferred[IProtocol]) -> None:
        """
        @param users: Builds whom the transport is for.
        @param done: Fires with him, or with why he cannot have it.
        """
        self._users = users
        self._done = done
        self._user: Any = None
        self._over = False

    def hand_over(self, rest: bytes = b"") -> None:
        """
        The transport is fit.

        @param rest: What has arrived for its user already.
        """
        if self._over:
            return
        assert self.transport is not None
        self._over = True
        user: Any = self._users.buildProtocol(self.transport.getPeer())
        self._user = user
        user.makeConnection(self.transport)
        # Fired first: whoever asked has things to put in place before bytes come.
        self._done.callback(user)
        if rest:
            user.dataReceived(rest)

    def give_up(self, problem: BaseException) -> None:
        """It never will be."""
        if not self._over:
            self.drop()
            self._done.errback(problem)

    def drop(self) -> None:
        """Nobody wants it any more."""
        self._over = True
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def expired(self, seconds: float) -> BaseException:
        """What to say when it took too long."""
        return TwistedTimeout(string=f"no answer within {seconds:g} s")

    def undone(self, reason: BaseException) -> BaseException:
        """What to say when the transport never was, or is gone."""
        return reason

    def received(self, data: bytes) -> None:
        """Bytes came before the transport was handed over."""

    def dataReceived(self, data: bytes) -> None:
        if self._user is not None:
            self._user.dataReceived(data)
        elif not self._over:
            self.received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._user is not None:
            user, self._user = self._user, None
            user.connectionLost(reason)
        else:
            assert reason.value is not None
            self.give_up(self.undone(reason.value))


class _One(Factory):
    noisy = False

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def buildProtocol(self, addr: IAddress | None) -> Stage:
        return self._stage


@implementer(IStreamClientEndpoint)
class Staged:
    """An endpoint whose transports go through a stage first."""

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        make: Callable[[IProtocolFactory, Deferred[IProtocol]], Stage],
        clock: IReactorTime,
        timeout: float,
    ) -> None:
        """@param timeout: Seconds for all of it, from dialling to handing over."""
        self._endpoint = endpoint
        self._make = make
        self._clock = clock
        self._timeout = timeout

    def connect(self, users: IProtocolFactory) -> Deferred[IProtocol]:
        """See L{IStreamClientEndpoint.connect}; cancelling leaves nothing behind."""

        def end(_: object = None) -> None:
            stage.drop()
            attempt.cancel()

        def expire() -> None:
            stage.give_up(stage.expired(self._timeout))
            attempt.cancel()

        def failed(reason: Failure) -> None:
            assert reason.value is not None
            stage.give_up(stage.undone(reason.value))

        def stop_waiting(result: Any) -> Any:
            if expiry.active():
                expiry.cancel()
            return result

        done: Deferred[IProtocol] = Deferred(end)
        stage = self._make(users, done)
        attempt: Deferred[Any] = self._endpoint.connect(_One(stage))
        # Behind those of the attempt, which knows better how far it came.
        expiry = self._clock.callLater(self._timeout, expire)
        result = done.addBoth(stop_waiting)
        attempt.addErrback(failed)
        return result


@implementer(IHandshakeListener)
class TlsStage(Stage):
    """
    Waits until the certificate has been found good.

    TLS reports a transport as soon as TCP has one. Who writes a request into that
    cannot tell later whether any of it was sent.
    """

    def handshakeCompleted(self) -> None:
        self.hand_over()

    def expired(self, seconds: float) -> BaseException:
        if self.transport is None:
            return super().expired(seconds)
        return TlsTimeout(string=f"no answer within {seconds:g} s")


class TlsTimeout(TwistedTimeout):
    """TCP was there in time, and TLS was not."""
