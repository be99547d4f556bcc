"""What the simulated model answers: made from the conversation, by plain rules.

The same conversation always gets the same answer. The rules, first match wins:
tool outputs that just came in are reported; a tool is called when the user asks for
one whose output did not just come in; then the user's newest text decides (recall,
remember, count, write, say); anything else is echoed. A structured C{text.format} turns
the answer into JSON that fits it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from chatmockd.simulator.calling import calls_for, offered
from chatmockd.simulator.directive import without_directive
from chatmockd.simulator.facts import facts_in, noun_asked_for, recalled
from chatmockd.simulator.hints import Hints
from chatmockd.simulator.items import (
    Item,
    images_in,
    is_message_of,
    just_returned,
    newest_outputs,
    newest_user_text,
    text_of,
)
from chatmockd.simulator.outputs import Message, Output, Thought
from chatmockd.simulator.schema import value_for
from chatmockd.simulator.words import filler

# Bounds of what one turn says, so that a slip of the finger stays harmless.
_MOST_NUMBERS = 100_000
_MOST_WORDS = 1_000_000

_COUNT = re.compile(r"\bcount\s+(?:up\s+)?to\s+(\d{1,9})\b", re.IGNORECASE)
_WRITE = re.compile(r"\bwrite\s+(?:me\s+)?(\d{1,9})\s+words?\b", re.IGNORECASE)
_SAY = re.compile(
    r"^(?:please\s+|now\s+|just\s+|only\s+)*"
    r"(?:say|repeat|(?:reply|answer|respond)\s+with(?:\s+exactly)?)\b:?\s*(?P<what>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_QUOTATION = re.compile(r"^[\"'\u201c`](?P<what>.+)[\"'\u201d`][.!]?$", re.DOTALL)
_THINK = re.compile(r"\bthink\b", re.IGNORECASE)


def answer(items: Sequence[Item], body: Mapping[str, Any]) -> list[Output]:
    """
    The output of one turn.

    @param items: The whole conversation: what is remembered, then the new input.
    @param body: The request, for its tools, its format and its reasoning.
    """
    user_texts = [
        without_directive(text_of(item))
        for item in items
        if is_message_of(item, "user")
    ]
    newest = user_texts[-1] if user_texts else ""
    outputs: list[Output] = []
    if wants_thought(body, newest):
        outputs.append(_thought(newest))
    results = newest_outputs(items)
    # A forced tool_choice is not obeyed again once its output is there: a simple
    # tool loop would never come to an end.
    if not results and newest_user_text(items) is not None:
        calls = calls_for(
            newest,
            offered(body.get("tools")),
            body.get("tool_choice"),
            body.get("parallel_tool_calls") is not False,
        )
        returned = just_returned(items)
        calls = [call for call in calls if call.name not in returned]
        if calls:
            return [*outputs, *calls]
    plain = _reported(results) if results else _reply(user_texts, items)
    return [*outputs, Message(_formatted(plain, newest, body.get("text")))]


def wants_thought(body: Mapping[str, Any], newest: str) -> bool:
    """Whether the turn shows reasoning: because of its settings, or when told to."""
    reasoning = body.get("reasoning")
    if isinstance(reasoning, dict):
        if reasoning.get("effort") not in (None, "none", "minimal"):
            return True
        if reasoning.get("summary"):
            return True
    return _THINK.search(newest) is not None


def _thought(newest: str) -> Thought:
    said = _shortened(newest) or "nothing in words"
    return Thought(
        (
            f"**Reading the request**\n\nThe user says: {said}",
            "**Choosing an answer**\n\nThe conversation so far decides what to say.",
        )
    )


def _reported(results: list[tuple[str, str]]) -> str:
    return "\n".join(f"{name} returned: {output}" for name, output in results)


def _reply(user_texts: list[str], items: Sequence[Item]) -> str:
    if not user_texts:
        return "There is no message of a user to answer."
    newest, earlier = user_texts[-1], user_texts[:-1]
    asked_for = noun_asked_for(newest)
    if asked_for is not None:
        fact = recalled(asked_for, earlier)
        if fact is None:
            what = f"the {asked_for}" if asked_for else "anything to remember"
            return f"I do not know: nothing in this conversation tells me {what}."
        return f"You asked me to remember {fact}."
    facts = facts_in(newest)
    if facts:
        return f"I will remember {' and '.join(str(fact) for fact in facts)}."
    count = _COUNT.search(newest)
    if count:
        last = min(int(count[1]), _MOST_NUMBERS)
        return ", ".join(str(number) for number in range(1, last + 1))
    write = _WRITE.search(newest)
    if write:
        return filler(min(int(write[1]), _MOST_WORDS))
    say = _SAY.match(newest)
    if say:
        return _said(say["what"].strip())
    return _echo(newest, len(user_texts), items)


def _said(what: str) -> str:
    quotation = _QUOTATION.match(what)
    if quotation:
        return quotation["what"]
    return what[:-1] if what.endswith(".") and len(what) > 1 else what


def _echo(newest: str, place: int, items: Sequence[Item]) -> str:
    last = next(item for item in reversed(items) if is_message_of(item, "user"))
    images = images_in(last)
    seen = f" I see {images} image{'s' * (images > 1)}." if images else ""
    said = f'You said: "{_shortened(newest)}".' if newest else "You said nothing."
    return f"{said}{seen} That is message {place} of this conversation."


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else line[:199] + "\u2026"


def _formatted(plain: str, newest: str, text: object) -> str:
    """C{plain} as the request's C{text.format} wants it."""
    chosen = text.get("format") if isinstance(text, dict) else None
    kind = chosen.get("type") if isinstance(chosen, dict) else None
    if kind == "json_object":
        return msgspec.json.encode({"answer": plain}).decode()
    if isinstance(chosen, dict) and kind == "json_schema":
        hints = Hints(newest or plain)
        return msgspec.json.encode(value_for(chosen.get("schema"), hints)).decode()
    return plain
