"""What the model says in a stream: each text once, and in order, however it comes.

Most texts come in deltas. Some come whole: when a part is done, when its message is, or
only with the response. And nothing forbids an upstream to tell two messages side by
side; who is shown one text gets the later one when the earlier one is complete.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from chatmockd.core.dialect.deltas import (
    Delta,
    ItemEvent,
    delta_in,
    item_in,
    json_of,
    part_in,
)
from chatmockd.errors import MalformedFrame

TEXT = b"response.output_text.delta"
REFUSAL = b"response.refusal.delta"
ITEM_ADDED = b"response.output_item.added"
ITEM_DONE = b"response.output_item.done"
PART_DONE = frozenset(
    {
        b"response.output_text.done",
        b"response.refusal.done",
        b"response.content_part.done",
    }
)

KINDS = PART_DONE | {TEXT, REFUSAL, ITEM_ADDED, ITEM_DONE}
"""The events that L{Spoken.take} has to see."""

# The part of a delta that does not say of which it is.
_ANY = -1

Placed = tuple[int, Mapping[str, Any]]
"""An item, and its place in the output."""


class Piece(NamedTuple):
    """
    A piece of what is said.

    @ivar text: As JSON.
    @ivar logprobs: As the upstream has them; None where there are none.
    """

    text: bytes | msgspec.Raw
    refuses: bool
    logprobs: Any


class _Part:
    """
    A text of a message.

    @ivar told: Something of it has come; if it was a delta, all of it comes so.
    @ivar held: What has come, but cannot be said yet.
    """

    __slots__ = ("done", "held", "told")

    def __init__(self) -> None:
        self.told = self.done = False
        self.held: list[Piece] = []


class _Message:
    """
    A message of which not all has been said.

    @ivar at: The first part that is not done.
    """

    __slots__ = ("at", "done", "parts")

    def __init__(self) -> None:
        self.parts: dict[int, _Part] = {}
        self.at = 0
        self.done = False

    def part(self, number: int) -> _Part:
        """The part with this number; a new one, if it has not been heard of."""
        return self.parts.setdefault(number, _Part())

    def flow(self) -> tuple[list[Piece], int | None]:
        """What can be said now, and the part that can be gone on with at once."""
        pieces: list[Piece] = []
        flowing = None
        for number in sorted(self.parts):
            if number > self.at and not self.done:
                break
            part = self.parts[number]
            pieces += part.held
            part.held = []
            if part.done and number == self.at:
                self.at += 1
            elif part.told:
                flowing = number
        return pieces, flowing


class Spoken:
    """The messages of one stream."""

    def __init__(self) -> None:
        self._open: dict[int, _Message] = {}
        self._seen: set[int] = set()
        self._count = 0
        # Where the last delta went: the next one, most likely, goes there as well.
        self._index: int | None = None
        self._part = _ANY

    def flows(self, event: Delta) -> bool:
        """Whether a delta can be said as it is; it need not be taken then."""
        return event.output_index == self._index and event.content_index == self._part

    def take(self, kind: bytes, frame: bytes) -> list[Piece]:
        """
        An event has come that is one of L{KINDS}.

        @return: What can be said now.
        @raise MalformedFrame: It is a delta without a text.
        """
        if kind == TEXT or kind == REFUSAL:
            return self.delta(delta_in(frame), refuses=kind == REFUSAL)
        if kind in PART_DONE:
            return self.part_done(frame)
        try:
            event = item_in(frame)
        except MalformedFrame:
            return []
        return self.item_done(event) if kind == ITEM_DONE else self.item_added(event)

    def delta(self, event: Delta, *, refuses: bool) -> list[Piece]:
        """See L{take}."""
        piece = Piece(event.delta, refuses, event.likely())
        if self.flows(event):
            return [piece]
        part = self._message(event.output_index).part(event.content_index)
        part.told = part.told or bytes(event.delta) != b'""'
        part.held.append(piece)
        return self._flow()

    def part_done(self, frame: bytes) -> list[Piece]:
        """See L{take}; L{PART_DONE}."""
        event = part_in(frame)
        if event is None or event.content_index == _ANY:
            # The message itself will tell.
            return []
        index = event.output_index
        if index in self._seen and index not in self._open:
            return []
        message = self._message(index)
        if _ANY in message.parts:
            return []
        part = message.part(event.content_index)
        if not part.told:
            _tell(part, event.said())
        part.done = True
        return self._flow()

    def item_added(self, event: ItemEvent) -> list[Piece]:
        """See L{take}; L{ITEM_ADDED}."""
        if event.item.get("type") == "message":
            self._message(event.output_index)
            return self._flow()
        return []

    def item_done(self, event: ItemEvent) -> list[Piece]:
        """See L{take}; L{ITEM_DONE}."""
        if event.item.get("type") != "message":
            return []
        self._end(event.output_index, event.item)
        return self._flow()

    def rest(self, output: Iterable[Mapping[str, Any]]) -> list[Piece]:
        """
        The stream has ended.

        @param output: All items of the response; none, if it failed.
        @return: What has not been said.
        """
        messages = [each for each in placed(output) if each[1].get("type") == "message"]
        for index, item in messages:
            if index in self._open:
                self._end(index, item)
        for index, item in unseen(messages, self._seen, self._count):
            self._end(index, item)
        for message in self._open.values():
            message.done = True
        return self._flow()

    def _message(self, index: int) -> _Message:
        message = self._open.get(index)
        if message is None:
            message = self._open[index] = _Message()
            self._seen.add(index)
            self._count += 1
        return message

    def _end(self, index: int, item: Mapping[str, Any]) -> None:
        message = self._message(index)
        content = item.get("content")
        if isinstance(content, list) and _ANY not in message.parts:
            for number, said in enumerate(content):
                part = message.part(number)
                if isinstance(said, dict) and not part.told:
                    _tell(part, said)
        message.done = True

    def _flow(self) -> list[Piece]:
        pieces: list[Piece] = []
        self._index = None
        for index in sorted(self._open):
            message = self._open[index]
            said, flowing = message.flow()
            pieces += said
            if not message.done:
                if flowing is not None:
                    self._index, self._part = index, flowing
                break
            del self._open[index]
        return pieces


def placed(output: Iterable[Mapping[str, Any]]) -> list[Placed]:
    """Items with their places."""
    return list(enumerate(output))


def unseen(items: list[Placed], seen: Collection[int], count: int) -> list[Placed]:
    """
    Those of C{items} that no event has shown.

    @param items: All of one kind in a whole response.
    @param seen: The places that events have named, and C{count} how many items of that
        kind there were. Only if there are more of them in the response was one not
        shown: some upstreams number them in another way than they are listed.
    """
    more = len(items) - count
    return [each for each in items if each[0] not in seen][-more:] if more > 0 else []


def _tell(part: _Part, said: Mapping[str, Any]) -> None:
    """A part that comes whole."""
    for name in ("text", "refusal"):
        text = said.get(name)
        if isinstance(text, str):
            if text:
                piece = Piece(json_of(text), name == "refusal", said.get("logprobs"))
                part.held.append(piece)
                part.told = True
            return
