"""The messages of C{POST /api/chat}, as items of the Responses API."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from chatmockd.core.dialect.image import image_part
from chatmockd.core.dialect.ollama_calls import (
    Call,
    Calls,
    arguments_in,
    as_text,
    id_for,
)
from chatmockd.core.dialect.reading import (
    below,
    checked_mapping,
    needed_text,
    sequence,
    text,
    wrong_type,
    wrong_value,
)
from chatmockd.core.likeness import Likeness
from chatmockd.core.transcript import Item


class _Waiting:
    """
    The calls that have no result yet, by all that a result may know of its call.

    Each is found without looking at the others: a history may have a hundred thousand.
    """

    def __init__(self) -> None:
        self._call_ids: set[str] = set()
        self._by_id: dict[str, deque[str]] = {}
        self._by_name: dict[str, deque[str]] = {}
        self._without_id: deque[str] = deque()
        self._in_order: deque[str] = deque()

    def add(self, call_id: str, client_id: str, name: str) -> None:
        """A call was made; C{client_id} is what its client calls it, if anything."""
        self._call_ids.add(call_id)
        for known_as in {call_id, client_id}:
            self._by_id.setdefault(known_as, deque()).append(call_id)
        self._by_name.setdefault(name, deque()).append(call_id)
        self._in_order.append(call_id)
        if not client_id:
            self._without_id.append(call_id)

    def with_id(self, client_id: str) -> str | None:
        """The first with this id; None if there is none."""
        return self._first(self._by_id.get(client_id))

    def of_tool(self, name: str) -> str | None:
        """The first of this tool."""
        return self._first(self._by_name.get(name))

    def next(self) -> str | None:
        """The first of all."""
        return self._first(self._in_order)

    def next_without_id(self) -> str | None:
        """The first that its client sent without an id."""
        return self._first(self._without_id)

    def answered(self, call_id: str) -> None:
        """It waits no more."""
        self._call_ids.discard(call_id)

    def _first(self, calls: deque[str] | None) -> str | None:
        while calls and calls[0] not in self._call_ids:
            calls.popleft()
        return calls[0] if calls else None


class History:
    """
    A conversation, message by message.

    @ivar items: What has been said, for C{input}.
    @ivar instructions: What the system says before anybody else does.
    """

    def __init__(self, calls: Calls) -> None:
        """
        @param calls: Those that were made in earlier answers.
        """
        self.items: list[Item] = []
        self.instructions: list[str] = []
        self._calls = calls
        self._waiting = _Waiting()
        self._taken: set[str] = set()
        # Where the newest answer begins, and how many calls it has made so far.
        self._answering = False
        self._answer_start = 0
        self._place = 0
        # The items before that.
        self._likeness = Likeness()
        self._taken_in = 0
        self._adding: Mapping[str, Callable[[dict[str, Any], str], None]] = {
            "system": self._add_system,
            "user": self._add_user,
            "assistant": self._add_assistant,
            "tool": self._add_result,
        }

    def add(self, message: Any, path: str) -> None:
        """
        The next message.

        @param path: Where in the request it stands.
        @raise InvalidRequest: It is none, or it answers a call that was not made.
        """
        message = checked_mapping(message, path)
        role = message.get("role")
        adding = self._adding.get(role) if isinstance(role, str) else None
        if adding is None:
            known = ", ".join(map(repr, self._adding))
            raise wrong_value(below(path, "role"), f"expected one of {known}")
        if role != "assistant":
            self._answering = False
        adding(message, path)

    def _add_system(self, message: dict[str, Any], path: str) -> None:
        said = text(message, "content", path)
        _refuse_images(message, path)
        if not said:
            return
        if not self.items:
            self.instructions.append(said)
        else:
            self.items.append(_message("developer", [input_text(said)]))

    def _add_user(self, message: dict[str, Any], path: str) -> None:
        self.items.append(_message("user", _parts(message, path)))

    def _add_assistant(self, message: dict[str, Any], path: str) -> None:
        """
        An answer, or a piece of one. What it thought is not said again: the upstream
        takes reasoning in its own form only.
        """
        if not self._answering:
            self._answering = True
            self._answer_start = len(self.items)
            self._place = 0
        said = text(message, "content", path)
        _refuse_images(message, path)
        if said:
            part = {"type": "output_text", "text": said}
            self.items.append(_message("assistant", [part]))
        calls = sequence(message, "tool_calls", path) or ()
        for number, call in enumerate(calls):
            self._add_call(call, f"{path}.tool_calls[{number}]")

    def _add_call(self, given: Any, path: str) -> None:
        given = checked_mapping(given, path)
        client_id = text(given, "id", path) or ""
        path = below(path, "function")
        function = checked_mapping(given.get("function"), path)
        name = needed_text(function, "name", path)
        arguments = _arguments(function, below(path, "arguments"))
        asked = self._before(), self._place, name, arguments
        self._place += 1
        # The upstream's own word before the client's: some make up ids themselves.
        call = self._calls.recall(*asked)
        if call is None:
            # Others count from 0 in each answer.
            is_free = client_id and client_id not in self._taken
            call_id = client_id if is_free else id_for(*asked)
            call = Call(call_id, name, as_text(arguments))
        call_id = call.call_id
        self._taken.add(call_id)
        self._waiting.add(call_id, client_id, name)
        self.items.append(
            {
                "type": "function_call",
                "call_id": call_id,
                "name": name,
                "arguments": call.arguments,
            }
        )

    def _before(self) -> bytes:
        """What all amounts to that was said before the newest answer."""
        self._likeness.take(self.items[self._taken_in : self._answer_start])
        self._taken_in = self._answer_start
        return self._likeness.digest

    def _add_result(self, message: dict[str, Any], path: str) -> None:
        parts = _parts(message, path)
        call_id = self._answered(message, path)
        self._waiting.answered(call_id)
        plain = len(parts) == 1 and parts[0]["type"] == "input_text"
        self.items.append(
            {
                "type": "function_call_output",
                "call_id": call_id,
                "output": parts[0]["text"] if plain else parts,
            }
        )

    def _answered(self, message: dict[str, Any], path: str) -> str:
        """The call that a result is for: told by its id, its name, or its turn."""
        client_id = text(message, "tool_call_id", path)
        if client_id:
            found = self._waiting.with_id(client_id)
            if found is not None:
                return found
            if self._waiting.next_without_id() is None:
                raise wrong_value(
                    below(path, "tool_call_id"), "no call with this id waits for it"
                )
            # LiteLLM makes one up for its user, who has it put into the result; the
            # call is sent without any.
        for key in ("tool_name", "name"):
            name = text(message, key, path)
            if name:
                found = self._waiting.of_tool(name)
                if found is None:
                    raise wrong_value(
                        below(path, key), "no call of this tool waits for it"
                    )
                return found
        waiting = self._waiting
        found = waiting.next_without_id() if client_id else waiting.next()
        if found is None:
            raise wrong_value(path, "it is the result of a call that was not made")
        return found


def input_text(said: str) -> dict[str, Any]:
    """A text that somebody else than the model says."""
    return {"type": "input_text", "text": said}


def shown_images(holder: dict[str, Any], path: str = "") -> list[dict[str, Any]]:
    """The C{images} of what stands at C{path}, as parts of a message."""
    images = sequence(holder, "images", path) or ()
    path = below(path, "images")
    return [
        image_part(image, f"{path}[{number}]") for number, image in enumerate(images)
    ]


def user_message(said: str, images: list[dict[str, Any]]) -> Item:
    """What the user says and shows."""
    return _message("user", [input_text(said), *images] if said else images)


def _parts(message: dict[str, Any], path: str) -> list[dict[str, Any]]:
    said = text(message, "content", path)
    images = shown_images(message, path)
    return [input_text(said or ""), *images] if said or not images else images


def _refuse_images(message: dict[str, Any], path: str) -> None:
    if sequence(message, "images", path):
        raise wrong_value(
            below(path, "images"), "images are shown by the user, or by a tool"
        )


def _message(role: str, content: list[dict[str, Any]]) -> Item:
    return {"type": "message", "role": role, "content": content}


def _arguments(function: dict[str, Any], path: str) -> dict[str, Any]:
    arguments = function.get("arguments")
    if arguments is None:
        return {}
    if isinstance(arguments, str):
        # As the Chat API has them; not all clients make the difference.
        arguments = arguments_in(arguments)
        if arguments is None:
            raise wrong_value(path, "it is no JSON object")
    if not isinstance(arguments, dict):
        raise wrong_type(path, "an object")
    return arguments
