"""What clients of the Ollama API ask, in the words of the Responses API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chatmockd.core.dialect.asked import LEAST_TOKENS
from chatmockd.core.dialect.ollama_calls import Calls
from chatmockd.core.dialect.ollama_messages import (
    History,
    shown_images,
    user_message,
)
from chatmockd.core.dialect.ollama_models import asked_model, bare
from chatmockd.core.dialect.reading import (
    boolean,
    checked_mapping,
    mapping,
    needed_text,
    number,
    one_of,
    present,
    sequence,
    text,
    wrong_type,
    wrong_value,
)
from chatmockd.core.dialect.tools import add_extra_tools
from chatmockd.core.model import Model
from chatmockd.core.transcript import Item

Find = Callable[[str], Model | None]
"""
The model of a name; None where any name will do. It raises
L{chatmockd.core.dialect.ollama_error.ModelNotFound}.
"""

_EFFORTS = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})
_CHOICES = frozenset({"none", "auto", "required"})
_MOST_STOPS, _LONGEST_STOP = 32, 256  # Ollama has no limits, we have other clients


NAMES = {
    "max_output_tokens": "options.num_predict",
    "temperature": "options.temperature",
    "top_p": "options.top_p",
}
"""What Ollama calls these fields."""


@dataclass(frozen=True)
class AskedOllama:
    """
    One request.

    @ivar model: As the client named it, which is how the answer names it.
    @ivar fields: The same request in the words of the Responses API; empty where the
        client asks nothing.
    @ivar streaming: It wants the answer line by line.
    @ivar thinks_aloud: It may be shown what the model thought.
    @ivar stops: Sequences that end the answer.
    @ivar otherwise: What to ask instead if the upstream refuses that, or None.
    @ivar idle_reason: Why nothing is asked: C{"load"} the model, or C{"unload"} it.
    """

    model: str
    fields: dict[str, Any] = field(default_factory=dict)
    streaming: bool = True
    thinks_aloud: bool = True
    stops: tuple[str, ...] = ()
    idle_reason: str = ""
    otherwise: dict[str, Any] | None = None

    @property
    def items(self) -> list[Item]:
        """The conversation, up to the answer."""
        items: list[Item] = self.fields["input"]
        return items


def read_chat(asked: dict[str, Any], find: Find, calls: Calls) -> AskedOllama:
    """
    The body of C{POST /api/chat}.

    @param calls: Those that were made in earlier answers.
    @raise InvalidRequest: It cannot be carried out; the message names the member.
    """
    history = History(calls)
    for index, message in enumerate(sequence(asked, "messages") or ()):
        history.add(message, f"messages[{index}]")
    fields: dict[str, Any] = {"input": history.items}
    tools = sequence(asked, "tools")
    if tools:
        fields["tools"] = [
            _tool(checked_mapping(tool, f"tools[{index}]"), f"tools[{index}]")
            for index, tool in enumerate(tools)
        ]
    fields |= present(
        # None of them is Ollama's; ChatMock took them here, too.
        fast_mode=boolean(asked, "fast_mode"),
        parallel_tool_calls=boolean(asked, "parallel_tool_calls"),
        service_tier=text(asked, "service_tier"),
        tool_choice=one_of(asked, "tool_choice", _CHOICES),
    )
    instructions = "\n\n".join(history.instructions)
    read = _read(asked, find, fields, instructions, asks=bool(history.items))
    return replace(read, otherwise=add_extra_tools(asked, read.fields))


def read_generate(asked: dict[str, Any], find: Find) -> AskedOllama:
    """The body of C{POST /api/generate}; see L{read_chat}."""
    if text(asked, "suffix"):
        raise wrong_value("suffix", "no model here fills in the middle of a text")
    if boolean(asked, "raw") or text(asked, "template"):
        name = "raw" if asked.get("raw") else "template"
        raise wrong_value(name, "how a prompt is put to the model is up to its server")
    prompt, images = text(asked, "prompt") or "", shown_images(asked)
    fields = {"input": [user_message(prompt, images)]}
    instructions = text(asked, "system") or ""
    return _read(asked, find, fields, instructions, asks=bool(prompt or images))


def _read(
    asked: dict[str, Any],
    find: Find,
    fields: dict[str, Any],
    instructions: str,
    *,
    asks: bool,
) -> AskedOllama:
    """What both have in common; C{fields} has the C{input}."""
    name = asked_model(asked)
    model = find(name)
    fields["model"] = bare(name)
    if instructions:
        fields["instructions"] = instructions
    options = mapping(asked, "options") or {}
    fields |= _sampling(options)
    form = _format(asked.get("format"), fields["input"])
    if form is not None:
        fields["text"] = {"format": form}
    reasoning, thinks_aloud = _thinking(asked.get("think"), model)
    if reasoning:
        fields["reasoning"] = reasoning
    stops = _stops(options)
    streaming = boolean(asked, "stream") is not False
    if not asks:
        reason = "unload" if asked.get("keep_alive") in (0, "0", "0s") else "load"
        return AskedOllama(name, streaming=streaming, idle_reason=reason)
    return AskedOllama(name, fields, streaming, thinks_aloud, stops)


def _tool(tool: Mapping[str, Any], path: str) -> dict[str, Any]:
    if text(tool, "type", path) not in (None, "function"):
        raise wrong_value(f"{path}.type", "expected 'function'")
    path = f"{path}.function"
    function = checked_mapping(tool.get("function"), path)
    return {
        "type": "function",
        "name": needed_text(function, "name", path),
        **present(description=text(function, "description", path)),
        "parameters": mapping(function, "parameters", path)
        or {"type": "object", "properties": {}},
        # The upstream's default demands schemas that hardly any client writes.
        "strict": False,
    }


def _sampling(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the upstream can be told of C{options}. Ollama ignores unknown ones, too."""
    told: dict[str, Any] = {}
    for name in ("temperature", "top_p"):
        amount = number(options, name, "options")
        if amount is not None:
            told[name] = amount
    most = number(options, "num_predict", "options")
    # Nothing and less mean that there is no limit.
    if most is not None and most > 0:
        told["max_output_tokens"] = max(LEAST_TOKENS, int(min(most, 2**53)))
    return told


def _stops(options: Mapping[str, Any]) -> tuple[str, ...]:
    given = options.get("stop")
    if isinstance(given, str):
        given = [given]
    stops = sequence({"stop": given}, "stop", "options") or []
    for index, stop in enumerate(stops):
        if not isinstance(stop, str):
            raise wrong_type(f"options.stop[{index}]", "a string")
    found = tuple(stop for stop in stops if stop)
    if len(found) > _MOST_STOPS or any(len(stop) > _LONGEST_STOP for stop in found):
        raise wrong_value(
            "options.stop",
            f"expected up to {_MOST_STOPS} strings of up to {_LONGEST_STOP} characters",
        )
    return found


def _format(given: Any, items: list[Item]) -> dict[str, Any] | None:
    if given is None or given == "":
        return None
    if isinstance(given, dict) and given:
        schema, strict = given, _is_strict(given)
    elif given not in ("json", {}):
        raise wrong_type("format", "'json' or a JSON schema")
    elif _mentions_json(items):
        return {"type": "json_object"}
    else:
        # The upstream refuses `json_object` unless a message has the word.
        schema, strict = {"type": "object"}, False
    return {
        "type": "json_schema",
        "name": "answer",
        "schema": schema,
        "strict": strict,
    }


def _mentions_json(items: list[Item]) -> bool:
    return any(
        "json" in part.get("text", "").lower()
        for item in items
        for part in item.get("content", ())
    )


def _is_strict(schema: Any) -> bool:
    """
    Whether the upstream takes this schema as one that it guarantees.

    It does if every object lists all its members as required, and has no others.
    """
    if isinstance(schema, list):
        return all(map(_is_strict, schema))
    if not isinstance(schema, dict):
        return True
    members = schema.get("properties")
    if schema.get("type") == "object" or isinstance(members, dict):
        required = schema.get("required")
        if schema.get("additionalProperties") is not False:
            return False
        if not isinstance(members, dict) or not isinstance(required, list):
            return False
        if members.keys() - {name for name in required if isinstance(name, str)}:
            return False
    return all(map(_is_strict, schema.values()))


def _thinking(think: Any, model: Model | None) -> tuple[dict[str, Any], bool]:
    """
    C{think} as C{reasoning}, and whether the client is shown any.

    @param model: None if it is not known.
    """
    if think is None or think == "":
        return {}, True
    if think is True:
        return {"summary": "auto"}, True
    if think is False:
        # As little as the model can.
        efforts = model.efforts if model is not None else ()
        return ({"effort": efforts[0]} if efforts else {}), False
    if isinstance(think, str) and think in _EFFORTS:
        return {"effort": think, "summary": "auto"}, True
    raise wrong_value("think", "expected true, false, 'low', 'medium' or 'high'")
