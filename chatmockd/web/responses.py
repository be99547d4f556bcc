"""C{POST /v1/responses}: one request, one turn, answered as a stream or as JSON."""

from __future__ import annotations

from hashlib import sha256

from chatmockd.core.create import Create, check_create, decode_object
from chatmockd.core.defaults import RequestDefaults
from chatmockd.core.failure import recorded, refused
from chatmockd.core.outcome import Failed
from chatmockd.core.snapshot import problem_of
from chatmockd.errors import (
    IdempotencyMismatch,
    IdempotencyUnknown,
    InvalidRequest,
    ResponseCancelled,
)
from chatmockd.store.contract import Record
from chatmockd.turns.durable import Asker
from chatmockd.turns.log import last_event
from chatmockd.turns.registry import OWNER, Turns
from chatmockd.turns.running import RunningTurn
from chatmockd.web.following import (
    Following,
    answer_json,
    session_of,
    tell_adjustments,
)
from chatmockd.web.guard import GuardedRequest

_LONGEST_KEY = 255  # characters


class Responses:
    """Takes the requests for turns."""

    def __init__(
        self, turns: Turns, following: Following, defaults: RequestDefaults
    ) -> None:
        self._turns = turns
        self._following = following
        self._defaults = defaults

    async def create(self, request: GuardedRequest) -> bytes | None:
        """
        Carry out one turn.

        @return: The JSON body; None when a stream has been written instead.
        @raise ChatmockdError: Before anything was written.
        """
        body = request.body()
        turns = self._turns
        keeps = turns.tree is not None
        fields = decode_object(body)
        request.remarks += self._defaults.complete(fields, session_of(request))
        create = check_create(fields, turns.upstream.profile, keeps=keeps)
        tell_adjustments(request, create)
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
        return await self._following.follow(request, turn, streaming=create.streaming)

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
        packed = None
        if create.streaming or record.state == "failed":
            packed = await self._turns.tree.replayed(OWNER, record)
        if create.streaming and packed is not None:
            await self._following.replay(request, packed)
            return None
        assert record.response is not None
        if record.state == "cancelled":
            raise ResponseCancelled()
        if record.state == "failed":
            error = None if packed is None else recorded(last_event(packed))
            if error is None:
                error = refused({"error": problem_of(record.response)})
            # With this key it will never be anything else.
            error.should_retry = False
            raise error
        return answer_json(request, record.response)

    async def _attach(
        self, request: GuardedRequest, create: Create, turn: RunningTurn
    ) -> bytes | None:
        """The answer to the same request, which is under way."""
        request.remarks.append("attached")
        if create.background and not create.streaming:
            return await self._answer_at_once(request, turn)
        return await self._following.follow(
            request, turn, streaming=create.streaming, from_start=create.streaming
        )

    async def _answer_at_once(
        self, request: GuardedRequest, turn: RunningTurn
    ) -> bytes:
        """A background turn, as soon as it is journalled."""
        await turn.when_prepared()
        if isinstance(turn.ended, Failed):
            raise turn.ended.error
        request.remarks.append("background")
        return answer_json(request, self._turns.snapshot(turn))


def _asker(request: GuardedRequest, body: bytes) -> Asker:
    keys = request.sent.get(b"Idempotency-Key")
    if not keys:
        return Asker(OWNER)
    key = keys[0].decode("latin-1").strip()
    if len(keys) > 1 or not 0 < len(key) <= _LONGEST_KEY:
        raise InvalidRequest(
            f"Idempotency-Key must be one header of 1 to {_LONGEST_KEY} characters.",
            param="Idempotency-Key",
        )
    return Asker(OWNER, key, sha256(body).digest())
