"""What an answer is made of, before it becomes events."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thought:
    """A reasoning item; clients see its summary, part by part."""

    summary: tuple[str, ...]


@dataclass(frozen=True)
class Message:
    """Text for the user."""

    text: str


@dataclass(frozen=True)
class FunctionCall:
    """A call of a tool which takes JSON."""

    name: str
    arguments: str


@dataclass(frozen=True)
class CustomCall:
    """A call of a tool which takes plain text."""

    name: str
    input: str


Output = Thought | Message | FunctionCall | CustomCall
