"""Reasoning as clients of the chat API get to see it, in ChatMock's four ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from chatmockd.core.dialect.told import texts_in

Compat = Literal["think-tags", "o3", "legacy", "current"]

OPEN, CLOSE = "<think>", "</think>"


def without_thoughts(text: str) -> str:
    """
    What an assistant's message said before we put its reasoning in front of it.

    It is not part of the conversation: the upstream never sees it, and a history is
    not recognised with it.
    """
    if not text.startswith(OPEN):
        return text
    thoughts, close, said = text.partition(CLOSE)
    if not close:
        return text
    if thoughts.startswith(f"{OPEN}\n") and thoughts.endswith("\n"):
        # Pydantic AI takes it apart, and puts it together again on lines of its own.
        said = said.removeprefix("\n\n")
    return said


def thoughts_in(items: Iterable[Any]) -> tuple[str, str]:
    """
    What output items tell of the reasoning before the answer began.

    @return: The summaries, one line break between two, and the reasoning itself.
    """
    summaries: list[str] = []
    full: list[str] = []
    for item in items:
        if not isinstance(item, dict):
            continue
        if item.get("type") == "message":
            break
        if item.get("type") == "reasoning":
            summaries += texts_in(item.get("summary"), "text")
            full += texts_in(item.get("content"), "text")
    return "\n".join(summaries), "".join(full)


def shown(compat: Compat, summary: str, full: str) -> Mapping[str, Any]:
    """The members of a whole message that tell its reasoning, but for think-tags."""
    if compat == "o3":
        told = "\n\n".join(text for text in (summary, full) if text.strip())
        if not told:
            return {}
        return {"reasoning": {"content": [{"type": "text", "text": told}]}}
    members = {}
    if summary:
        members["reasoning_summary"] = summary
    if full:
        members["reasoning"] = full
    return members
