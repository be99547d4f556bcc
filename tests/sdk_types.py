"""
What OpenAI's own package takes for a response, an event and an item.

Its client does not validate what it gets; other programs that were generated from the
same description do. Here every member is held against its type, and every member that
must be there is looked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_item import ResponseItem
from openai.types.responses.responses_server_event import ResponsesServerEvent
from pydantic import BaseModel, ValidationError

# They may be null, and not be missing: the package for Node says so, the one for Python
# has no words for the difference.
_ALWAYS_THERE = ("error", "incomplete_details", "instructions", "metadata") + (
    "temperature",
    "top_p",
)


def _by_type(union: Any) -> dict[str, list[type[BaseModel]]]:
    """The classes of a union, by the C{type} that tells them apart."""
    found: dict[str, list[type[BaseModel]]] = {}
    for one in _members(union):
        for name in get_args(one.model_fields["type"].annotation):
            found.setdefault(name, []).append(one)
    return found


def _members(union: Any) -> Iterator[type[BaseModel]]:
    if get_origin(union) is Annotated:
        union = get_args(union)[0]
    yield from get_args(union)


_EVENTS = _by_type(ResponseStreamEvent)
_MESSAGES = _by_type(ResponsesServerEvent)
_ITEMS = _by_type(ResponseItem)


def check_response(response: Mapping[str, Any]) -> None:
    """
    Hold a response object against its type.

    @raise AssertionError: It is not of it.
    """
    _check([Response], _with_known_code(response))
    missing = [name for name in _ALWAYS_THERE if name not in response]
    assert not missing, f"without {', '.join(missing)}: {response}"


def check_event(event: Mapping[str, Any]) -> None:
    """The same for an event of a stream."""
    _check_event(_EVENTS, event)


def check_message(event: Mapping[str, Any]) -> None:
    """The same for an event over a WebSocket."""
    _check_event(_MESSAGES, event)


def check_item(item: Mapping[str, Any]) -> None:
    """The same for an item that is listed."""
    _check(_ITEMS.get(item["type"], []), item)


def _check_event(
    kinds: Mapping[str, list[type[BaseModel]]], event: Mapping[str, Any]
) -> None:
    classes = kinds.get(event["type"], [])
    if "response" in event:
        check_response(event["response"])
        event = {**event, "response": _with_known_code(event["response"])}
    _check(classes, event)


def _with_known_code(response: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    C{response}, without a code that its type does not know.

    The API has more of them than its description: Codex tells six others apart. So
    have we.
    """
    error = response.get("error")
    if not isinstance(error, dict):
        return response
    assert isinstance(error["code"], str), error
    return {**response, "error": {**error, "code": "server_error"}}


def _check(classes: list[type[BaseModel]], value: Mapping[str, Any]) -> None:
    assert classes, f"there is no such type: {value}"
    problems = []
    for one in classes:
        try:
            one.model_validate_json(json.dumps(value), strict=True)
        except ValidationError as problem:
            problems.append(str(problem))
        else:
            return
    raise AssertionError("\n".join(problems))
