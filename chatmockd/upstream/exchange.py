"""One turn over HTTP: a request, and the event stream that answers it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol as Receiver
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

from chatmockd.core.sse import EventStream
from chatmockd.errors import ChatmockdError, MalformedFrame, UpstreamRefused
from chatmockd.outbound import collected, cut_off, header_fields, innermost
from chatmockd.upstream.answers import refused_answer
from chatmockd.upstream.connection import MAX_MESSAGE
from chatmockd.upstream.parties import Bearer

_MOST_REASONS = 65_536  # bytes of a refusal that are read
_PATIENCE = 5.0  # seconds from a turn's last event to the end of its stream

# What takes the place of the message's type, which is about WebSockets.
_TYPE = b'{"type":"response.create"'
_STREAM = b'{"stream":true'


class SentInVain(Exception):
    """
    The request went out, perhaps not whole, and no answer came.

    The message says what happened, as a clause.
    """


class Asks(Protocol):
    """Makes the request."""

    def __call__(
        self, body: bytes, moved: Callable[[], None]
    ) -> Coroutine[Deferred[Any], Any, IResponse]:
        """
        Ask, once.

        @param moved: Called whenever some of C{body} has been written.
        @return: The answer, when its head is there.
        @raise ChatmockdError: The upstream could not be asked.
        @raise SentInVain: It was.
        """


class Exchange:
    """
    One turn over HTTP; to its lease, a connection that serves one turn.

    @ivar number: For the log: which one this is, counted from 1.
    """

    _log = Logger()

    held_tip: str | None = None
    is_steered = False
    takes_more = False
    # It knows itself how far its request came.
    is_uploading = False

    def __init__(
        self,
        number: int,
        where: str,
        asks: Asks,
        gone: Callable[[Exchange], None],
        *,
        now: float,
    ) -> None:
        """
        @param where: The upstream's host and port.
        @param gone: Told when there is nothing left of it.
        @param now: Seconds on the clock that L{beat} will tell.
        """
        self.number = number
        self._where = where
        self._asks = asks
        self._tell_gone = gone
        self._now = now
        self._moved = self._arrived = now
        self._bearer: Bearer | None = None
        self._task: Deferred[None] | None = None
        self._stream: _Stream | None = None
        self._events = EventStream(MAX_MESSAGE)
        self._paused = False
        self._ended_at: float | None = None
        self._gone = False

    def __repr__(self) -> str:
        return f"<Exchange {self.number}>"

    # What a lease asks of it.

    @property
    def name(self) -> str:
        """For the log: which one this is."""
        return f"HTTP request {self.number}"

    @property
    def upload_moved(self) -> float:
        """When a part of the request could be written last, in seconds."""
        return self._moved

    @property
    def frame_moved(self) -> float:
        """When the last part came of an event that is not whole yet, in seconds."""
        return self._arrived

    def carry_for(self, bearer: Bearer) -> None:
        """Bring what arrives to C{bearer}."""
        self._bearer = bearer

    def send(self, message: bytes) -> None:
        """Ask."""
        assert message.startswith(_TYPE)
        body = _STREAM + message.removeprefix(_TYPE)
        self._task = Deferred.fromCoroutine(self._ask(body))

    def surplus_received(self, frames: Sequence[bytes]) -> None:
        """Nobody comes after this turn whom they could confuse."""

    def pause(self) -> None:
        """Read no more until L{resume}."""
        if not self._paused:
            self._paused = True
            if self._stream is not None:
                self._stream.pause()

    def resume(self) -> None:
        """Read on."""
        if self._paused:
            self._paused = False
            if self._stream is not None:
                self._stream.resume()

    # What its owner asks of it.

    def end_softly(self) -> None:
        """The turn has ended: leave the stream a moment to end, too."""
        self._bearer = None
        self._ended_at = self._now
        self.resume()

    def abort(self) -> None:
        """Nobody wants what comes: cut it off."""
        self._bearer = None
        if self._stream is not None:
            self._stream.cut()
        elif self._task is not None:
            self._task.cancel()
        else:
            self._end()

    def beat(self, now: float) -> None:
        """Look at the clock."""
        self._now = now
        if self._ended_at is not None and now - self._ended_at >= _PATIENCE:
            self.abort()

    # What the answer brings.

    def bytes_received(self, data: bytes) -> None:
        """Some of the event stream."""
        bearer = self._bearer
        if bearer is None:
            return
        try:
            frames = self._events.feed(data)
        except MalformedFrame as problem:
            bearer.break_off(problem)
            return
        if self._events.is_inside:
            self._arrived = self._now
        if frames:
            bearer.frames_received(frames)

    def stream_ended(self, what: str) -> None:
        """There is no more of it; C{what} says why, as a clause."""
        self._stream = None
        bearer, self._bearer = self._bearer, None
        if bearer is not None:
            bearer.connection_lost(what)
        self._end()

    async def _ask(self, body: bytes) -> None:
        try:
            response = await self._asks(body, self._upload_moved)
            if is_event_stream(response):
                stream = self._stream = _Stream(self)
                response.deliverBody(stream)
                if self._paused and not self._gone:
                    # An answer without a body has ended by now.
                    stream.pause()
                return
            problem: Exception = await self._refusal(response)
        except CancelledError:
            self._end()
            return
        except Exception as unexpected:
            problem = unexpected
        bearer, self._bearer = self._bearer, None
        if bearer is None:
            pass
        elif isinstance(problem, ChatmockdError):
            bearer.refused(problem)
        elif isinstance(problem, SentInVain):
            bearer.connection_lost(str(problem))
        else:
            self._log.failure("{name}: failed", Failure(problem), name=self.name)
            bearer.connection_lost("chatmockd failed to ask it")
        self._end()

    async def _refusal(self, response: IResponse) -> ChatmockdError:
        body = await first_bytes(response)
        headers = header_fields(response)
        if 200 <= response.code < 300:
            kind = headers.get("content-type", "")
            return UpstreamRefused(
                f"The upstream {self._where} answered with {kind[:64]!r} instead of an "
                "event stream.",
                status=502,
                type="upstream_error",
                code="upstream_error",
            )
        return refused_answer(self._where, response.code, headers, body)

    def _upload_moved(self) -> None:
        self._moved = self._now

    def _end(self) -> None:
        if not self._gone:
            self._gone = True
            self._task = None
            self._tell_gone(self)


class _Stream(Receiver):
    """The body of an answer, on its way to an exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def dataReceived(self, data: bytes) -> None:
        self._exchange.bytes_received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        # PotentialDataLoss: its end is the connection's, as with HTTP/1.0.
        if reason.check(ResponseDone, PotentialDataLoss):
            self._exchange.stream_ended("it ended the event stream")
        else:
            problem = reason.value
            cause = innermost(problem) if problem is not None else "no reason"
            words = str(cause).rstrip(".") or type(cause).__name__
            self._exchange.stream_ended(f"the connection was lost ({words})")

    def pause(self) -> None:
        assert self.transport is not None
        self.transport.pauseProducing()  # type: ignore[attr-defined]

    def resume(self) -> None:
        assert self.transport is not None
        self.transport.resumeProducing()  # type: ignore[attr-defined]

    def cut(self) -> None:
        """End the connection."""
        cut_off(self.transport)


def is_event_stream(response: IResponse) -> bool:
    """
    Whether this answer is one that a turn can be read from.

    The ChatGPT backend does not always name the type of what it streams.
    """
    kind = header_fields(response).get("content-type", "text/event-stream").lower()
    return 200 <= response.code < 300 and kind.startswith("text/event-stream")


class _Enough(Exception):
    """No more of a refusal is read."""


async def first_bytes(response: IResponse) -> bytes:
    """The reasons that come with a refusal, as many as anybody would write."""
    pieces: list[bytes] = []

    def collect(piece: bytes) -> None:
        pieces.append(piece)
        if sum(map(len, pieces)) > _MOST_REASONS:
            raise _Enough

    try:
        await collected(response, collect)
    except CancelledError:
        raise
    except Exception:
        # Cut off or too long: what came of it says enough.
        pass
    return b"".join(pieces)[:_MOST_REASONS]
