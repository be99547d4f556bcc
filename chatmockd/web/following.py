"""How a request is answered with a turn: as a stream or as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from chatmockd.core.create import Create
from chatmockd.core.outcome import Completed, Failed, Outcome
from chatmockd.core.view import View
from chatmockd.printable import printable
from chatmockd.pulse import Pulse
from chatmockd.settings import Settings
from chatmockd.turns.replay import Replay
from chatmockd.turns.running import Deliver, RunningTurn
from chatmockd.web.guard import GuardedRequest
from chatmockd.web.relay import RateHeaders, Relay, Source, no_rate_headers


class Following:
    """Answers requests with turns that run, or ran."""

    _log = Logger()

    def __init__(
        self,
        settings: Settings,
        pulse: Pulse,
        rate_headers: RateHeaders = no_rate_headers,
    ) -> None:
        """
        @param rate_headers: What to say in the head of an answer about what the account
            may still use.
        """
        self._pulse = pulse
        self._rate_headers = rate_headers
        self._stall_limit = settings.upstream.idle_timeout_s
        self._replays: set[GuardedRequest] = set()

    async def follow(
        self,
        request: GuardedRequest,
        turn: RunningTurn,
        *,
        streaming: bool,
        view: View | None = None,
        from_start: bool = False,
    ) -> bytes | None:
        """
        Answer with a turn that runs.

        @param view: In what words, unless in those of the Responses API.
        @param from_start: With the events that came before, too.
        @return: The JSON body; None when a stream has been written instead.
        @raise ChatmockdError: It failed before anything was written.
        """
        seat = turn.seat()
        relay = self._relay(request, seat, view)
        try:
            if streaming and from_start and view is not None:
                # Who takes up a turn that is there waits for no status.
                relay.deliver([])
            listening = _listening(relay, view) if streaming else _nowhere
            seat.take(listening, from_start=streaming and from_start)
            ended = await turn.when_ended(seat)
            request.remarks += _remarks(turn, streaming)
            outcome = ended.outcome
            error = outcome.error if isinstance(outcome, Failed) else None
            begun = ended.accepted
            if view is not None:
                # It may have had nothing to say yet.
                begun = relay.begun or (ended.accepted and from_start)
            if streaming and (begun or error is None):
                if error is not None:
                    request.remarks.append(printable(str(error)))
                    request.noteworthy = True
                pieces = ended.pieces
                relay.finish(pieces if view is None else view.end(pieces, error))
                return None
            return self._answer_whole(request, outcome, view)
        except CancelledError:
            relay.stopProducing()
            raise
        finally:
            relay.stop()
            seat.abandon()

    def _answer_whole(
        self, request: GuardedRequest, outcome: Outcome, view: View | None
    ) -> bytes:
        """The answer where nothing of it has been written: JSON, or the error."""
        for name, value in self._rate_headers():
            request.responseHeaders.setRawHeaders(name, [value])
        if not isinstance(outcome, Completed):
            raise outcome.error
        response = outcome.response
        return answer_json(request, response if view is None else view.whole(response))

    async def replay(
        self, request: GuardedRequest, packed: bytes, after: int = -1
    ) -> None:
        """
        Answer with the events of a turn that has ended, behind that number.

        @param packed: All of them, as the tree keeps them.
        """
        replay = Replay(self._pulse.clock, packed, after)
        relay = Relay(
            request,
            replay,
            self._pulse,
            self._stall_limit,
            # It has no long silences, and might come in the middle of an event.
            comment=b"",
            rate_headers=self._rate_headers,
        )
        self._replays.add(request)
        try:
            relay.finish(await replay.tell(relay.deliver))
        except CancelledError:
            relay.stopProducing()
            raise
        finally:
            relay.stop()
            replay.abandon()
            self._replays.remove(request)

    def break_off(self) -> None:
        """
        Cut off the clients that still read what a turn said that has ended.

        In no good order: an end would pass for the end of the events, and an error for
        the turn's. From a broken stream a client knows to ask for the rest.
        """
        for request in list(self._replays):
            self._log.info(
                "{request_id}: cut off in a replay", request_id=request.request_id
            )
            request.channel.forceAbortClient()

    def _relay(
        self, request: GuardedRequest, source: Source, view: View | None
    ) -> Relay:
        if view is None:
            return Relay(
                request,
                source,
                self._pulse,
                self._stall_limit,
                rate_headers=self._rate_headers,
            )
        return Relay(
            request,
            source,
            self._pulse,
            self._stall_limit,
            content_type=view.content_type,
            comment=view.comment,
            rate_headers=self._rate_headers,
        )


def answer_json(request: GuardedRequest, body: bytes) -> bytes:
    """Make C{body} the answer."""
    request.setHeader(b"content-type", b"application/json")
    request.setHeader(b"content-length", b"%d" % len(body))
    return body


def tell_adjustments(
    request: GuardedRequest,
    create: Create,
    names: Mapping[str, str] = MappingProxyType({}),
    left_out: Sequence[str] = (),
) -> None:
    """
    Say what was changed: to the client, and to the log.

    @param names: What the client calls fields, where it is not what the upstream does.
    @param left_out: What the client asked for, and the upstream was not.
    """
    if create.adjusted or left_out:
        changed = {names.get(name, name) for name in create.adjusted}
        told = ", ".join(sorted(changed.union(left_out)))
        request.setHeader("x-chatmockd-adjusted", told)
        request.remarks.append(f"profile changed {told}")
        request.noteworthy = True


def session_of(request: GuardedRequest) -> str | None:
    """What the client calls its conversation, if it says so in a header."""
    for name in (b"X-Session-Id", b"Session_id"):
        values = request.sent.get(name)
        if values:
            return values[0].decode("latin-1").strip() or None
    return None


def _listening(relay: Relay, view: View | None) -> Deliver:
    """Who brings a turn's events to C{relay}, in the words of C{view}."""
    if view is None:
        return relay.deliver

    def deliver(pieces: list[bytes]) -> None:
        said = view.stream(pieces)
        if said:
            relay.deliver(said)

    return deliver


def _nowhere(pieces: list[bytes]) -> None:
    """What becomes of events when the client wants JSON."""


def _remarks(turn: RunningTurn, streaming: bool) -> list[str]:
    """What the log says of the turn; no payload, and no names but the response's."""
    events = turn.turn.events if turn.turn is not None else 0
    remarks = [*turn.remarks, f"{events} events" if streaming else "JSON"]
    if turn.response_id is not None:
        remarks.append(printable(turn.response_id))
    return remarks
