"""What turns have used, in tokens."""

from __future__ import annotations

from typing import Any

import msgspec

_MOST = 2**53  # what JSON's readers can count to; a sum of such stays within SQLite's


class Usage(msgspec.Struct, frozen=True):
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


class Spent(msgspec.Struct, frozen=True):
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
    total_tokens: Any = None  # not counted, so nothing depends on its kind
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


_decode = msgspec.json.Decoder(_Usage | None).decode


def read_usage(usage: msgspec.Raw | bytes) -> tuple[Usage | None, bool]:
    """
    Read what a response object says in C{usage}.

    @return: What was used, None when it says nothing usable; and whether nothing is
        missing there that strict clients read.
    """
    try:
        said = _decode(usage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, False
    if said is None:
        return None, False
    given, made = said.input_tokens_details, said.output_tokens_details
    is_complete = (
        given is not None and made is not None and isinstance(said.total_tokens, int)
    )
    counts = (
        said.input_tokens or 0,
        given.cached_tokens or 0 if given is not None else 0,
        said.output_tokens or 0,
        made.reasoning_tokens or 0 if made is not None else 0,
    )
    if min(counts) < 0 or max(counts) >= _MOST:
        return None, is_complete
    return Usage(1, *counts), is_complete
