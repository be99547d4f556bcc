"""Faults that are asked for in words: C{[[simulate: close=1011 after=3]]}.

A person who cannot reach the simulator's code writes a directive into the newest user
message; it concerns that turn only. The grammar, and nothing else is taken::

    directive = "[[simulate:" setting *( SPACE setting ) "]]"
    setting   = name [ "=" value ]
    value     = 1*( any character but space, quote, "[", "]" ) / quoted
    quoted    = DQUOTE *( any character but DQUOTE, "]]" ) DQUOTE

The names are the switches of L{chatmockd.simulator.faults.Faults} that concern a turn.
A name may stand once; there may be one directive in a message.
"""

from __future__ import annotations

import re
from dataclasses import replace

from chatmockd.simulator.faults import Faults, names, read

_OPENS = "[[simulate:"
_DIRECTIVE = re.compile(r"\[\[simulate:(?P<settings>(?:(?!\]\]).)*)\]\]", re.DOTALL)
_SETTING = re.compile(
    r'(?P<name>\w+)(?:=(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"\[\]]+)))?'
)


class BadDirective(Exception):
    """The directive cannot be followed; the message says what would be right."""


def without_directive(text: str) -> str:
    """What C{text} says to the model."""
    return _DIRECTIVE.sub("", text).strip()


def directed(text: str, faults: Faults) -> Faults:
    """
    The faults of a turn whose newest user message is C{text}.

    @param faults: Those which are set for the whole simulator; they are copied.
    @raise BadDirective: There is a directive, and something is wrong with it.
    """
    if _OPENS not in text:
        return replace(faults)
    found = list(_DIRECTIVE.finditer(text))
    if len(found) != text.count(_OPENS):
        raise BadDirective("A simulate directive is not closed with ']]'.")
    if len(found) > 1:
        raise BadDirective("There may be one simulate directive in a message.")
    return with_settings(found[0]["settings"], faults, turn_only=True)


def with_settings(written: str, faults: Faults, *, turn_only: bool) -> Faults:
    """
    C{faults} with the settings in C{written}, which stand as in a directive.

    @raise BadDirective: A setting is unknown, doubled or has an impossible value.
    """
    known = names(turn_only=turn_only)
    changes: dict[str, object] = {}
    rest = written.strip()
    while rest:
        setting = _SETTING.match(rest)
        if setting is None or not (
            setting.end() == len(rest) or rest[setting.end()].isspace()
        ):
            raise BadDirective(f"Cannot read '{rest}' as name or name=value.")
        name = setting["name"]
        if name not in known:
            raise BadDirective(
                f"Unknown simulate setting '{name}'. Known: {', '.join(known)}."
            )
        if name in changes:
            raise BadDirective(f"The simulate setting '{name}' stands twice.")
        value = setting["plain"] if setting["quoted"] is None else setting["quoted"]
        try:
            changes[name] = read(name, value)
        except ValueError as problem:
            raise BadDirective(f"The simulate setting '{name}': {problem}.") from None
        rest = rest[setting.end() :].lstrip()
    if not changes:
        raise BadDirective(f"An empty simulate directive. Known: {', '.join(known)}.")
    try:
        # The fields were checked one by one; here they are checked together.
        return replace(faults, **changes)  # type: ignore[arg-type]
    except ValueError as problem:
        raise BadDirective(f"The simulate setting {problem}.") from None
