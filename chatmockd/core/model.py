"""What there is to know about a model before it is asked anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Model:
    """
    One model that an account may use.

    @ivar name: What requests call it: C{"gpt-5.5"}.
    @ivar title: What people call it.
    @ivar efforts: The reasoning efforts it knows, weakest first; empty if it has none.
    @ivar default_effort: What it does unless told; C{""} where that is not known.
    @ivar context_window: Tokens; 0 where that is not known.
    @ivar listed: Whether people shall be offered it.
    @ivar has_priority: Whether it can be had with priority; None where that is not
        known.
    """

    name: str
    title: str = ""
    description: str = ""
    efforts: tuple[str, ...] = ()
    default_effort: str = ""
    context_window: int = 0
    listed: bool = True
    has_priority: bool | None = None


class Catalog(Protocol):
    """Which models there are."""

    def models(self) -> Sequence[Model]:
        """What is known now, best first; never empty, and never waits."""


class ShippedModels:
    """The models that were there when this version was made."""

    def models(self) -> Sequence[Model]:
        """See L{Catalog.models}."""
        return _SHIPPED


_USUAL = ("low", "medium", "high", "xhigh")

# As Codex lists them.
_SHIPPED = (
    Model("gpt-5.5", "GPT-5.5", efforts=("none", *_USUAL), context_window=272_000),
    Model("gpt-5.4", "GPT-5.4", efforts=("none", *_USUAL), context_window=272_000),
    Model("gpt-5.4-mini", "GPT-5.4 mini", efforts=_USUAL, context_window=272_000),
    Model("gpt-5.3-codex", "GPT-5.3 Codex", efforts=_USUAL, context_window=272_000),
)
