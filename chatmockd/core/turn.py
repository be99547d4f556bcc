"""One question to the upstream and everything it answers, with no I/O.

Frames go in; server-sent events to pass on and, at the end, one outcome come out. The
same object serves both modes: streaming writes the events, JSON ignores them and
answers with the outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import structs

from chatmockd.core import failure, terminal
from chatmockd.core.frame import Head, fields_of, head_of, one_line, sse_prefix, to_sse
from chatmockd.core.outcome import Completed, Failed, Outcome
from chatmockd.core.run import LARGE, Kind
from chatmockd.core.shown import Shown
from chatmockd.errors import (
    ChatmockdError,
    MalformedFrame,
    PreviousResponseNotFound,
    RequestCutShort,
    UpstreamDisconnected,
    UpstreamOutcomeUnknown,
)

_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})
_LIFECYCLE = frozenset({"response.created", "response.queued", "response.in_progress"})
# Kinds that are read, or may have to be: they are never part of a run.
_DECIDING = _TERMINAL | _LIFECYCLE | {"response.output_item.done", "error"}

_decode_index = msgspec.json.Decoder(int | None).decode

_DECIDING_PREFIXES = {kind: sse_prefix(kind) for kind in _DECIDING}

RATE_LIMITS = "codex.rate_limits"

# Codes of an `error` event which say that the socket can no longer continue its tip.
_STATE_IS_GONE = frozenset(
    {"previous_response_not_found", "websocket_connection_limit_reached"}
)


def is_hidden(kind: str) -> bool:
    """
    Whether frames of this kind are the upstream's business with us only.

    They have no place in a public stream (openai-node's stream helper throws on
    C{codex.rate_limits}), show nothing about a turn, and may come at any time.
    """
    return kind in ("keepalive", "response.metadata") or kind.startswith("codex.")


class Turn:
    """
    Follow one turn: give it frames, get back what the client shall see.

    @ivar accepted: An event has shown that the upstream took the turn on. Until then
        the client can still be given an HTTP status.
    @ivar response_id: The id that C{response.created} named.
    @ivar opening: C{response.created} as the client saw it; C{b""} until then.
    @ivar outcome: How it ended; None until then.
    @ivar surplus: Frames that came after the end, in the read that brought it.
    @ivar events: How many events were passed on, the terminal one included.
    @ivar limits: The last frame that told what the account may still use; C{b""} until
        there is one, and again when it has been dealt with.
    """

    def __init__(
        self,
        *,
        streaming: bool,
        backfill_empty: bool = True,
        marker: str | None = None,
        held_tip: str | None = None,
        shown: Shown | None = None,
    ) -> None:
        """
        @param streaming: The client sees events as they come.
        @param backfill_empty: Fill an empty C{output} when there were items.
        @param marker: The C{previous_response_id} that was sent upstream.
        @param held_tip: The response whose frames this connection carried before; late
            ones may still arrive and are not ours.
        @param shown: What the client shall see instead of the upstream's ids.
        """
        self._streaming = streaming
        self._backfill_empty = backfill_empty
        self._marker = marker
        self._held_tip = held_tip
        self._shown = shown
        self._items: dict[int, msgspec.Raw] = {}
        self._number_after = 0
        self._unnumbered: bytes | None = None
        self.accepted = False
        self.response_id: str | None = None
        self.opening = b""
        self.outcome: Outcome | None = None
        self.surplus: Sequence[bytes] = ()
        self.events = 0
        self.limits = b""

    def receive(self, frames: Sequence[bytes]) -> list[bytes]:
        """
        Take the frames of one read.

        @return: The bytes to write to a streaming client, in as few pieces as copying
            large frames only once allows. The terminal event is not among them: it is
            in the outcome, to be written when the outcome has been dealt with.
        """
        parts: list[bytes] = []
        pieces: list[bytes] = []
        index, end = 0, len(frames)
        while index < end:
            frame = frames[index]
            kind = Kind.looking_like(frame) if self.accepted else None
            if kind is not None:
                run_end = kind.run_end(frames, index)
                if run_end > index:
                    self.events += run_end - index
                    self._unnumbered = frames[run_end - 1]
                    if run_end - index == end:  # nearly always, at a model's pace
                        return [kind.to_sse(frames)]
                    parts.append(kind.to_sse(frames[index:run_end]))
                    index = run_end
                    continue
            index += 1
            try:
                head = head_of(frame)
                prefix = self._read(head, frame)
                if self.outcome is not None:
                    self.surplus = frames[index:]
                    break
                if prefix is None:
                    continue
                frame = self._numbered(head, frame)
                if head.type in _LIFECYCLE:
                    frame = self._begin(head.type, frame)
            except MalformedFrame as problem:
                self.outcome = self._failed(problem)
                break
            self.events += 1
            if len(frame) > LARGE:
                if parts:
                    pieces.append(b"".join(parts))
                    parts = []
                pieces += prefix, one_line(frame), b"\n\n"
            else:
                parts += prefix, one_line(frame), b"\n\n"
        if parts:
            pieces.append(parts[0] if len(parts) == 1 else b"".join(parts))
        return pieces

    def _begin(self, kind: str, frame: bytes) -> bytes:
        """A frame that tells how the response starts, as the client shall see it."""
        if self._shown is not None:
            frame = self._shown.in_frame(kind, frame)
        if not self.opening:
            self.opening = frame
        return frame

    def _numbered(self, head: Head, frame: bytes) -> bytes:
        """C{frame} with a C{sequence_number}, its own or the one that is its turn."""
        number = head.sequence_number
        if number is None:
            number = self._next_number()
            frame = terminal.with_sequence_number(frame, number)
        self._number_after = number + 1
        self._unnumbered = None
        return frame

    def _next_number(self) -> int:
        """The C{sequence_number} that follows the last one passed on."""
        if self._unnumbered is not None:  # the last of a run; nobody has read it yet
            unread, self._unnumbered = self._unnumbered, None
            with suppress(MalformedFrame):
                number = head_of(unread).sequence_number
                if number is not None:
                    self._number_after = number + 1
        return self._number_after

    def break_off(self, error: ChatmockdError) -> Failed:
        """End the turn from our side, because of C{error}."""
        self.outcome = self._failed(error)
        return self.outcome

    def lost(self, what: str) -> Failed:
        """
        End the turn because its connection is gone.

        @param what: What happened, as a clause: C{"it closed the connection (1011)"}.
        """
        if not self.accepted and self._marker is not None:
            # The client has the history and is told to send it, instead of being told
            # that something broke which it does not know about.
            return self.break_off(PreviousResponseNotFound(self._marker))
        if self.accepted and self._streaming:
            return self.break_off(
                UpstreamDisconnected(f"The upstream did not end the turn: {what}.")
            )
        return self.break_off(
            UpstreamOutcomeUnknown(
                f"The upstream took the request and gave no answer: {what}. Whether it "
                "did the work is unknown."
            )
        )

    def not_sent(self, what: str) -> Failed:
        """
        End the turn because its connection would not take it, or not to its end.

        @param what: See L{lost}.
        """
        error: ChatmockdError = RequestCutShort(what)
        if self._marker is not None:
            error = PreviousResponseNotFound(self._marker)
        failed = structs.replace(self._failed(error), unread=True)
        self.outcome = failed
        return failed

    def refused(self, error: ChatmockdError) -> Failed:
        """End the turn before anybody did anything about it, because of C{error}."""
        failed = structs.replace(self._failed(error), told=True)
        self.outcome = failed
        return failed

    def _read(self, head: Head, frame: bytes) -> bytes | None:
        """
        Deal with a frame whose kind is not known to pass through unread.

        @return: What stands before the frame; None when it is not to be passed on, or
            when it ended the turn.
        """
        kind = head.type
        if is_hidden(kind):
            if kind == RATE_LIMITS:
                self.limits = frame
            return None
        if not self.accepted:
            if self._held_tip is not None and self._is_late(head):
                return None
            self.accepted = kind not in ("error", "response.failed")
        if kind not in _DECIDING:
            return Kind.of(kind).prefix
        if kind in _LIFECYCLE and kind != "response.created":
            return _DECIDING_PREFIXES[kind]
        if kind == "response.created":
            named = terminal.response_id_in(head.response)
            self.response_id = named or self.response_id
            self._held_tip = None
        elif kind == "response.output_item.done":
            self._keep_item(head, frame)
        elif kind == "error":
            self.outcome = self._error(head, frame)
            return None
        else:
            self.outcome = self._end(head, frame)
            return None
        return _DECIDING_PREFIXES[kind]

    def _is_late(self, head: Head) -> bool:
        """Whether a frame belongs to the turn which this connection carried before."""
        if head.type in _LIFECYCLE or head.type in _TERMINAL:
            return terminal.response_id_in(head.response) == self._held_tip
        return head.type != "error"

    def _keep_item(self, head: Head, frame: bytes) -> None:
        if not terminal.is_object(head.item):
            fields_of(frame)  # one that cannot be read may have been left out
            return
        try:
            index = _decode_index(head.output_index) if head.output_index else None
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise MalformedFrame(f"response.output_item.done: {problem}") from problem
        if index is None:
            index = max(self._items, default=-1) + 1
        self._items[index] = head.item

    def _end(self, head: Head, frame: bytes) -> Outcome:
        response_id = terminal.response_id_in(head.response) or self.response_id
        created_id = self.response_id
        if self._shown is not None:
            frame = self._shown.in_frame(head.type, frame)
            created_id = self._shown.response_id or created_id
            head.response = fields_of(frame).get("response", head.response)
        if head.sequence_number is None:
            frame = terminal.with_sequence_number(frame, self._next_number())
        end = terminal.read_terminal(
            head,
            frame,
            created_id=created_id,
            items=self._items,
            backfill_empty=self._backfill_empty,
        )
        self.events += 1
        event = to_sse(head.type, end.frame)
        if head.type != "response.failed":
            return Completed(end.response, response_id, event, end.usage)
        error = failure.refused(
            {"error": end.error},
            fallback="The upstream reported that the response failed, without saying "
            "why.",
        )
        return Failed(
            self._in_marker_terms(error),
            event,
            told=True,
            response=end.response,
            usage=end.usage,
        )

    def _error(self, head: Head, frame: bytes) -> Failed:
        try:
            said = msgspec.json.decode(frame, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            raise MalformedFrame(f"error: {problem}") from problem
        error = failure.refused(said)
        if said.get("headers"):
            self.limits = frame
        nested = said["error"] if isinstance(said.get("error"), dict) else {}
        for name in ("type", "code", "message", "param"):
            if nested.get(name) is None:
                nested[name] = getattr(error, name)
        said["error"] = nested
        said["code"] = error.code
        said["message"] = error.message
        said["param"] = error.param
        # One that begins anew at 0 would be kept from who takes the stream up again.
        said["sequence_number"] = max(head.sequence_number or 0, self._next_number())
        self.events += 1
        return Failed(
            self._in_marker_terms(error),
            to_sse("error", msgspec.json.encode(said)),
            rejected=error.code not in _STATE_IS_GONE and error.status < 500,
            unread=not self.accepted and error.code in _STATE_IS_GONE,
            told=True,
        )

    def _in_marker_terms(self, error: ChatmockdError) -> ChatmockdError:
        """
        What a refusal of a follow-up's first event means to the client.

        The marker's state being gone, whether the upstream says so or says that the
        connection is too old, is one and the same thing: resend your history.
        """
        if (
            not self.accepted
            and self._marker is not None
            and error.code in _STATE_IS_GONE
        ):
            return PreviousResponseNotFound(self._marker)
        return error

    def _failed(self, error: ChatmockdError) -> Failed:
        self.events += 1
        return Failed(error, to_sse("error", error.as_frame(self._next_number())))
