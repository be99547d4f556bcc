"""C{POST /v1/responses}: one request, one turn, answered as a stream or as JSON."""

from __future__ import annotations

from hashlib import sha256

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from chatmockd.config import Settings
from chatmockd.core.create import Create, read_create
from chatmockd.core.failure import refused
from chatmockd.core.resumption import Resumption
from chatmockd.core.snapshot import problem_of
from chatmockd.core.turn import Completed, Failed
from chatmockd.errors import (
    IdempotencyMismatch,
    IdempotencyUnknown,
    InvalidRequest,
    ResponseCancelled,
)
from chatmockd.printable import printable
from chatmockd.pulse import Pulse
from chatmockd.store.contract import Record
from chatmockd.turns.durable import Asker
from chatmockd.turns.log import unpacked
from chatmockd.turns.registry import OWNER, Turns
from chatmockd.turns.running import RunningTurn
from chatmockd.web.guard import GuardedRequest
from chatmockd.web.relay import Relay

_LONGEST_KEY = 255  # characters


class Responses:
    """Takes the requests for turns."""

    _log = Logger()

    def __init__(self, settings: Settings, turns: Turns, pulse: Pulse) -> None:
        self._turns = turns
        self._pulse = pulse
        self._stall_limit = settings.upstream.idle_timeout_s

    async def create(self, request: GuardedRequest) -> bytes | None:
        """
        Carry out one turn.

        @return: The JSON body; None when a stream has been written instead.
        @raise ChatmockdError: Before anything was written.
        """
        body = request.body()
        turns = self._turns
        keeps = turns.tree is not None
        create = read_create(body, turns.upstream.profile, keeps=keeps)
        self._tell_adjustments(request, create)
        asker = Asker(OWNER)
        if keeps:
            asker = _asker(request, body)
            running = turns.keyed(asker)
            if running is None and asker.key is not None:
                record = await self._repeated(asker)
                # Somebody may have begun it meanwhile.
                running = turns.keyed(asker)
                if record is not None and running is None:
                    return await self._replay(request, create, record)
            if running is not None:
                return await self._attach(request, create, running)
        turn = turns.begin(create, request.request_id, asker)
        if create.background and not create.streaming:
            return await self._answer_at_once(request, turn)
        return await self.follow(request, turn, streaming=create.streaming)

    async def follow(
        self,
        request: GuardedRequest,
        turn: RunningTurn,
        *,
        streaming: bool,
        after: int | None = None,
    ) -> bytes | None:
        """
        Answer with a turn that runs.

        @param after: Begin behind the event of this number, instead of with the next
            one that comes.
        @return: See L{create}.
        @raise ChatmockdError: It failed before anything was written.
        """
        seat = turn.seat()
        relay = Relay(request, seat, self._pulse, self._stall_limit)
        resumption = None if after is None else Resumption(after)

        def deliver_rest(pieces: list[bytes]) -> None:
            assert resumption is not None
            rest = resumption.rest(pieces)
            if rest:
                relay.deliver(rest)

        try:
            if not streaming:
                seat.take(_nowhere)
            elif resumption is None:
                seat.take(relay.deliver)
            else:
                seat.take(deliver_rest, from_start=True)
            ended = await turn.when_ended(seat)
            outcome = ended.outcome
            request.remarks += _remarks(turn, streaming)
            if streaming and (ended.accepted or isinstance(outcome, Completed)):
                if isinstance(outcome, Failed):
                    request.remarks.append(printable(str(outcome.error)))
                    request.noteworthy = True
                pieces = ended.pieces
                relay.finish(resumption.rest(pieces) if resumption else pieces)
                return None
            if not isinstance(outcome, Completed):
                raise outcome.error
            return answer_json(request, outcome.response)
        except CancelledError:
            relay.stopProducing()
            raise
        finally:
            relay.stop()
            seat.abandon()

    def replay(self, request: GuardedRequest, events: bytes, after: int) -> None:
        """Answer with the events of a turn that has ended, behind that number."""
        relay = Relay(request, _Nothing(), self._pulse, self._stall_limit)
        relay.finish(Resumption(after).rest([events]))

    async def _repeated(self, asker: Asker) -> Record | None:
        """
        What became of an earlier request with the same key.

        @raise IdempotencyMismatch: It had another body.
        @raise IdempotencyUnknown: That is not known.
        """
        assert self._turns.tree is not None and asker.key is not None
        record = await self._turns.tree.keyed(asker.owner, asker.key)
        if record is None:
            return None
        if record.body_hash != asker.body_hash:
            raise IdempotencyMismatch()
        if record.state not in ("completed", "failed", "cancelled"):
            raise IdempotencyUnknown()
        if record.response is None or record.response_id is None:
            raise IdempotencyUnknown()
        return record

    async def _replay(
        self, request: GuardedRequest, create: Create, record: Record
    ) -> bytes | None:
        """The same answer again, without asking the upstream."""
        request.remarks.append("replayed")
        assert self._turns.tree is not None
        if create.streaming:
            events = await self._turns.tree.replayed(OWNER, record)
            if events is not None:
                self.replay(request, unpacked(events), -1)
                return None
        assert record.response is not None
        if record.state == "cancelled":
            raise ResponseCancelled()
        if record.state == "failed":
            raise refused({"error": problem_of(record.response)})
        return answer_json(request, record.response)

    async def _attach(
        self, request: GuardedRequest, create: Create, turn: RunningTurn
    ) -> bytes | None:
        """The answer to the same request, which is under way."""
        request.remarks.append("attached")
        if create.background and not create.streaming:
            return await self._answer_at_once(request, turn)
        after = -1 if create.streaming else None
        return await self.follow(request, turn, streaming=create.streaming, after=after)

    async def _answer_at_once(
        self, request: GuardedRequest, turn: RunningTurn
    ) -> bytes:
        """A background turn, as soon as it is journalled."""
        await turn.when_prepared()
        if isinstance(turn.ended, Failed):
            raise turn.ended.error
        request.remarks.append("background")
        return answer_json(request, self._turns.snapshot(turn))

    def _tell_adjustments(self, request: GuardedRequest, create: Create) -> None:
        if create.adjusted:
            names = ", ".join(create.adjusted)
            request.setHeader("x-chatmockd-adjusted", names)
            request.remarks.append(f"profile changed {names}")
            request.noteworthy = True


def answer_json(request: GuardedRequest, body: bytes) -> bytes:
    """Make C{body} the answer."""
    request.setHeader(b"content-type", b"application/json")
    request.setHeader(b"content-length", b"%d" % len(body))
    return body


class _Nothing:
    """The source of a relay that has all there is."""

    def pause(self) -> None:
        """It brings no more anyway."""

    def resume(self) -> None:
        """There is no more."""

    def abandon(self) -> None:
        """Nothing goes on."""


def _asker(request: GuardedRequest, body: bytes) -> Asker:
    keys = request.requestHeaders.getRawHeaders(b"idempotency-key") or []
    if not keys:
        return Asker(OWNER)
    key = keys[0].decode("latin-1").strip()
    if len(keys) > 1 or not 0 < len(key) <= _LONGEST_KEY:
        raise InvalidRequest(
            f"Idempotency-Key must be one header of 1 to {_LONGEST_KEY} characters.",
            param="Idempotency-Key",
        )
    return Asker(OWNER, key, sha256(body).digest())


def _nowhere(pieces: list[bytes]) -> None:
    """What becomes of events when the client wants JSON."""


def _remarks(turn: RunningTurn, streaming: bool) -> list[str]:
    """What the log says of the turn; no payload, and no names but the response's."""
    events = turn.turn.events if turn.turn is not None else 0
    remarks = [*turn.remarks, f"{events} events" if streaming else "JSON"]
    if turn.response_id is not None:
        remarks.append(printable(turn.response_id))
    return remarks
