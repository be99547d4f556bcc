"""What carries one turn's bytes to one HTTP client, no faster than it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from chatmockd.pulse import Pulse
from chatmockd.sending import send_soon, unsent
from chatmockd.web.guard import GuardedRequest

COMMENT_AFTER = 15.0  # seconds of silence
_SMALL = 65_536  # bytes; copying so many costs less than another chunk
_EVENTS = b"text/event-stream; charset=utf-8"
_COMMENT = b": keepalive\n\n"


RateHeaders = Callable[[], Iterable[tuple[bytes, bytes]]]


def no_rate_headers() -> tuple[()]:
    """What there is to say where nothing is known of limits."""
    return ()


class Source(Protocol):
    """Where a relay's bytes come from."""

    def pause(self) -> None:
        """Bring no more until L{resume}; called again and again."""

    def resume(self) -> None:
        """Bring more."""

    def abandon(self) -> None:
        """Nobody wants any more of it."""


@implementer(IPushProducer)
class Relay:
    """
    The stream of one turn to one client.

    The status and the headers leave with the first events, so that until then an error
    can still be answered as one.

    @ivar begun: Something has been written; there is no status any more.
    """

    def __init__(
        self,
        request: GuardedRequest,
        source: Source,
        pulse: Pulse,
        stall_limit: float,
        *,
        content_type: bytes = _EVENTS,
        comment: bytes = _COMMENT,
        rate_headers: RateHeaders = no_rate_headers,
    ) -> None:
        """
        @param stall_limit: Seconds for which a client may read nothing at all while
            there is something to read; 0 waits for ever.
        @param comment: What to write into a long silence; C{b""} writes nothing.
        @param rate_headers: Further headers, known when the head is written.
        """
        self.begun = False
        self._request = request
        self._channel = request.channel
        self._source = source
        self._pulse = pulse
        self._stall_limit = stall_limit
        self._content_type = content_type
        self._comment = comment
        self._rate_headers = rate_headers
        self._now = self._written = pulse.seconds()
        self._stalled_since: float | None = None
        self._unsent = 0
        self._over = False

    def deliver(self, pieces: list[bytes]) -> None:
        """Write server-sent events, as soon as can be."""
        if self._over:
            return
        channel, request = self._channel, self._request
        if not self.begun:
            channel.hold()
            self._write(pieces)
            channel.send_held()
            return
        self._written = self._now
        for piece in pieces:
            if request.chunked and len(piece) < _SMALL:
                # What Request.write comes to once the head is out.
                send_soon(channel.transport, b"%x\r\n%b\r\n" % (len(piece), piece))
            else:
                request.write(piece)

    def finish(self, pieces: list[bytes]) -> None:
        """
        Write the last events, in one go with the end of the response.

        The request is the caller's to finish.
        """
        if not self._over:
            self._channel.hold()
            self._write(pieces)
        self._end()

    def _write(self, pieces: list[bytes]) -> None:
        if not self.begun:
            self._begin()
        self._written = self._now
        if sum(map(len, pieces)) < _SMALL:
            pieces = [b"".join(pieces)]
        for piece in pieces:
            self._request.write(piece)

    def stop(self) -> None:
        """Be done with the request, whatever has become of it; harmless twice."""
        self._end()

    def pauseProducing(self) -> None:
        """The client does not keep up. Called on every write until it does."""
        if self._stalled_since is None:
            self._stalled_since = self._now
        self._source.pause()

    def resumeProducing(self) -> None:
        """The client has taken all there was."""
        self._stalled_since = None
        self._source.resume()

    def stopProducing(self) -> None:
        """The client is gone."""
        if not self._over:
            self._over = True
            self._pulse.remove(self)
            self._source.abandon()

    def beat(self, now: float) -> None:
        """Look at the clock: say something in a long silence, give up a dead client."""
        self._now = now
        if self._stalled_since is not None:
            waiting = unsent(self._channel.transport)
            if waiting != self._unsent:
                self._unsent = waiting
                self._stalled_since = now
            elif 0 < self._stall_limit <= now - self._stalled_since:
                self._request.channel.forceAbortClient()
        elif self._comment and now - self._written >= COMMENT_AFTER:
            self.deliver([self._comment])

    def _begin(self) -> None:
        self.begun = True
        headers = self._request.responseHeaders
        headers.setRawHeaders(b"Content-Type", [self._content_type])
        headers.setRawHeaders(b"Cache-Control", [b"no-cache"])
        for name, value in self._rate_headers():
            headers.setRawHeaders(name, [value])
        self._now = self._pulse.seconds()
        self._request.registerProducer(self, True)
        self._pulse.add(self)

    def _end(self) -> None:
        if not self._over:
            self._over = True
            if self.begun:
                self._pulse.remove(self)
                self._request.unregisterProducer()
