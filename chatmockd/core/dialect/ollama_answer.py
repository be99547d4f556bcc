"""What a turn answers, in the words of the Ollama API: one JSON object a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from chatmockd.core.dialect.deltas import (
    ItemEvent,
    delta_in,
    item_in,
    json_of,
    text_of,
)
from chatmockd.core.dialect.ollama import AskedOllama
from chatmockd.core.dialect.ollama_calls import (
    Call,
    Calls,
    Made,
    UnreadableCall,
    made_call,
)
from chatmockd.core.dialect.ollama_error import error_json
from chatmockd.core.dialect.spoken import (
    ITEM_DONE,
    KINDS,
    TEXT,
    Piece,
    Spoken,
    placed,
    unseen,
)
from chatmockd.core.dialect.stops import Stops
from chatmockd.core.dialect.told import Told, texts_in, told_by, told_in
from chatmockd.core.likeness import NOTHING, digest_after
from chatmockd.core.view import events_in
from chatmockd.errors import ChatmockdError, MalformedFrame

_THOUGHTS = frozenset(
    {b"response.reasoning_summary_text.delta", b"response.reasoning_text.delta"}
)
_NEXT_THOUGHT = b"response.reasoning_summary_part.added"
_ENDS = frozenset({b"response.completed", b"response.incomplete"})

_CALL = "function_call"
_EMPTY = b'""'
_REASONS = {"max_output_tokens": "length"}


class Clock(Protocol):
    """What time it is."""

    def seconds(self) -> float:
        """Seconds since some moment."""

    def stamp(self) -> bytes:
        """Now, as RFC 3339 has it."""


@dataclass(frozen=True)
class Form:
    """
    How the two routes put an answer; nothing else differs.

    @ivar before: What stands before the text.
    @ivar after: What stands behind it, and behind what else the model gave.
    """

    before: bytes
    after: bytes


CHAT = Form(b'"message":{"role":"assistant","content":', b"}")
GENERATE = Form(b'"response":', b"")


class OllamaView:
    """The answer to one request; see L{chatmockd.core.view.View}."""

    content_type = b"application/x-ndjson"
    comment = b""

    def __init__(
        self, asked: AskedOllama, form: Form, calls: Calls, clock: Clock, began: float
    ) -> None:
        """
        @param calls: Where to keep those that the model makes.
        @param began: When the request came in, by C{clock}.
        """
        self._asked = asked
        self._calls = calls
        self._clock = clock
        self._began = began
        self._first: float | None = None
        self._before, self._after = form.before, form.after
        self._model = msgspec.json.encode(asked.model)
        self._stops = Stops(asked.stops) if asked.stops else None
        self._spoken = Spoken()
        self._thought = self._pausing = False
        self._made: list[Made] = []
        # Their places in the output.
        self._calling: set[int] = set()
        self._end = b""
        self._broken = False

    # Line by line.

    def stream(self, pieces: Sequence[bytes]) -> list[bytes]:
        """See L{chatmockd.core.view.View.stream}."""
        parts = self._lines(pieces)
        return [b"".join(parts)] if parts else []

    def end(self, pieces: Sequence[bytes], error: ChatmockdError | None) -> list[bytes]:
        """See L{chatmockd.core.view.View.end}."""
        parts = self._lines(pieces)
        if self._broken:
            return [b"".join(parts)]
        head = self._head()
        if error is not None:
            parts += self._texts(head, self._spoken.rest(()))
            return [*parts, error_json(error), b"\n"]
        ended = told_in(self._end)
        output = ended.items()
        parts += self._texts(head, self._spoken.rest(output))
        if self._stops is not None:
            held = self._stops.rest()
            if held:
                parts += self._text(head, json_of(held))
        calls = [each for each in placed(output) if each[1].get("type") == _CALL]
        for index, item in unseen(calls, self._calling, len(self._made)):
            parts += self._calls_tool(head, ItemEvent(dict(item), index))
            if self._broken:
                return [b"".join(parts)]
        self._remember()
        parts += head, self._before, _EMPTY, self._after, self._totals(ended), b"\n"
        return [b"".join(parts)]

    def _lines(self, pieces: Sequence[bytes]) -> list[bytes]:
        """What C{pieces} say, up to the last line."""
        parts: list[bytes] = []
        head = self._head()
        for kind, frame in events_in(pieces):
            if self._broken:
                break
            if kind == TEXT:
                parts += self._delta(head, frame)
            elif kind == ITEM_DONE:
                parts += self._done(head, frame)
            elif kind in KINDS:
                parts += self._texts(head, self._pieces_in(kind, frame))
            elif kind in _THOUGHTS:
                piece = _piece_in(frame)
                if self._asked.thinks_aloud and piece != _EMPTY:
                    parts += self._thinking(head, piece)
            elif kind == _NEXT_THOUGHT:
                self._pausing = self._thought
            elif kind in _ENDS:
                self._end = frame
        if parts and self._first is None:
            self._first = self._clock.seconds()
        return parts

    def _delta(self, head: bytes, frame: bytes) -> Sequence[bytes]:
        try:
            event = delta_in(frame)
        except MalformedFrame:
            return ()
        if self._stops is None and self._spoken.flows(event):
            # As nearly all do.
            text = bytes(event.delta)
            return self._text(head, text) if text != _EMPTY else ()
        return self._texts(head, self._spoken.delta(event, refuses=False))

    def _pieces_in(self, kind: bytes, frame: bytes) -> list[Piece]:
        try:
            return self._spoken.take(kind, frame)
        except MalformedFrame:
            return []

    def _texts(self, head: bytes, pieces: Sequence[Piece]) -> list[bytes]:
        """What is said, refusals too, as far as it goes before a stop sequence."""
        parts: list[bytes] = []
        for piece in pieces:
            text = bytes(piece.text)
            if self._stops is not None:
                text = json_of(self._stops.feed(text_of(text)))
            if text != _EMPTY:
                parts += self._text(head, text)
        return parts

    def _text(self, head: bytes, quoted: bytes) -> tuple[bytes, ...]:
        return head, self._before, quoted, self._after, b',"done":false}\n'

    def _thinking(self, head: bytes, quoted: bytes) -> tuple[bytes, ...]:
        if self._pausing:
            quoted = b'"\\n\\n' + quoted[1:]
        self._thought, self._pausing = True, False
        start = b'"","thinking":'
        return head, self._before, start, quoted, self._after, b',"done":false}\n'

    def _done(self, head: bytes, frame: bytes) -> Sequence[bytes]:
        try:
            event = item_in(frame)
        except MalformedFrame:
            return ()
        if event.item.get("type") == _CALL:
            return self._calls_tool(head, event)
        return self._texts(head, self._spoken.item_done(event))

    def _calls_tool(self, head: bytes, event: ItemEvent) -> tuple[bytes, ...]:
        """A call."""
        try:
            made = made_call(event.item)
        except UnreadableCall as problem:
            self._broken = True
            return error_json(problem), b"\n"
        if self._is_over:
            return ()
        call, arguments = made
        self._made.append(made)
        self._calling.add(event.output_index)
        return self._call(head, len(self._made) - 1, call, arguments)

    def _call(
        self, head: bytes, number: int, call: Call, arguments: Any
    ) -> tuple[bytes, ...]:
        calls = msgspec.json.encode([_as_tool_call(number, call, arguments)])
        start = b'"","tool_calls":'
        return head, self._before, start, calls, self._after, b',"done":false}\n'

    @property
    def _is_over(self) -> bool:
        """The client has got to a stop sequence, behind which there is nothing."""
        return self._stops is not None and self._stops.found

    # All at once.

    def whole(self, response: bytes) -> bytes:
        """See L{chatmockd.core.view.View.whole}."""
        ended = told_by(response)
        text, thinking, self._made = self._read(ended.items())
        self._remember()
        parts = [self._head(), self._before, json_of(text)]
        if thinking and self._asked.thinks_aloud:
            parts += b',"thinking":', json_of(thinking)
        if self._made:
            calls = [
                _as_tool_call(number, call, arguments)
                for number, (call, arguments) in enumerate(self._made)
            ]
            parts += b',"tool_calls":', msgspec.json.encode(calls)
        self._first = self._began
        return b"".join([*parts, self._after, self._totals(ended)])

    def _read(self, output: list[dict[str, Any]]) -> tuple[str, str, list[Made]]:
        """
        What the items of an answer say, think and call.

        @raise UnreadableCall: It cannot be told in Ollama's words.
        """
        texts: list[str] = []
        thoughts: list[str] = []
        made: list[Made] = []
        for item in output:
            kind = item.get("type")
            if self._is_over:
                break
            if kind == "message":
                for text in texts_in(item.get("content"), "text", "refusal"):
                    texts.append(self._stops.feed(text) if self._stops else text)
            elif kind == "reasoning":
                thoughts += texts_in(item.get("summary"), "text")
                thoughts += texts_in(item.get("content"), "text")
            elif kind == _CALL:
                made.append(made_call(item))
        if self._stops is not None:
            texts.append(self._stops.rest())
        return "".join(texts), "\n\n".join(thoughts), made

    # Both.

    def _head(self) -> bytes:
        return b'{"model":%b,"created_at":"%b",' % (self._model, self._clock.stamp())

    def _remember(self) -> None:
        if self._made:
            before = digest_after(NOTHING, self._asked.items)
            self._calls.remember(before, self._made)

    def _totals(self, ended: Told) -> bytes:
        """
        How it ended, and what it took: tokens, and nanoseconds.

        What comes before the first output counts as reading the prompt, unless the
        answer was not streamed: then nobody looked.
        """
        now = self._clock.seconds()
        first = now if self._first is None else self._first
        reason = "stop"
        if ended.status == "incomplete" and not self._is_over:
            reason = ended.cut_off or reason
        return (
            b',"done":true,"done_reason":%b,"total_duration":%d,"load_duration":0,'
            b'"prompt_eval_count":%d,"prompt_eval_duration":%d,'
            b'"eval_count":%d,"eval_duration":%d}'
            % (
                msgspec.json.encode(_REASONS.get(reason, reason)),
                _nanoseconds(now - self._began),
                ended.count("input_tokens"),
                _nanoseconds(first - self._began),
                ended.count("output_tokens"),
                _nanoseconds(now - first),
            )
        )


def idle_json(asked: AskedOllama, form: Form, clock: Clock) -> bytes:
    """The answer to a request that asks nothing, and so goes nowhere."""
    return b'{"model":%b,"created_at":"%b",%b""%b,"done":true,"done_reason":%b}\n' % (
        msgspec.json.encode(asked.model),
        clock.stamp(),
        form.before,
        form.after,
        msgspec.json.encode(asked.idle_reason),
    )


def _piece_in(frame: bytes) -> bytes:
    """The delta of an event, as JSON; L{_EMPTY} where it has no text."""
    try:
        return bytes(delta_in(frame).delta)
    except MalformedFrame:
        return _EMPTY


def _as_tool_call(number: int, call: Call, arguments: Any) -> dict[str, Any]:
    function = {"index": number, "name": call.name, "arguments": arguments}
    return {"id": call.call_id, "function": function}


def _nanoseconds(seconds: float) -> int:
    # Clients divide by it.
    return max(1, round(seconds * 1_000_000_000))
