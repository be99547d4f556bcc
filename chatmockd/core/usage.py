"""What turns have used, in tokens."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

_MOST = 2**53  # what JSON's readers can count to; a sum of such stays within SQLite's


@dataclass(frozen=True)
class Usage:
    """
    The tokens of one turn, or of several.

    @ivar cached: Those of C{input} that the upstream had seen before.
    @ivar reasoning: Those of C{output} that were spent on thinking.
    """

    turns: int = 0
    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.turns + other.turns,
            self.input + other.input,
            self.cached + other.cached,
            self.output + other.output,
            self.reasoning + other.reasoning,
        )

    def as_json(self) -> dict[str, int]:
        """As C{/v1/status} shows it."""
        return {
            "turns": self.turns,
            "input_tokens": self.input,
            "cached_tokens": self.cached,
            "output_tokens": self.output,
            "reasoning_tokens": self.reasoning,
        }


@dataclass(frozen=True)
class Spent:
    """
    What was used of one model on one day.

    @ivar day: In UTC: C{"2026-09-30"}.
    """

    day: str
    model: str
    usage: Usage


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _Response(msgspec.Struct):
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Response).decode


def usage_in(response: bytes) -> Usage | None:
    """What a response object says it has used; None when it says nothing usable."""
    try:
        said = _decode(response).usage
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if said is None:
        return None
    given, made = said.input_tokens_details, said.output_tokens_details
    counts = (
        said.input_tokens,
        given.cached_tokens if given is not None else 0,
        said.output_tokens,
        made.reasoning_tokens if made is not None else 0,
    )
    if any(not 0 <= (count or 0) < _MOST for count in counts):
        return None
    return Usage(1, *(count or 0 for count in counts))
