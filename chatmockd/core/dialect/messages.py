"""Chat messages as instructions and items of the Responses API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chatmockd.core.dialect.parts import (
    TEXTS,
    Part,
    input_parts,
    said_in,
    unknown_part,
)
from chatmockd.core.dialect.reading import (
    below,
    checked_mapping,
    checked_text,
    mapping,
    missing,
    needed_text,
    sequence,
    shortened,
    text,
    unsupported,
    wrong_type,
    wrong_value,
)
from chatmockd.core.dialect.thoughts import without_thoughts

Item = dict[str, Any]
Message = Mapping[str, Any]

_LEADING = ("system", "developer")


class Messages:
    """
    What a list of chat messages says.

    The translation of a message depends on nothing that comes after it: a history that
    is sent again with more behind it begins with the same items.

    @ivar instructions: What leading system and developer messages say, if any do.
    @ivar items: Everything else.
    """

    def __init__(self, messages: object, *, thinks: bool) -> None:
        """
        @param thinks: Answers were shown with C{<think>} tags.
        @raise InvalidRequest: One cannot be understood.
        """
        self._thinks = thinks
        self._calls: dict[str, str] = {}
        self._legacy: dict[str, str] = {}
        self.instructions: str | None = None
        self.items: list[Item] = []
        if messages is None:
            raise missing("messages")
        if not isinstance(messages, list):
            raise wrong_type("messages", "an array")
        if not messages:
            raise wrong_value("messages", "there must be at least one message")
        checked = [
            checked_mapping(message, f"messages[{index}]")
            for index, message in enumerate(messages)
        ]
        leading = 0
        while leading < len(checked) and checked[leading].get("role") in _LEADING:
            leading += 1
        if leading == len(checked):
            # There must be something to answer.
            leading = 0
        if leading:
            self.instructions = "\n\n".join(
                _plain(message, f"messages[{index}]")
                for index, message in enumerate(checked[:leading])
            )
        for index, message in enumerate(checked[leading:], leading):
            self._take(message, f"messages[{index}]")

    def _take(self, message: Message, path: str) -> None:
        role = needed_text(message, "role", path)
        take = self._ROLES.get(role)
        if take is None:
            known = ", ".join(self._ROLES)
            raise wrong_value(
                below(path, "role"),
                f"'{shortened(role)}' is no role; there are {known}",
            )
        take(self, message, path)

    def _system(self, message: Message, path: str) -> None:
        said = {"type": "input_text", "text": _plain(message, path)}
        self._say("developer", [said])

    def _user(self, message: Message, path: str) -> None:
        content = message.get("content")
        path = below(path, "content")
        if content is None:
            raise missing(path)
        if isinstance(content, list):
            self._say("user", input_parts(content, path))
        elif isinstance(content, str):
            said = {"type": "input_text", "text": checked_text(content, path)}
            self._say("user", [said])
        else:
            raise wrong_type(path, "a string or an array")

    def _assistant(self, message: Message, path: str) -> None:
        if message.get("audio") is not None:
            raise unsupported(
                below(path, "audio"), "the Responses API knows no audio of earlier"
            )
        parts = self._answered(message.get("content"), below(path, "content"))
        refusal = text(message, "refusal", path)
        if refusal:
            parts.append({"type": "refusal", "refusal": refusal})
        if parts:
            self._say("assistant", parts)
        calls = sequence(message, "tool_calls", path) or ()
        for index, call in enumerate(calls):
            place = f"{path}.tool_calls[{index}]"
            self._call(checked_mapping(call, place), place)
        legacy = mapping(message, "function_call", path)
        if legacy is not None:
            name, arguments = _function(legacy, below(path, "function_call"))
            # It has no id. Which one does not matter, as long as its result has it too.
            call_id = f"call_legacy_{len(self.items)}"
            self._legacy[name] = call_id
            self._add_call(call_id, name, arguments)

    def _answered(self, content: object, path: str) -> list[Part]:
        """What an assistant's message says in words."""
        parts: list[Part] = []
        if isinstance(content, list):
            for index, given in enumerate(content):
                place = f"{path}[{index}]"
                part = checked_mapping(given, place)
                kind = needed_text(part, "type", place)
                if kind == "refusal":
                    refusal = needed_text(part, "refusal", place)
                    parts.append({"type": "refusal", "refusal": refusal})
                elif kind in TEXTS:
                    said = said_in(part, place)
                    said = said if index else self._bare(said)
                    parts.append({"type": "output_text", "text": said})
                else:
                    raise unknown_part(kind, place)
        elif content is not None:
            said = self._bare(checked_text(content, path))
            parts.append({"type": "output_text", "text": said})
        return [part for part in parts if part.get("text") != ""]

    def _bare(self, said: str) -> str:
        return without_thoughts(said) if self._thinks else said

    def _call(self, call: Message, path: str) -> None:
        call_id = needed_text(call, "id", path)
        kind = text(call, "type", path) or "function"
        if kind == "function":
            function = mapping(call, "function", path)
            if function is None:
                raise missing(below(path, "function"))
            name, arguments = _function(function, below(path, "function"))
            self._add_call(call_id, name, arguments)
        elif kind == "custom":
            custom = mapping(call, "custom", path)
            if custom is None:
                raise missing(below(path, "custom"))
            place = below(path, "custom")
            self._calls[call_id] = "custom_tool_call_output"
            self.items.append(
                {
                    "type": "custom_tool_call",
                    "call_id": call_id,
                    "name": needed_text(custom, "name", place),
                    "input": text(custom, "input", place) or "",
                }
            )
        else:
            problem = f"'{shortened(kind)}' is no kind of call"
            raise wrong_value(below(path, "type"), problem)

    def _add_call(self, call_id: str, name: str, arguments: str) -> None:
        self._calls[call_id] = "function_call_output"
        self.items.append(
            {
                "type": "function_call",
                "call_id": call_id,
                "name": name,
                "arguments": arguments,
            }
        )

    def _tool(self, message: Message, path: str) -> None:
        name = "tool_call_id"
        if message.get(name) is None and message.get("id") is not None:
            name = "id"
        call_id = needed_text(message, name, path)
        self._result(call_id, message, path, below(path, name))

    def _function_result(self, message: Message, path: str) -> None:
        name = needed_text(message, "name", path)
        self._result(self._legacy.get(name, name), message, path, below(path, "name"))

    def _result(self, call_id: str, message: Message, path: str, named: str) -> None:
        kind = self._calls.get(call_id)
        if kind is None:
            raise wrong_value(
                named,
                f"no assistant message before it calls '{shortened(call_id)}'",
            )
        output: str | list[Part]
        content = message.get("content")
        path = below(path, "content")
        if isinstance(content, list):
            parts = input_parts(content, path) if content else []
            output = parts
            if all(part["type"] == "input_text" for part in parts):
                output = "\n".join(part["text"] for part in parts)
        else:
            output = "" if content is None else checked_text(content, path)
        self.items.append({"type": kind, "call_id": call_id, "output": output})

    def _say(self, role: str, parts: list[Part]) -> None:
        self.items.append({"type": "message", "role": role, "content": parts})

    _ROLES: Mapping[str, Callable[[Messages, Message, str], None]] = {
        "system": _system,
        "developer": _system,
        "user": _user,
        "assistant": _assistant,
        "tool": _tool,
        "function": _function_result,
    }


def _plain(message: Message, path: str) -> str:
    """What a message of text says."""
    content = message.get("content")
    path = below(path, "content")
    if content is None:
        raise missing(path)
    if not isinstance(content, list):
        return checked_text(content, path)
    said = []
    for index, given in enumerate(content):
        place = f"{path}[{index}]"
        part = checked_mapping(given, place)
        kind = needed_text(part, "type", place)
        if kind not in TEXTS:
            raise unknown_part(kind, place)
        said.append(said_in(part, place))
    return "\n".join(said)


def _function(function: Message, path: str) -> tuple[str, str]:
    name = needed_text(function, "name", path)
    arguments = text(function, "arguments", path)
    return name, "{}" if arguments is None else arguments
