"""The calls that were made in answers, for clients that send them back without ids.

Ollama's tool calls have had ids since 0.12.10; its own Python client drops them, as do
older ones, and all of them have turned the arguments' text into an object. The upstream
knows a call by its id, and a history is recognised by both.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from chatmockd.errors import UpstreamError

_MOST_BYTES = 8_388_608
_OVERHEAD = 200  # bytes, about, that an entry takes besides its texts

_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True)
class Call:
    """
    One call.

    @ivar call_id: What the upstream named it.
    @ivar arguments: As the model wrote them.
    """

    call_id: str
    name: str
    arguments: str


Made = tuple[Call, dict[str, Any]]
"""A call, and its arguments decoded."""


class UnreadableCall(UpstreamError):
    """The model called a tool with arguments that are no JSON object."""

    code = "unreadable_tool_call"
    should_retry = False

    def __init__(self, name: str, arguments: str) -> None:
        super().__init__(
            f"The model called the tool {name!r:.100} with arguments that are no JSON "
            f"object: {arguments!r:.200}"
        )


class Calls:
    """The newest calls of all conversations."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        """
        @param most_bytes: What they may come to; the longest unused go first. One that
            is forgotten costs its conversation a full resend.
        """
        self._most = most_bytes
        self._size = 0
        self._known: OrderedDict[bytes, Call] = OrderedDict()

    def remember(self, before: bytes, calls: Sequence[Made]) -> None:
        """
        Keep the calls of one answer.

        @param before: What the conversation amounted to when it was given; see
            L{chatmockd.core.likeness.Likeness}.
        """
        for place, (call, arguments) in enumerate(calls):
            key = _key(before, place, call.name, arguments)
            self._forget(key)
            self._known[key] = call
            self._size += _size(call)
        while self._size > self._most:
            self._forget(next(iter(self._known)))

    def recall(
        self, before: bytes, place: int, name: str, arguments: Any
    ) -> Call | None:
        """
        A call that a client sent back.

        @param before: See L{remember}.
        @param place: Its place among the calls of that answer.
        @return: None if it is not known, or not any more.
        """
        key = _key(before, place, name, arguments)
        call = self._known.get(key)
        if call is not None:
            self._known.move_to_end(key)
        return call

    def _forget(self, key: bytes) -> None:
        call = self._known.pop(key, None)
        if call is not None:
            self._size -= _size(call)


def id_for(before: bytes, place: int, name: str, arguments: Any) -> str:
    """
    An id for a call that has none, the same each time, so that its history can be
    recognised from the next turn on; see L{Calls.recall}.
    """
    return f"call_{_key(before, place, name, arguments).hex()[:24]}"


def made_call(item: Mapping[str, Any]) -> Made:
    """
    The call that an item of the type C{function_call} is.

    @raise UnreadableCall: Its arguments are no object.
    """
    call_id, name, arguments = (
        member if isinstance(member := item.get(key), str) else ""
        for key in ("call_id", "name", "arguments")
    )
    decoded = arguments_in(arguments)
    if decoded is None:
        raise UnreadableCall(name, arguments)
    return Call(call_id, name, arguments), decoded


def arguments_in(text: str) -> dict[str, Any] | None:
    """The arguments that C{text} says; None if it is no JSON object."""
    if not text.strip():
        return {}
    try:
        decoded = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


def as_text(arguments: Any) -> str:
    """Arguments as models write them."""
    return msgspec.json.encode(arguments).decode()


def _size(call: Call) -> int:
    return len(call.call_id) + len(call.name) + len(call.arguments) + _OVERHEAD


def _key(before: bytes, place: int, name: str, arguments: Any) -> bytes:
    # Go's clients sort the members of an object.
    said = _encode([place, name, arguments])
    return blake2b(before + said, digest_size=20).digest()
