"""The items of a conversation: what clients send as C{input}, made uniform and read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chatmockd.simulator import words
from chatmockd.simulator.refusal import Refused

Item = dict[str, Any]

OUTPUT_OF = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
}
_OUTPUTS = frozenset(OUTPUT_OF.values())

# What an image counts for; any fixed number would do.
_IMAGE_TOKENS = 85


def items_of(given: object) -> list[Item]:
    """
    The request's C{input} as items that all have a C{type}.

    A string is one user message. Items with a role and no type are messages: many
    clients send them so.

    @raise Refused: It is neither a string nor a list of objects.
    """
    if given is None:
        return []
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    if not isinstance(given, list):
        raise Refused(
            message="Invalid type for 'input': expected a string or an array of input "
            f"items, but got {_json_name(given)} instead.",
            code="invalid_type",
            param="input",
        )
    return [_item(each, place) for place, each in enumerate(given)]


def _item(given: object, place: int) -> Item:
    if isinstance(given, dict):
        kind = given.get("type")
        if isinstance(kind, str):
            return given
        if kind is None and isinstance(given.get("role"), str):
            return {"type": "message", **given}
    raise Refused(
        message=f"Invalid value for 'input[{place}]': not an input item.",
        code="invalid_value",
        param=f"input[{place}]",
    )


def _json_name(given: object) -> str:
    if isinstance(given, bool):
        return "a boolean"
    return "an object" if isinstance(given, dict) else "a number"


def text_of(item: Item) -> str:
    """What a message says: its content, be that a string or parts with text."""
    return _joined(item.get("content"))


def output_text(item: Item) -> str:
    """What a tool call's output says; it may come as a string or as parts."""
    return _joined(item.get("output"))


def _joined(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def images_in(item: Item) -> int:
    """How many images a message, or a tool call's output, carries."""
    content = item.get("output" if item.get("type") in _OUTPUTS else "content")
    if not isinstance(content, list):
        return 0
    return sum(
        isinstance(part, dict) and part.get("type") == "input_image" for part in content
    )


def is_message_of(item: Item, role: str) -> bool:
    """Whether C{item} is a message of C{role}."""
    return item.get("type") == "message" and item.get("role") == role


def newest_user_text(items: Sequence[Item]) -> str | None:
    """
    What the user just said, or C{None} when something else came last.

    Behind the user's message may stand instructions, but no answer and no tool output.
    """
    for item in reversed(items):
        if is_message_of(item, "user"):
            return text_of(item)
        if not (is_message_of(item, "system") or is_message_of(item, "developer")):
            return None
    return None


def newest_outputs(items: Sequence[Item]) -> list[tuple[str, str]]:
    """The tool outputs behind the last message, as the tool's name and its output."""
    called: dict[str, str] = {}
    for item in items:
        if item.get("type") in OUTPUT_OF:
            called[str(item.get("call_id"))] = str(item.get("name"))
    found = []
    for item in reversed(items):
        if item.get("type") == "message":
            break
        if item.get("type") in _OUTPUTS:
            name = called.get(str(item.get("call_id")), "the tool")
            images = images_in(item)
            seen = [f"{images} image{'s' * (images > 1)}"] if images else []
            found.append((name, "\n".join(filter(None, [output_text(item), *seen]))))
    return found[::-1]


def just_returned(items: Sequence[Item]) -> set[str]:
    """
    The tools whose outputs the model has not yet said anything about.

    Behind them may stand messages of the user: Pydantic AI shows it an image there that
    a tool returned, and says which tool it was.
    """
    waiting: set[str] = set()
    for item in reversed(items):
        if item.get("type") in _OUTPUTS:
            waiting.add(str(item.get("call_id")))
        elif item.get("type") in OUTPUT_OF or is_message_of(item, "assistant"):
            break
    return {
        str(item.get("name"))
        for item in items
        if item.get("type") in OUTPUT_OF and str(item.get("call_id")) in waiting
    }


def check_calls(items: Iterable[Item]) -> None:
    """
    Every tool call has its output, and no output lacks its call.

    @raise Refused: It is not so. The wording comes from the field; the C{code} that
        upstream sends with it is not known, so there is none.
    """
    known: set[str] = set()
    unanswered: dict[str, None] = {}
    for item in items:
        kind, call = item.get("type"), str(item.get("call_id"))
        if kind in OUTPUT_OF:
            known.add(call)
            unanswered[call] = None
        elif kind in _OUTPUTS:
            if call not in known:
                raise Refused(
                    message="No tool call found for function call output with "
                    f"call_id {call}.",
                    param="input",
                )
            unanswered.pop(call, None)
    for call in unanswered:
        raise Refused(
            message=f"No tool output found for function call {call}.", param="input"
        )


def tokens_of(item: Item) -> int:
    """How many tokens an item counts for."""
    written = text_of(item) + output_text(item)
    for name in ("arguments", "input"):
        value = item.get(name)
        if isinstance(value, str):
            written += value
    summary = item.get("summary")
    for part in summary if isinstance(summary, list) else ():
        if isinstance(part, dict):
            written += str(part.get("text", ""))
    return words.count(written) + _IMAGE_TOKENS * images_in(item)
