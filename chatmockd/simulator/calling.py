"""Which of the offered tools a turn calls, and with what arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from chatmockd.simulator.hints import Hints, is_place, places_in
from chatmockd.simulator.outputs import CustomCall, FunctionCall
from chatmockd.simulator.schema import value_for

_ASKS_FOR_A_TOOL = re.compile(
    r"\b(?:use|call|invoke|run)\s+(?:(?:the|a|an|any|your|this|that|my|both|all)\s+)*"
    r"(?:\w+\s+)?(?:tool|function)s?\b",
    re.IGNORECASE,
)
_FORBIDS_TOOLS = re.compile(
    r"\b(?:do not|don['\u2019]t|never|without|no)\b[^.\n]*\b(?:tool|function)s?\b",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[a-z]+")

# Words in tool names that say nothing about their subject.
_GENERAL = frozenset(
    "fetch search lookup current create update delete query value".split()
)


@dataclass(frozen=True)
class Tool:
    """A tool that the client offers and executes itself."""

    kind: str
    name: str
    parameters: Any


def offered(tools: object) -> list[Tool]:
    """
    The function and custom tools in the request's C{tools}.

    Tools that upstream would run itself (web search and its like) are not played.
    """
    found: list[Tool] = []
    for each in tools if isinstance(tools, list) else ():
        if not isinstance(each, dict):
            continue
        kind, name = each.get("type"), each.get("name")
        if kind == "namespace":
            found.extend(offered(each.get("tools")))
        elif kind in ("function", "custom") and isinstance(name, str):
            found.append(Tool(kind, name, each.get("parameters") or {}))
    return found


def calls_for(
    text: str, tools: list[Tool], choice: object, parallel: bool
) -> list[FunctionCall | CustomCall]:
    """
    The calls with which the turn answers C{text}; none when it answers in words.

    @param choice: The request's C{tool_choice}.
    @param parallel: More than one call is welcome: one for each tool that is named,
        or one for each place.
    """
    chosen = _chosen(text, tools, choice)
    if not parallel:
        chosen = chosen[:1]
    places = places_in(text)
    if parallel and len(chosen) == 1 and len(places) > 1 and _wants_place(chosen[0]):
        return [_call(chosen[0], Hints(text, [place])) for place in places]
    return [_call(tool, Hints(text)) for tool in chosen]


def _chosen(text: str, tools: list[Tool], choice: object) -> list[Tool]:
    forced = choice == "required"
    if isinstance(choice, dict):
        if choice.get("type") == "allowed_tools":
            allowed = {tool.name for tool in offered(choice.get("tools"))} | {
                each.get("name")
                for each in choice.get("tools") or ()
                if isinstance(each, dict)
            }
            tools = [tool for tool in tools if tool.name in allowed]
            forced = choice.get("mode") == "required"
        else:
            return [tool for tool in tools if tool.name == choice.get("name")][:1]
    if not tools or choice == "none":
        return []
    if not forced and _FORBIDS_TOOLS.search(text):
        return []
    wanted = _named(text, tools) or _about(text, tools)
    if not wanted and (forced or _ASKS_FOR_A_TOOL.search(text)):
        wanted = tools[:1]
    return wanted


def _named(text: str, tools: list[Tool]) -> list[Tool]:
    spoken = _spoken(text)
    return [tool for tool in tools if f" {_spoken(tool.name)} " in f" {spoken} "]


def _about(text: str, tools: list[Tool]) -> list[Tool]:
    """The first tool whose name shares a telling word with the text."""
    said = set(_WORDS.findall(text.lower()))
    for tool in tools:
        subject = {word for word in _WORDS.findall(tool.name.lower()) if len(word) > 4}
        if (subject - _GENERAL) & said:
            return [tool]
    return []


def _spoken(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def _wants_place(tool: Tool) -> bool:
    properties = (
        tool.parameters.get("properties") if isinstance(tool.parameters, dict) else None
    )
    return isinstance(properties, dict) and any(is_place(name) for name in properties)


def _call(tool: Tool, hints: Hints) -> FunctionCall | CustomCall:
    if tool.kind == "custom":
        return CustomCall(tool.name, hints.text_for("input") or hints.text)
    arguments = value_for(tool.parameters, hints)
    if not isinstance(arguments, dict):
        arguments = {}
    return FunctionCall(tool.name, msgspec.json.encode(arguments).decode())
