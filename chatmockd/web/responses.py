"""C{POST /v1/responses}: one request, one turn, answered as a stream or as JSON."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from chatmockd.config import Settings
from chatmockd.core.create import Create, read_create
from chatmockd.core.turn import Completed, Failed, Outcome, Turn
from chatmockd.errors import ChatmockdError
from chatmockd.printable import printable
from chatmockd.pulse import Pulse
from chatmockd.upstream.factory import UpstreamFactory
from chatmockd.upstream.lease import Lease
from chatmockd.web.guard import GuardedRequest
from chatmockd.web.relay import Relay


class Responses:
    """Takes the requests for turns."""

    _log = Logger()

    def __init__(
        self, settings: Settings, upstream: UpstreamFactory, pulse: Pulse
    ) -> None:
        self._upstream = upstream
        self._pulse = pulse
        self._retains = settings.continuity.mode == "retained"
        self._backfill_empty = settings.compat.backfill_output == "empty"
        self._stall_limit = settings.upstream.idle_timeout_s

    async def create(self, request: GuardedRequest) -> bytes | None:
        """
        Carry out one turn.

        @return: The JSON body; None when a stream has been written instead.
        @raise ChatmockdError: Before anything was written.
        """
        create = read_create(request.body(), self._upstream.profile)
        self._tell_adjustments(request, create)
        # Without retention there is nothing that a marker could name.
        marker = create.marker if self._retains else None
        message = create.as_frame(marker)
        while True:
            lease = await self._upstream.lease(marker, request.request_id)
            turn = Turn(
                streaming=create.streaming,
                backfill_empty=self._backfill_empty,
                marker=marker,
                held_tip=lease.held_tip,
            )
            relay = Relay(request, lease, self._pulse, self._stall_limit)
            try:
                deliver = relay.deliver if create.streaming else _nowhere
                outcome = await lease.carry(message, turn, deliver)
                if isinstance(outcome, Failed) and outcome.unread and lease.reused:
                    # Refused for the age of a connection which the client knows
                    # nothing about; the next one is younger.
                    continue
                request.remarks += _remarks(create, marker, lease, turn)
                return self._answer(request, create, turn, lease, relay, outcome)
            except CancelledError:
                relay.stopProducing()
                raise
            except ChatmockdError:
                raise
            except Exception:
                if not relay.begun:
                    raise
                self._log.failure("{request_id}: failed", request_id=request.request_id)
                failed = turn.break_off(
                    ChatmockdError("chatmockd failed; see its log.")
                )
                relay.finish([failed.event])
                return None
            finally:
                relay.stop()
                lease.abandon()

    def _answer(
        self,
        request: GuardedRequest,
        create: Create,
        turn: Turn,
        lease: Lease,
        relay: Relay,
        outcome: Outcome,
    ) -> bytes | None:
        if create.streaming and (turn.accepted or isinstance(outcome, Completed)):
            if isinstance(outcome, Failed):
                request.remarks.append(printable(str(outcome.error)))
                request.noteworthy = True
            relay.finish([*lease.unwritten, outcome.event])
            return None
        if not isinstance(outcome, Completed):
            raise outcome.error
        request.setHeader(b"content-type", b"application/json")
        request.setHeader(b"content-length", b"%d" % len(outcome.response))
        return outcome.response

    def _tell_adjustments(self, request: GuardedRequest, create: Create) -> None:
        if create.adjusted:
            names = ", ".join(create.adjusted)
            request.setHeader("x-chatmockd-adjusted", names)
            request.remarks.append(f"profile changed {names}")
            request.noteworthy = True


def _nowhere(pieces: list[bytes]) -> None:
    """What becomes of events when the client wants JSON."""


def _remarks(create: Create, marker: str | None, lease: Lease, turn: Turn) -> list[str]:
    """What the log says of the turn; no payload, and no names but the response's."""
    remarks = [
        "follow-up" if marker is not None else "new",
        f"connection {lease.connection.number}",
        f"{turn.events} events" if create.streaming else "JSON",
    ]
    if turn.response_id is not None:
        remarks.append(printable(turn.response_id))
    return remarks
