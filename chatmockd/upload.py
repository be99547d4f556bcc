"""The body of an HTTP request on its way out, no faster than the socket takes it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

_PIECE = 65_536  # bytes


@implementer(IBodyProducer)
class Body:
    """
    One body, in pieces.

    treq would read it through a cooperator on the global reactor.

    @ivar length: Its bytes.
    """

    def __init__(self, body: bytes, moved: Callable[[], None]) -> None:
        """@param moved: Called whenever the transport has taken some of it."""
        self.length = len(body)
        self._body = memoryview(body)
        self._moved = moved
        self._consumer: IConsumer | None = None
        self._written: Deferred[None] = Deferred()
        self._paused = False

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Begin to write."""
        self._consumer = consumer
        self.resumeProducing()
        return self._written

    def resumeProducing(self) -> None:
        """The transport takes more."""
        self._paused = False
        self._moved()
        while self._consumer is not None and not self._paused:
            piece, self._body = self._body[:_PIECE], self._body[_PIECE:]
            if piece:
                self._consumer.write(bytes(piece))
            if not self._body:
                self._consumer = None
                self._written.callback(None)

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self._paused = True

    def stopProducing(self) -> None:
        """The transport is gone, or nobody wants it written any more."""
        self._consumer = None
