"""C{POST /v1/completions}, the API from before there were chats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from chatmockd.core.dialect.asked import Asked
from chatmockd.core.dialect.chat_whole import parts_in
from chatmockd.core.dialect.deltas import DONE, json_of, text_of
from chatmockd.core.dialect.reading import (
    boolean,
    checked_text,
    missing,
    text,
    unsupported,
    whole_number,
    wrong_type,
)
from chatmockd.core.dialect.spoken import KINDS, Piece, Spoken
from chatmockd.core.dialect.stops import Stops
from chatmockd.core.dialect.told import Told, told_by, told_in
from chatmockd.core.view import events_in
from chatmockd.errors import ChatmockdError, MalformedFrame

_ENDS = (b"response.completed", b"response.incomplete")


class AskedCompletion(Asked):
    """A request to go on from a text, put as a user's message."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        """
        @param given: The decoded request.
        @raise InvalidRequest: It cannot be carried out; the message names the field.
        """
        super().__init__(given)
        if boolean(given, "echo"):
            raise unsupported("echo", "the prompt is not repeated here")
        if text(given, "suffix"):
            raise unsupported("suffix", "chat models write no middles")
        if whole_number(given, "logprobs") is not None:
            raise unsupported(
                "logprobs", "/v1/chat/completions tells log probabilities"
            )
        said = {"type": "input_text", "text": _prompt(given)}
        self.fields["input"] = [{"type": "message", "role": "user", "content": [said]}]


def _prompt(given: Mapping[str, Any]) -> str:
    prompt = given.get("prompt")
    if prompt is None:
        raise missing("prompt")
    if isinstance(prompt, list):
        if len(prompt) != 1:
            raise unsupported("prompt", "there is one prompt to a request")
        if not isinstance(prompt[0], str):
            raise wrong_type("prompt[0]", "a string; tokens are not known here")
        return checked_text(prompt[0], "prompt[0]")
    return checked_text(prompt, "prompt")


class CompletionView:
    """See L{chatmockd.core.view.View}; C{text_completion} objects in both modes."""

    content_type = b"text/event-stream; charset=utf-8"
    comment = b": keepalive\n\n"

    def __init__(self, asked: AskedCompletion, now: int) -> None:
        """
        @param now: Unix seconds, for an upstream that does not say when it began.
        """
        self._asked = asked
        self._now = now
        self._stops = Stops(asked.stops)
        self._told = Told()
        self._spoken = Spoken()
        self._start = b""
        self._broken: MalformedFrame | None = None

    def stream(self, pieces: Sequence[bytes]) -> list[bytes]:
        """See L{View.stream<chatmockd.core.view.View.stream>}."""
        said: list[bytes] = []
        try:
            for kind, frame in events_in(pieces):
                if kind in KINDS:
                    said += self._said(self._spoken.take(kind, frame))
                elif kind == b"response.created" or kind in _ENDS:
                    self._told = told_in(frame)
        except MalformedFrame as problem:
            self._broken = self._broken or problem
        if not said or self._broken is not None:
            return []
        return [b"".join(map(self._chunk, said))]

    def end(self, pieces: Sequence[bytes], error: ChatmockdError | None) -> list[bytes]:
        """See L{View.end<chatmockd.core.view.View.end>}."""
        parts = self.stream(pieces)
        error = error or self._broken
        output = [] if error is not None else self._told.items()
        parts += map(self._chunk, self._said(self._spoken.rest(output)))
        if error is not None:
            return [*parts, b"data: %b\n\n" % error.as_json()]
        rest = self._stops.rest()
        if rest:
            parts.append(self._chunk(json_of(rest)))
        parts.append(self._chunk(b'""', msgspec.json.encode(self._reason())))
        if self._asked.counts:
            usage = msgspec.json.encode(self._told.usage_counts())
            parts.append(b'%b"choices":[],"usage":%b}\n\n' % (self._start, usage))
        return [b"".join([*parts, DONE])]

    def _said(self, pieces: Sequence[Piece]) -> list[bytes]:
        """What of C{pieces} is shown; there are no refusals here."""
        texts = [bytes(piece.text) for piece in pieces if not piece.refuses]
        if self._asked.stops:
            cut = [self._stops.feed(text_of(text)) for text in texts]
            texts = [json_of(text) for text in cut if text]
        return texts

    def whole(self, response: bytes) -> bytes:
        """See L{View.whole<chatmockd.core.view.View.whole>}."""
        self._told = told_by(response)
        text = self._text()
        choice = {"text": text, "index": 0, "logprobs": None}
        whole = self._head() | {"choices": [choice | {"finish_reason": self._reason()}]}
        usage = self._told.usage_counts()
        if usage is not None:
            whole["usage"] = usage
        return msgspec.json.encode(whole)

    def _text(self) -> str:
        """All that the response says."""
        said = [
            self._stops.feed(part["text"])
            for part in parts_in(self._told.items())
            if isinstance(part.get("text"), str)
        ]
        return "".join([*said, self._stops.rest()])

    def _reason(self) -> str:
        return "stop" if self._stops.found else self._told.finish_reason("stop")

    def _head(self) -> dict[str, Any]:
        return {
            "id": self._told.name("cmpl-"),
            "object": "text_completion",
            "created": self._told.created(self._now),
            "model": self._told.model_name(self._asked.model),
        }

    def _chunk(self, text: bytes, reason: bytes = b"null") -> bytes:
        """
        @param text: JSON, like C{reason}.
        """
        usage = b',"usage":null' if self._asked.counts else b""
        if not self._start:
            self._start = b"data: %b," % msgspec.json.encode(self._head())[:-1]
        return (
            b'%b"choices":[{"text":%b,"index":0,"logprobs":null,'
            b'"finish_reason":%b}]%b}\n\n' % (self._start, text, reason, usage)
        )
