"""Whether two items mean the same, so that a resent history can be recognised.

Clients send back what they were given with ids, statuses, annotations, log
probabilities and members that are null left out or changed, a message's only text as a
plain string, the arguments of a call written in another way, and reasoning dropped.
Clients of the other APIs send an answer back L{as_heard}. What is left after that
decides. Where it is unclear whether a difference matters it counts: a history that is
not recognised is merely sent whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder().decode

NOTHING = b""
"""The digest of a history without items."""

DIGEST_SIZE = 20
"""The bytes of any other."""

# Kinds of items of which only these members count, in this order.
_COUNTING: Mapping[str, tuple[str, ...]] = {
    "function_call": ("call_id", "namespace", "name", "arguments"),
    "function_call_output": ("call_id", "output"),
    "custom_tool_call": ("call_id", "namespace", "name", "input"),
    "custom_tool_call_output": ("call_id", "output"),
}

# What an upstream does without anybody's help.
_BY_ITSELF = (
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_list_tools",
    "mcp_call",
)

# How deep in them nothing is looked for; an upstream may nest deeper than Python can.
_LEVELS = 16

_TEXTS = frozenset({"input_text", "output_text", "text"})
_PASSING = frozenset({"id", "status"})

# What is told from others of its kind by nothing but its id.
_BY_THEIR_IDS = frozenset({"item_reference", "mcp_approval_request"})

# An item's place in what is hashed: "message", role and content, or one list or object
# for anything else. One of several items is theirs, one behind the other.
Meaning = tuple[Any, ...]


class Likeness:
    """
    What a history amounts to, as it comes item by item.

    Two histories whose digests are equal mean the same. A digest is not taken behind
    every item, which for thousands of short ones costs more than all the rest, but only
    where a turn may have ended: not between what was asked and the answer to it.
    """

    def __init__(self, before: bytes = NOTHING) -> None:
        """
        @param before: The digest of what came before.
        """
        self._before = before
        # What was asked last.
        self._asked: Meaning = ()

    @property
    def digest(self) -> bytes:
        """What the history amounts to if it ends here."""
        return _digest(self._before, self._asked) if self._asked else self._before

    def take(self, items: Iterable[Mapping[str, Any]]) -> dict[bytes, int]:
        """
        More of it, and where in it a turn may have ended.

        @return: For each such place, from first to last, the digest of the history up
            to it, and how many of C{items} come before it, without those right before
            it that do not count.
        """
        before, asked, counted = self._before, self._asked, 0
        ends: dict[bytes, int] = {}
        for count, item in enumerate(items, 1):
            kind = item.get("type")
            if kind == "message":
                role = item.get("role")
                meaning: Meaning = "message", role, _content(item.get("content"))
                asks = role != "assistant"
            else:
                meaning = _meaning(item)
                if not meaning:
                    continue
                asks = _asks(item, kind)
            if not asks:
                before, asked = _digest(before, asked + meaning), ()
                ends[before] = count
            elif asked:
                before, asked = _digest(before, asked), meaning
                ends[before] = counted
            else:
                asked = meaning
            counted = count
        self._before, self._asked = before, asked
        return ends


def asks_first(items: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the first of C{items} that counts is for the model to answer."""
    for item in items:
        if _meaning(item):
            return _asks(item, item.get("type"))
    return False


def digest_after(before: bytes, items: Iterable[Mapping[str, Any]]) -> bytes:
    """What a history amounts to once C{items} have been added to it."""
    likeness = Likeness(before)
    likeness.take(items)
    return likeness.digest


def _digest(before: bytes, meaning: Meaning) -> bytes:
    # To have the digest cut here takes half as long as to ask for a short one.
    return blake2b(before + _encode(meaning)).digest()[:DIGEST_SIZE]


def as_heard(output: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """
    An answer as a client has it whose API knows one text, and calls, to an answer.

    It was shown the texts of all messages without anything between them, and nothing
    of what the upstream did by itself to find them; it can send back nothing else. They
    are one text only where they stand together: nobody could tell any more what was
    said before a call and what after it. And only where they are all of the answer that
    could be in that text, which a refusal, to some APIs, is as well.

    Only of an answer, and only to such a client: to another one, two messages are
    something else than one, and another search is another history.
    """
    answer = [item for item in output if item.get("type") not in _BY_ITSELF]
    places = [
        place for place, item in enumerate(answer) if item.get("type") == "message"
    ]
    texts = [text for place in places for text in _only_texts(answer[place])]
    if len(texts) < 2 or None in texts or not any(texts):
        return answer
    first, last = places[0], places[-1]
    if any(
        item.get("type") not in ("message", "reasoning")
        for item in answer[first : last + 1]
    ):
        return answer
    part = {"type": "output_text", "text": "".join(map(str, texts))}
    one = {"type": "message", "role": "assistant", "content": [part]}
    return [*answer[:first], one, *answer[last + 1 :]]


def _only_texts(message: Mapping[str, Any]) -> list[str | None]:
    """The texts of an assistant's message, and None for whatever else is in it."""
    content = message.get("content")
    if message.get("role") != "assistant" or not isinstance(content, list):
        return [None]
    return [
        part["text"]
        if isinstance(part, dict)
        and part.get("type") == "output_text"
        and isinstance(part.get("text"), str)
        else None
        for part in content
    ]


def _meaning(item: Mapping[str, Any]) -> Meaning:
    """What counts of C{item}."""
    kind = item.get("type")
    if kind == "message" or (kind is None and "role" in item):
        return "message", item.get("role"), _content(item.get("content"))
    if kind == "reasoning":
        return ()
    counting = _COUNTING.get(kind) if isinstance(kind, str) else None
    if counting is not None:
        return ([kind, *(_member(item, name) for name in counting)],)
    if not isinstance(kind, str) or kind in _BY_THEIR_IDS:
        return (dict(item),)
    said = {
        name: value
        for name, value in item.items()
        if name not in _PASSING and value is not None
    }
    return (_without_nulls(said) if kind in _BY_ITSELF else said,)


def _without_nulls(said: Any, levels: int = _LEVELS) -> Any:
    """
    What an upstream told of its own doings, less what it told to be nothing.

    LangChain and Pydantic AI send a search back without C{"results": null} or
    C{"sources": null}.
    """
    if isinstance(said, dict) and levels:
        return {
            name: _without_nulls(value, levels - 1)
            for name, value in said.items()
            if value is not None
        }
    if isinstance(said, list) and levels:
        return [_without_nulls(value, levels - 1) for value in said]
    return said


def _asks(item: Mapping[str, Any], kind: Any) -> bool:
    """Whether it is for the model to go on after C{item}, which a client sent."""
    if kind == "message" or (kind is None and "role" in item):
        return bool(item.get("role") != "assistant")
    return isinstance(kind, str) and kind.endswith(("_output", "_approval_response"))


def _member(item: Mapping[str, Any], name: str) -> Any:
    value = item.get(name)
    return _arguments(value) if name == "arguments" else value


def _arguments(written: Any) -> Any:
    """
    The arguments of a call, in the way in which models write them.

    LangChain keeps them decoded, and writes them again with a space behind each colon
    and comma; others sort them, or escape what is not ASCII.
    """
    if not isinstance(written, str):
        return written
    try:
        decoded = _decode(written)
        return _encode(decoded).decode() if isinstance(decoded, dict) else written
    except (ValueError, RecursionError):
        # No JSON, or with numbers or a depth that are beyond msgspec.
        return written


def _content(content: Any) -> Any:
    """
    A message's content: its text if that is all of it, however it was written, and
    otherwise a list.
    """
    if isinstance(content, str):
        return content
    try:
        # As nearly all have it; to look at each step first takes a third longer.
        [part] = content
        if part["type"] in _TEXTS:
            text = part["text"]
            if isinstance(text, str):
                return text
    except (KeyError, TypeError, ValueError):
        pass
    if not isinstance(content, list):
        return [content]
    return [_part(part) for part in content]


def _part(part: Any) -> Any:
    if isinstance(part, dict):
        kind, text = part.get("type"), part.get("text")
        if isinstance(kind, str) and kind in _TEXTS and isinstance(text, str):
            return text
        if kind == "refusal":
            return ["refusal", part.get("refusal")]
    return ["part", part]
