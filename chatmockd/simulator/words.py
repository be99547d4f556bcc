"""Text in pieces the size of tokens: what is streamed, and what usage counts."""

from __future__ import annotations

import re

# A space belongs to the word behind it, as in the real vocabularies. Long words come
# in several pieces. Every character falls into some piece.
_PIECE = re.compile(r"\s?\w{1,12}|\s?[^\w\s]|\s")

_VOCABULARY = (
    "the quick brown fox jumps over a lazy dog while seven grey geese "
    "cross the quiet river below the old stone bridge"
).split()


def pieces(text: str) -> list[str]:
    """C{text} in token-sized pieces; joined they are C{text} again."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """How many tokens C{text} counts for: the same text always counts the same."""
    return sum(1 for _ in _PIECE.finditer(text))


def filler(words: int) -> str:
    """Exactly so many words of plain prose, for tests of load and length."""
    size = len(_VOCABULARY)
    return " ".join(_VOCABULARY[index % size] for index in range(words))
