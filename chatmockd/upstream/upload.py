"""Sends one long message in fragments, no faster than the socket takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autobahn.twisted.websocket import WebSocketClientProtocol
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from chatmockd.sending import unacknowledged

FRAGMENT = 65_536  # bytes

_TEXT, _CONTINUATION = 1, 0


@implementer(IPushProducer)
class Upload:
    """
    One text message on its way out.

    A conversation of several megabytes, sent as one frame, would stand in the write
    buffer ahead of every pong until the last byte of it has left; the upstream would
    take a slow line for a dead one. Control frames may go between fragments.
    """

    def __init__(
        self,
        protocol: WebSocketClientProtocol,
        message: bytes,
        moved: Callable[[], None],
        done: Callable[[], None],
    ) -> None:
        """
        @param moved: Called whenever the transport has taken some of it.
        @param done: Called when the last fragment has been handed to the transport.
        """
        self._protocol = protocol
        self._message = message
        self._moved = moved
        self._done = done
        self._sent = 0
        self._paused = False
        self._over = False

    def start(self) -> None:
        """Begin to send."""
        self._protocol.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        """The transport takes more."""
        self._paused = False
        self._moved()
        while not self._paused and not self._over:
            fragment = self._message[self._sent : self._sent + FRAGMENT]
            opcode = _CONTINUATION if self._sent else _TEXT
            self._sent += len(fragment)
            last = self._sent >= len(self._message)
            self._protocol.sendFrame(opcode, fragment, fin=last)
            if last:
                self.cancel()
                self._done()

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self._paused = True

    def stopProducing(self) -> None:
        """The transport is gone."""
        self._over = True

    def cancel(self) -> None:
        """Send no more; harmless when it is over."""
        if not self._over:
            self._over = True
            self._protocol.unregisterProducer()


class Tail:
    """
    The rest of a long message, which is in the system's hands.

    At 20 kB/s that takes long enough for a ping behind it to seem unanswered.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._left = unacknowledged(transport)

    def has_moved(self) -> bool:
        """Whether the other side has taken more of it since this was last asked."""
        before = self._left
        if before:
            self._left = min(before, unacknowledged(self._transport))
        return self._left < before
