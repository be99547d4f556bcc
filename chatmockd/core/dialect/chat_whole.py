"""A response as a C{chat.completion}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from chatmockd.core.dialect.stops import Stops
from chatmockd.core.dialect.thoughts import CLOSE, OPEN, Compat, shown, thoughts_in
from chatmockd.core.dialect.told import Told

Call = dict[str, Any]


def completion(
    told: Told,
    *,
    compat: Compat,
    stops: Stops,
    is_legacy: bool,
    wants_logprobs: bool,
    model: str,
    now: int,
) -> bytes:
    """
    The JSON of the whole answer.

    @param is_legacy: It was asked with C{functions}.
    @param model: What to call the model if the upstream does not say.
    @param now: Unix seconds, for an upstream that does not say.
    """
    items = told.items()
    message, logprobs = _message(items, stops)
    calls = [] if stops.found else calls_in(items)
    if calls and is_legacy:
        message["function_call"] = calls[0].get("function")
    elif calls:
        message["tool_calls"] = calls
    show_thoughts(message, items, compat)
    choice = {
        "index": 0,
        "message": message,
        "logprobs": logprobs if wants_logprobs else None,
        "finish_reason": finish_reason(
            told, called=bool(calls), stopped=stops.found, is_legacy=is_legacy
        ),
    }
    whole = {
        "id": told.name("chatcmpl-"),
        "object": "chat.completion",
        "created": told.created(now),
        "model": told.model_name(model),
        "choices": [choice],
    }
    usage = told.usage_counts()
    if usage is not None:
        whole["usage"] = usage
    if isinstance(told.service_tier, str):
        whole["service_tier"] = told.service_tier
    return msgspec.json.encode(whole)


def finish_reason(told: Told, *, called: bool, stopped: bool, is_legacy: bool) -> str:
    """Why the answer ends."""
    if stopped:
        return "stop"
    if called:
        return told.finish_reason("function_call" if is_legacy else "tool_calls")
    return told.finish_reason("stop")


def calls_in(items: list[dict[str, Any]]) -> list[Call]:
    """The calls of the client's tools."""
    return [call for item in items if (call := call_in(item)) is not None]


def call_in(item: Mapping[str, Any]) -> Call | None:
    """The call that an item is, if it is one."""
    kind, name = item.get("type"), item.get("name")
    if kind == "function_call":
        called = {"name": name, "arguments": _text(item, "arguments")}
        return {"id": _id(item), "type": "function", "function": called}
    if kind == "custom_tool_call":
        called = {"name": name, "input": _text(item, "input")}
        return {"id": _id(item), "type": "custom", "custom": called}
    return None


def _id(item: Mapping[str, Any]) -> Any:
    return item.get("call_id") or item.get("id")


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _message(items: list[dict[str, Any]], stops: Stops) -> tuple[Call, Any]:
    said: list[str] = []
    refused: list[str] = []
    notes: list[Any] = []
    likely: list[Any] = []
    for part in parts_in(items):
        if part.get("type") == "refusal":
            refused.append(_text(part, "refusal"))
        elif part.get("type") == "output_text":
            place = sum(map(len, said))
            said.append(stops.feed(_text(part, "text")))
            if not stops.found:
                notes += notes_in(part.get("annotations"), place)
            likely += likelihoods(part.get("logprobs"))
    said.append(stops.rest())
    message = {
        "role": "assistant",
        "content": "".join(said) or None,
        "refusal": "".join(refused) or None,
        "annotations": notes,
    }
    return message, {"content": likely, "refusal": None}


def parts_in(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts of all messages."""
    return [
        part
        for item in items
        if item.get("type") == "message" and isinstance(item.get("content"), list)
        for part in item["content"]
        if isinstance(part, dict)
    ]


def show_thoughts(message: Call, items: list[Any], compat: Compat) -> None:
    """Tell the reasoning in C{message}, as C{compat} has it."""
    summary, full = thoughts_in(items)
    if compat != "think-tags":
        message.update(shown(compat, summary, full))
        return
    told = summary + full
    if told:
        block = f"{OPEN}{told}{CLOSE}"
        message["content"] = block + (message["content"] or "")
        for note in message["annotations"]:
            move(note, len(block))


def notes_in(annotations: Any, place: int) -> list[dict[str, Any]]:
    """
    The web addresses that a text refers to, as the chat API has them.

    @param place: Where in the whole content that text begins.
    """
    notes = []
    for note in annotations if isinstance(annotations, list) else ():
        if isinstance(note, dict) and note.get("type") == "url_citation":
            cited = {name: value for name, value in note.items() if name != "type"}
            notes.append({"type": "url_citation", "url_citation": cited})
            move(notes[-1], place)
    return notes


def move(note: dict[str, Any], characters: int) -> None:
    """Have C{note} refer to what stands so many characters further on."""
    for name in ("start_index", "end_index"):
        if isinstance(note["url_citation"].get(name), int):
            note["url_citation"][name] += characters


def likelihoods(logprobs: Any) -> list[dict[str, Any]]:
    """Log probabilities, as the chat API has them."""
    found = []
    for each in logprobs if isinstance(logprobs, list) else ():
        if isinstance(each, dict) and isinstance(each.get("token"), str):
            others = each.get("top_logprobs")
            found.append(_likely(each) | {"top_logprobs": []})
            for other in others if isinstance(others, list) else ():
                if isinstance(other, dict) and isinstance(other.get("token"), str):
                    found[-1]["top_logprobs"].append(_likely(other))
    return found


def _likely(each: dict[str, Any]) -> dict[str, Any]:
    token = each["token"]
    own = each.get("bytes")
    return {
        "token": token,
        "logprob": each.get("logprob"),
        "bytes": own if isinstance(own, list) else list(token.encode()),
    }
