"""The tree of finished turns: what a node is, and what its path says to an upstream.

Nodes are written once and never changed. A node holds only what its turn added: the new
input items and the response. The conversation is the path from the root.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

Item = dict[str, Any]

PICTURE = "image_generation_call"

# What is nothing without its id: another item names an approval request by it, and a
# reference is nothing else.
_BY_THEIR_IDS = ("item_reference", "mcp_approval_request")


class Node(msgspec.Struct, frozen=True):
    """
    One finished turn, as far as following up on it without rebuilding needs.

    @ivar place: Which of the stores has it.
    @ivar number: Its number there.
    @ivar response_id: What clients call it.
    @ivar upstream_id: What the upstream called it; a connection's tip goes by this.
    @ivar digest: What the whole path, this node included, amounts to; see
        L{chatmockd.core.likeness.Likeness}.
    """

    place: str
    number: int
    response_id: str
    upstream_id: str
    profile: str
    model: str
    digest: bytes


class Step(msgspec.Struct, frozen=True):
    """
    What one turn of a path added to it.

    @ivar input: The JSON list of the items it was given.
    @ivar response: The JSON of its response object.
    """

    input: bytes
    response: bytes

    def input_items(self) -> list[Item]:
        """The items that the turn was given."""
        return _items(msgspec.json.decode(self.input))

    def output_items(self) -> list[Item]:
        """The items that it produced."""
        return output_items(self.response)


class _Output(msgspec.Struct):
    output: list[Any] | None = None


def output_items(response: bytes) -> list[Item]:
    """The C{output} of a response object."""
    return _items(msgspec.json.decode(response, type=_Output).output)


def _items(value: Any) -> list[Item]:
    return [item for item in value or () if isinstance(item, dict)]


def as_items(given: Any) -> list[Item]:
    """C{input} as a client may write it (nothing, a text, a list), as items."""
    if given is None:
        return []
    if isinstance(given, str):
        return [
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": given}],
            }
        ]
    return list(given)


def replayed(path: Iterable[Step]) -> Iterator[Item]:
    """
    The items of C{path}, root first, as an upstream can take them that has not seen
    them.

    They lose their ids, by which another connection finds nothing (C{Item 'rs_…' not
    found. Items are not persisted when store is set to false}), and their statuses.
    Reasoning is portable only in its encrypted form.
    """
    for step in path:
        yield from portable(step.input_items())
        yield from portable(step.output_items())


def portable(items: Iterable[Item]) -> Iterator[Item]:
    """C{items} without what only the connection understands that made them."""
    for item in items:
        if item.get("type") == "reasoning" and not item.get("encrypted_content"):
            continue
        if item.get("type") in _BY_THEIR_IDS:
            yield item
            continue
        yield {
            name: value for name, value in item.items() if name not in ("id", "status")
        }


def references(items: Iterable[Item]) -> list[str]:
    """The ids of the items that C{items} refer to, as often as they do."""
    return [name for item in items if (name := _referred(item)) is not None]


def _referred(item: Item) -> str | None:
    """
    What C{item} refers to, if it does; its type may be left out.

    OpenAI's guide has clients name a picture that was made by its call, less what came
    of it; LangChain and Pydantic AI do.
    """
    if item.get("type") == PICTURE:
        if item.get("result"):
            return None
    elif item.get("type") not in (None, "item_reference") or "role" in item:
        return None
    name = item.get("id")
    return name if isinstance(name, str) else None


def resolved(items: Sequence[Item], known: Mapping[str, Item]) -> list[Item]:
    """
    C{items} with each that refers to another one replaced by that.

    @param known: Items by id. A reference that is not among them stays as it is, and
        the upstream says what it makes of it.
    """
    whole: list[Item] = []
    for item in items:
        name = _referred(item)
        if name is not None and name in known:
            whole += portable([known[name]])
        else:
            whole.append(item)
    return whole


def identified(items: Iterable[Item]) -> Iterator[tuple[str, Item]]:
    """The items that can be referred to, with their ids."""
    for item in items:
        identity = item.get("id")
        if isinstance(identity, str) and identity:
            if _referred(item) is None:
                yield identity, item
