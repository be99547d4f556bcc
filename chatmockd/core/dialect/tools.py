"""Tools, the choice among them, and answers of a given shape, as chat clients ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from chatmockd.core.dialect.reading import (
    below,
    boolean,
    checked_mapping,
    mapping,
    missing,
    needed_text,
    one_of,
    present,
    sequence,
    shortened,
    text,
    wrong_type,
    wrong_value,
)
from chatmockd.errors import InvalidRequest

Tool = dict[str, Any]

_MODES = ("none", "auto", "required")
_SEARCHES = ("web_search", "web_search_preview")
_MOST_EXTRA = 32_768  # bytes of `responses_tools`; ChatMock's limit


def read_tools(given: Mapping[str, Any]) -> list[Tool]:
    """The tools of a chat request, C{functions} and C{web_search_options} included."""
    tools = [
        _tool(checked_mapping(tool, f"tools[{index}]"), f"tools[{index}]")
        for index, tool in enumerate(sequence(given, "tools") or ())
    ]
    tools += [
        _function(checked_mapping(each, f"functions[{index}]"), f"functions[{index}]")
        for index, each in enumerate(sequence(given, "functions") or ())
    ]
    options = mapping(given, "web_search_options")
    if options is not None:
        tools.append(_search(options))
    return tools


def add_extra_tools(
    given: Mapping[str, Any], fields: dict[str, Any]
) -> dict[str, Any] | None:
    """
    Add what C{responses_tools} and C{responses_tool_choice} ask for.

    @param fields: All the rest of the request.
    @return: What to ask instead if these tools are refused; None without any.
    """
    extra = _extra_tools(given)
    choice = one_of(given, "responses_tool_choice", ("auto", "none"))
    otherwise = None
    if extra:
        otherwise = dict(fields)
        if "tools" not in fields:
            otherwise.pop("tool_choice", None)
        fields["tools"] = [*fields.get("tools", ()), *extra]
    if choice == "none" or (choice is not None and fields.get("tools")):
        fields["tool_choice"] = choice
    return otherwise


def _extra_tools(given: Mapping[str, Any]) -> list[Tool]:
    """C{responses_tools}: tools of the Responses API, as they are."""
    name = "responses_tools"
    tools = []
    for index, tool in enumerate(sequence(given, name) or ()):
        path = f"{name}[{index}]"
        kind = needed_text(checked_mapping(tool, path), "type", path)
        if kind not in _SEARCHES:
            raise InvalidRequest(
                f"Invalid value for '{path}.type': there are only "
                f"{' and '.join(_SEARCHES)}.",
                param=f"{path}.type",
                code="RESPONSES_TOOL_UNSUPPORTED",
            )
        tools.append(tool)
    if tools and len(msgspec.json.encode(tools)) > _MOST_EXTRA:
        raise InvalidRequest(
            f"'{name}' has more than {_MOST_EXTRA} bytes.",
            param=name,
            code="RESPONSES_TOOLS_TOO_LARGE",
        )
    return tools


def _tool(tool: Mapping[str, Any], path: str) -> Tool:
    kind = text(tool, "type", path) or "function"
    if kind in _SEARCHES:
        return dict(tool)
    if kind not in ("function", "custom"):
        problem = f"'{shortened(kind)}' is no kind of tool; there are function, custom"
        raise wrong_value(below(path, "type"), problem)
    inner = mapping(tool, kind, path)
    if inner is None:
        # As the Responses API has them; some clients mix the two.
        if tool.get("name") is None:
            raise missing(below(path, kind))
        inner = dict(tool)
    else:
        path = below(path, kind)
    return _function(inner, path) if kind == "function" else _custom(inner, path)


def _function(function: Mapping[str, Any], path: str) -> Tool:
    return {
        "type": "function",
        "name": needed_text(function, "name", path),
        **present(description=text(function, "description", path)),
        "parameters": mapping(function, "parameters", path)
        or {"type": "object", "properties": {}},
        # Where it is left out the Responses API takes it for true, the chat API for
        # false.
        "strict": boolean(function, "strict", path) or False,
    }


def _custom(custom: Mapping[str, Any], path: str) -> Tool:
    form = mapping(custom, "format", path)
    if form is not None:
        form = form | (mapping(form, "grammar", below(path, "format")) or {})
        form.pop("grammar", None)
    return {
        "type": "custom",
        "name": needed_text(custom, "name", path),
        **present(description=text(custom, "description", path), format=form),
    }


def _search(options: Mapping[str, Any]) -> Tool:
    path = "web_search_options"
    place = mapping(options, "user_location", path)
    if place is not None:
        within = below(path, "user_location")
        place = {"type": "approximate"} | (
            mapping(place, "approximate", within) or place
        )
    size = text(options, "search_context_size", path)
    return {
        "type": "web_search",
        **present(search_context_size=size, user_location=place),
    }


def read_choice(given: Mapping[str, Any]) -> Any:
    """C{tool_choice}, or the old C{function_call}; None where there is no choice."""
    path = "tool_choice"
    choice = given.get(path)
    if choice is None:
        path = "function_call"
        choice = given.get(path)
        if isinstance(choice, dict):
            return {"type": "function", "name": needed_text(choice, "name", path)}
    if choice is None:
        return None
    if isinstance(choice, str):
        if choice not in _MODES:
            known = ", ".join(_MODES)
            raise wrong_value(path, f"'{shortened(choice)}' is none of {known}")
        return choice
    if not isinstance(choice, dict):
        raise wrong_type(path, "a string or an object")
    return _named(choice, path)


def _named(choice: Mapping[str, Any], path: str) -> Any:
    kind = needed_text(choice, "type", path)
    if kind in _MODES:
        return kind
    if kind in _SEARCHES:
        return {"type": kind}
    if kind == "allowed_tools":
        inner = mapping(choice, kind, path)
        if inner is not None:
            path = below(path, kind)
            choice = inner
        return {
            "type": kind,
            "mode": one_of(choice, "mode", ("auto", "required"), path) or "auto",
            "tools": [
                _named(checked_mapping(each, place), place)
                for index, each in enumerate(sequence(choice, "tools", path) or ())
                if (place := f"{path}.tools[{index}]")
            ],
        }
    if kind not in ("function", "custom"):
        problem = f"'{shortened(kind)}' is no kind of choice"
        raise wrong_value(below(path, "type"), problem)
    inner = mapping(choice, kind, path)
    if inner is None:
        return {"type": kind, "name": needed_text(choice, "name", path)}
    return {"type": kind, "name": needed_text(inner, "name", below(path, kind))}


def read_format(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """C{response_format} as C{text.format}."""
    path = "response_format"
    form = mapping(given, path)
    if form is None:
        return None
    kind = needed_text(form, "type", path)
    if kind in ("text", "json_object"):
        return {"type": kind}
    if kind != "json_schema":
        known = "text, json_object, json_schema"
        problem = f"'{shortened(kind)}' is none of {known}"
        raise wrong_value(below(path, "type"), problem)
    path = below(path, kind)
    described = mapping(form, kind, "response_format")
    if described is None:
        raise missing(path)
    schema = mapping(described, "schema", path)
    return {
        "type": kind,
        "name": needed_text(described, "name", path),
        "schema": {} if schema is None else schema,
        **present(
            strict=boolean(described, "strict", path),
            description=text(described, "description", path),
        ),
    }
