"""Items of a conversation, page by page, as C{GET …/input_items} shows them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from chatmockd.core.transcript import Item
from chatmockd.errors import InvalidRequest

MOST = 100  # items to a page
_USUAL = 20

# What a part of this type may leave out where it is sent, and has where it is listed.
_UNSAID: dict[str, tuple[str, Any]] = {
    "input_image": ("detail", "auto"),
    "output_text": ("annotations", []),
}


def page(
    items: Sequence[Item], *, after: str | None, limit: str | None, order: str | None
) -> bytes:
    """
    One page.

    @param items: All of them, oldest first.
    @param after: The id behind which it begins.
    @param limit: How many items it may have, 1 to L{MOST}.
    @param order: C{desc}, the newest first, unless it is C{asc}.
    @return: JSON: C{{"object": "list", "data", "first_id", "last_id", "has_more"}}.
    @raise InvalidRequest: A parameter is not what it can be.
    """
    if order not in (None, "asc", "desc"):
        raise _invalid("order", "expected 'asc' or 'desc'")
    count = _USUAL if limit is None else _small_number(limit)
    if not 1 <= count <= MOST:
        raise _invalid("limit", f"expected a number from 1 to {MOST}")
    seen: set[str] = set()
    shown = [_shown(item, number, seen) for number, item in enumerate(items)]
    if order != "asc":
        shown.reverse()
    start = 0
    if after is not None:
        places = [place for place, item in enumerate(shown) if item["id"] == after]
        if not places:
            raise _invalid("after", f"there is no item {after!r:.80}")
        start = places[0] + 1
    some = shown[start : start + count]
    return msgspec.json.encode(
        {
            "object": "list",
            "data": some,
            "first_id": some[0]["id"] if some else None,
            "last_id": some[-1]["id"] if some else None,
            "has_more": start + count < len(shown),
        }
    )


def _small_number(text: str) -> int:
    """C{text} as a number, 0 where it is none of up to three digits."""
    return int(text) if text.isdecimal() and len(text) <= 3 else 0


def _shown(item: Item, number: int, seen: set[str]) -> dict[str, Any]:
    """
    C{item} with an id of its own, a message in its long form, and whole.

    SDKs page by ids, which what a client gave need not have, or has twice; one that is
    made up is the same at each call. Nor need it say what goes without saying; what is
    listed does.

    @param seen: The ids of the items before, to which its own is added.
    """
    shown = dict(item)
    if "role" in item and item.get("type") in (None, "message"):
        shown["type"] = "message"
        if isinstance(item.get("content"), str):
            part = "output_text" if item["role"] == "assistant" else "input_text"
            shown["content"] = [{"type": part, "text": item["content"]}]
    kind = shown.get("type")
    if isinstance(kind, str) and shown.get("status") is None:
        if kind == "message" or "_call" in kind:
            shown["status"] = "completed"
    for name in ("content", "output"):
        parts = shown.get(name)
        if isinstance(parts, list):
            shown[name] = [_whole(part) for part in parts]
    if not isinstance(item.get("id"), str) or item["id"] in seen:
        start = "msg" if kind == "message" else "item"
        code = blake2b(b"%d" % number + msgspec.json.encode(item), digest_size=20)
        shown["id"] = f"{start}_{code.hexdigest()}"
    seen.add(shown["id"])
    return shown


def _whole(part: Any) -> Any:
    """A part of a message, or of a call's output, with what it stands for unsaid."""
    unsaid = _UNSAID.get(str(part.get("type"))) if isinstance(part, dict) else None
    if unsaid is None:
        return part
    name, value = unsaid
    return part if part.get(name) is not None else {**part, name: value}


def _invalid(name: str, reason: str) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid value for '{name}': {reason}.", param=name, code="invalid_value"
    )
