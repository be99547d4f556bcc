"""A turn's answer as C{chat.completion.chunk}s, or as one C{chat.completion}."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from chatmockd.core.dialect.chat import AskedChat
from chatmockd.core.dialect.chat_whole import (
    call_in,
    completion,
    finish_reason,
    likelihoods,
    notes_in,
)
from chatmockd.core.dialect.deltas import (
    DONE,
    Delta,
    delta_in,
    item_in,
    json_of,
    note_in,
    text_of,
)
from chatmockd.core.dialect.spoken import (
    ITEM_ADDED,
    ITEM_DONE,
    PART_DONE,
    REFUSAL,
    TEXT,
    Piece,
    Spoken,
    placed,
    unseen,
)
from chatmockd.core.dialect.stops import Stops
from chatmockd.core.dialect.thoughts import CLOSE, OPEN, Compat
from chatmockd.core.dialect.told import Told, told_by, told_in
from chatmockd.core.view import events_in
from chatmockd.errors import ChatmockdError, MalformedFrame

_SUMMARY = b"response.reasoning_summary_text.delta"
_CONTENT = b'{"content":'


class ChatView:
    """
    See L{chatmockd.core.view.View}.

    Nothing is said before the upstream works on its first item, so that what fails
    before that is answered with a status.
    """

    content_type = b"text/event-stream; charset=utf-8"
    comment = b": keepalive\n\n"

    def __init__(self, asked: AskedChat, compat: Compat, now: int) -> None:
        """
        @param compat: How reasoning is shown.
        @param now: Unix seconds, for an upstream that does not say when it began.
        """
        self._asked = asked
        if compat == "think-tags" and asked.wants_json:
            # With tags before it, no client could read it.
            compat = "current"
        self._compat: Compat = compat
        self._now = now
        self._stops = Stops(asked.stops)
        # The text passes through, as long as nothing has to be put before it, cut off
        # it or told about it.
        self._plain = not (asked.stops or asked.wants_logprobs)
        self._told = Told()
        self._begun = self._flows = self._stopped = False
        self._thinking = self._thought = False
        self._paragraphs = self._shift = 0
        self._spoken = Spoken()
        self._calls: dict[int, int] = {}
        self._argued: set[int] = set()
        self._broken: MalformedFrame | None = None
        self._head = self._tail = b""
        self._text_head = self._text_tail = b""

    def stream(self, pieces: Sequence[bytes]) -> list[bytes]:
        """See L{View.stream<chatmockd.core.view.View.stream>}."""
        if self._broken is not None:
            return []
        parts: list[Any] = []
        try:
            for kind, frame in events_in(pieces):
                if kind == TEXT:
                    event = delta_in(frame)
                    if self._flows and self._spoken.flows(event):
                        parts += self._text_head, event.delta, self._text_tail
                    else:
                        self._text(event, parts, refuses=False)
                else:
                    take = self._TAKES.get(kind)
                    if take is not None:
                        take(self, frame, parts)
        except MalformedFrame as problem:
            self._broken = problem
        return [b"".join(parts)] if parts else []

    def end(self, pieces: Sequence[bytes], error: ChatmockdError | None) -> list[bytes]:
        """See L{View.end<chatmockd.core.view.View.end>}."""
        parts: list[Any] = [*self.stream(pieces)]
        error = error or self._broken
        if error is not None:
            self._say_all(self._spoken.rest(()), parts)
            return [b"".join([*parts, b"data: ", error.as_json(), b"\n\n"])]
        self._begin(parts)
        output = self._told.items()
        self._say_all(self._spoken.rest(output), parts)
        self._call_rest(output, parts)
        self._close_thoughts(parts)
        self._say(self._stops.rest(), parts)
        if not self._stopped:
            self._finish(parts)
        if self._asked.counts:
            usage = msgspec.json.encode(self._told.usage_counts())
            head = self._head.partition(b',"choices":')[0]
            parts += head, b',"choices":[],"usage":', usage, b"}\n\n"
        parts.append(DONE)
        return [b"".join(parts)]

    def whole(self, response: bytes) -> bytes:
        """See L{View.whole<chatmockd.core.view.View.whole>}."""
        return completion(
            told_by(response),
            compat=self._compat,
            stops=self._stops,
            is_legacy=self._asked.is_legacy,
            wants_logprobs=self._asked.wants_logprobs,
            model=self._asked.model,
            now=self._now,
        )

    # What the chunks are made of.

    def _begin(self, parts: list[Any]) -> None:
        """Say whose answer it is."""
        if self._begun:
            return
        self._begun = True
        told = self._told
        head = {
            "id": told.name("chatcmpl-"),
            "object": "chat.completion.chunk",
            "created": told.created(self._now),
            "model": told.model_name(self._asked.model),
        }
        self._head = b"data: %b" % msgspec.json.encode(head)[:-1] + (
            b',"choices":[{"index":0,"delta":'
        )
        self._tail = b'}],"usage":null}\n\n' if self._asked.counts else b"}]}\n\n"
        self._text_head = self._head + _CONTENT
        self._text_tail = b'},"logprobs":null,"finish_reason":null' + self._tail
        self._chunk(b'{"role":"assistant","content":"","refusal":null}', parts)

    def _chunk(
        self,
        delta: bytes,
        parts: list[Any],
        *,
        reason: bytes = b"null",
        logprobs: bytes = b"null",
    ) -> None:
        if not self._stopped:
            parts += self._head, delta, b',"logprobs":', logprobs
            parts += b',"finish_reason":', reason, self._tail

    def _finish(self, parts: list[Any]) -> None:
        reason = finish_reason(
            self._told,
            called=bool(self._calls),
            stopped=self._stops.found,
            is_legacy=self._asked.is_legacy,
        )
        self._chunk(b"{}", parts, reason=msgspec.json.encode(reason))

    def _say(self, text: str, parts: list[Any], likely: Any = None) -> None:
        """A piece of the answer's text, none of its reasoning."""
        if not text and not likely:
            return
        logprobs = b"null"
        if self._asked.wants_logprobs:
            logprobs = msgspec.json.encode(
                {"content": likelihoods(likely), "refusal": None}
            )
        self._chunk(b"%b%b}" % (_CONTENT, json_of(text)), parts, logprobs=logprobs)

    def _cut(self, text: str, parts: list[Any], likely: Any = None) -> None:
        """The same, as far as it goes before a stop sequence."""
        if self._stops.found:
            return
        said = self._stops.feed(text)
        self._say(said, parts, likely)
        if self._stops.found:
            # The client need not wait for what it will not see.
            self._finish(parts)
            self._flows = False
            self._stopped = True

    def _close_thoughts(self, parts: list[Any]) -> None:
        """What comes next is the answer."""
        self._thought = True
        if self._thinking:
            self._thinking = False
            self._chunk(b"%b%b}" % (_CONTENT, json_of(CLOSE)), parts)
        self._flows = self._plain and not self._stopped

    # What the events mean.

    def _created(self, frame: bytes, parts: list[Any]) -> None:
        self._told = told_in(frame)

    def _ended(self, frame: bytes, parts: list[Any]) -> None:
        self._told = told_in(frame)

    def _added(self, frame: bytes, parts: list[Any]) -> None:
        self._begin(parts)
        event = item_in(frame)
        self._say_all(self._spoken.item_added(event), parts)
        call = call_in(event.item)
        if call is not None:
            self._open_call(call, event.output_index, parts)

    def _done(self, frame: bytes, parts: list[Any]) -> None:
        self._begin(parts)
        event = item_in(frame)
        self._say_all(self._spoken.item_done(event), parts)
        if event.output_index not in self._argued:
            self._call(event.item, event.output_index, parts)

    def _part_done(self, frame: bytes, parts: list[Any]) -> None:
        self._say_all(self._spoken.part_done(frame), parts)

    def _text(self, event: Delta, parts: list[Any], *, refuses: bool) -> None:
        self._begin(parts)
        self._say_all(self._spoken.delta(event, refuses=refuses), parts)

    def _refusal(self, frame: bytes, parts: list[Any]) -> None:
        self._text(delta_in(frame), parts, refuses=True)

    def _say_all(self, pieces: Sequence[Piece], parts: list[Any]) -> None:
        for piece in pieces:
            self._begin(parts)
            self._close_thoughts(parts)
            if piece.refuses:
                self._chunk(b'{"refusal":%b}' % bytes(piece.text), parts)
            elif self._flows:
                parts += self._text_head, piece.text, self._text_tail
            else:
                self._cut(text_of(piece.text), parts, piece.logprobs)

    def _call_rest(self, output: list[dict[str, Any]], parts: list[Any]) -> None:
        """The calls that did not come bit by bit, or not to their ends."""
        calls = [each for each in placed(output) if call_in(each[1])]
        new = dict(unseen(calls, self._calls, len(self._calls)))
        for index, item in calls:
            if index in new or index in self._calls and index not in self._argued:
                self._call(item, index, parts)

    def _call(self, item: Mapping[str, Any], index: int, parts: list[Any]) -> None:
        """An item, which may be a call that did not come bit by bit."""
        call = call_in(item)
        if call is not None:
            inner = call[call["type"]]
            said = inner["arguments" if "arguments" in inner else "input"]
            self._open_call(call, index, parts)
            self._argue(json_of(said), index, call["type"] == "custom", parts)

    def _note(self, frame: bytes, parts: list[Any]) -> None:
        notes = notes_in([note_in(frame)], self._shift)
        if notes and self._begun:
            self._chunk(b'{"annotations":%b}' % msgspec.json.encode(notes), parts)

    def _paragraph(self, frame: bytes, parts: list[Any]) -> None:
        self._paragraphs += 1

    def _summary(self, frame: bytes, parts: list[Any]) -> None:
        if self._paragraphs > 1:
            self._paragraphs = 1
            if self._compat in ("think-tags", "o3"):
                self._think(b'"\\n"', parts, is_summary=True)
        self._think(bytes(delta_in(frame).delta), parts, is_summary=True)

    def _full(self, frame: bytes, parts: list[Any]) -> None:
        self._think(bytes(delta_in(frame).delta), parts, is_summary=False)

    def _think(self, delta: bytes, parts: list[Any], *, is_summary: bool) -> None:
        """A piece of reasoning, as JSON."""
        self._begin(parts)
        if self._compat == "o3":
            shown = b'{"reasoning":{"content":[{"type":"text","text":%b}]}}' % delta
        elif self._compat != "think-tags":
            shown = b'{"reasoning":%b}' % delta
            if is_summary:
                shown = b'{"reasoning_summary":%b,"reasoning":%b}' % (delta, delta)
        elif self._thought:
            # The answer has begun; tags in the middle of it could not be told from it.
            return
        else:
            if not self._thinking:
                self._thinking = True
                self._shift = len(OPEN) + len(CLOSE)
                self._chunk(b"%b%b}" % (_CONTENT, json_of(OPEN)), parts)
            self._shift += len(text_of(delta))
            shown = b"%b%b}" % (_CONTENT, delta)
        self._chunk(shown, parts)

    def _open_call(self, call: dict[str, Any], index: int, parts: list[Any]) -> None:
        if index in self._calls:
            return
        self._close_thoughts(parts)
        place = self._calls[index] = len(self._calls)
        kind = call["type"]
        inner = "arguments" if kind == "function" else "input"
        begun = {kind: {"name": call[kind]["name"], inner: ""}}
        if not self._asked.is_legacy:
            head = {"index": place, "id": call["id"], "type": kind}
            delta: dict[str, Any] = {"tool_calls": [head | begun]}
        elif place == 0:
            delta = {"function_call": begun.get("function")}
        else:
            return
        self._chunk(msgspec.json.encode(delta), parts)

    def _argue(
        self, delta: bytes, index: int, is_custom: bool, parts: list[Any]
    ) -> None:
        """More of what a tool is called with, as JSON."""
        place = self._calls.get(index)
        if place is None:
            return
        self._argued.add(index)
        if is_custom:
            shown = b'"custom":{"input":%b}' % delta
        else:
            shown = b'"function":{"arguments":%b}' % delta
        if not self._asked.is_legacy:
            self._chunk(b'{"tool_calls":[{"index":%d,%b}]}' % (place, shown), parts)
        elif place == 0:
            self._chunk(b'{"function_call":{"arguments":%b}}' % delta, parts)

    def _arguments(self, frame: bytes, parts: list[Any]) -> None:
        event = delta_in(frame)
        self._argue(bytes(event.delta), event.output_index, False, parts)

    def _input(self, frame: bytes, parts: list[Any]) -> None:
        event = delta_in(frame)
        self._argue(bytes(event.delta), event.output_index, True, parts)

    _TAKES: Mapping[bytes, Callable[[ChatView, bytes, list[Any]], None]] = {
        b"response.created": _created,
        ITEM_ADDED: _added,
        ITEM_DONE: _done,
        REFUSAL: _refusal,
        **dict.fromkeys(PART_DONE, _part_done),
        b"response.output_text.annotation.added": _note,
        b"response.reasoning_summary_part.added": _paragraph,
        _SUMMARY: _summary,
        b"response.reasoning_text.delta": _full,
        b"response.function_call_arguments.delta": _arguments,
        b"response.custom_tool_call_input.delta": _input,
        b"response.completed": _ended,
        b"response.incomplete": _ended,
    }
