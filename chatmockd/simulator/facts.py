"""What the user told us to remember, and what he asks for later.

The point of it is honesty: the answer comes from the texts that really are in the
conversation, so it shows whether a chain of turns holds together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_END = r"(?P<end>[.!?](?=\s|$)|$)"
_TOLD = re.compile(
    rf"\bremember\b:?(?P<rest>[^\n]*?){_END}", re.IGNORECASE | re.MULTILINE
)
_MINE = re.compile(
    rf"\bmy\s+(?P<noun>\w[\w ]{{0,40}}?)\s+is\s+(?P<value>[^\n?]+?){_END}",
    re.IGNORECASE | re.MULTILINE,
)
_SPLIT = re.compile(r"\s+(?:is|are|was)\s+|\s*[:=]\s+")
_ARTICLES = re.compile(r"^(?:(?:that|the|this|my|a|an)\s+)+", re.IGNORECASE)

_ASKED = (
    re.compile(
        r"\b(?:what|which|who)\b(?P<noun>[^?.\n]*?)\b(?:did|had|have)\s+i\s+(?:just\s+)?"
        r"(?:ask|asked|tell|told|give|given|gave|say|said|mention|mentioned)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:do|can)\s+you\s+(?:still\s+)?(?:remember|recall)\b(?P<noun>[^?.\n]*)\?",
        re.IGNORECASE,
    ),
    re.compile(
        r"\bwhat(?:['\u2019]s|\s+is|\s+was)\s+my\s+(?P<noun>[\w ]+)", re.IGNORECASE
    ),
    re.compile(
        r"\bwhat(?:['\u2019]s|\s+is|\s+was)\s+the\s+"
        r"(?P<noun>(?:secret|magic)?\s*(?:token|word|code|password|number))\b",
        re.IGNORECASE,
    ),
)


@dataclass(frozen=True)
class Fact:
    """Something to remember: what it is (may be empty) and its value."""

    noun: str
    value: str

    def __str__(self) -> str:
        return f"the {self.noun} {self.value}" if self.noun else self.value


def facts_in(text: str) -> list[Fact]:
    """What C{text} tells us to remember."""
    found = []
    for told in _TOLD.finditer(text):
        rest = _ARTICLES.sub("", told["rest"].strip())
        if rest and told["end"] != "?":
            found.append(_fact(rest))
    if not found:
        found = [
            Fact(mine["noun"].strip(), mine["value"].strip())
            for mine in _MINE.finditer(text)
            if mine["end"] != "?"
        ]
    return found


def _fact(rest: str) -> Fact:
    parts = _SPLIT.split(rest, maxsplit=1)
    if len(parts) == 2:
        return Fact(_noun(parts[0]), parts[1].strip())
    noun, _, value = rest.rpartition(" ")
    return Fact(_noun(noun), value)


def _noun(text: str) -> str:
    return _ARTICLES.sub("", text.strip()).strip()


def noun_asked_for(text: str) -> str | None:
    """
    What C{text} wants to hear again; C{None} when it asks for nothing we were told.

    Empty when it asks without a noun: "what did I ask you to remember?"
    """
    for pattern in _ASKED:
        found = pattern.search(text)
        if found:
            return _noun(found["noun"] + " ").lower()
    return None


def recalled(noun: str, texts: Sequence[str]) -> Fact | None:
    """
    The newest fact about C{noun} in what the user said.

    @param texts: His messages, oldest first.
    """
    for text in reversed(texts):
        for fact in reversed(facts_in(text)):
            known = fact.noun.lower()
            if not noun or not known or noun in known or known in noun:
                return fact
    return None
