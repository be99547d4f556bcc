"""What there is to know about a model before it is asked anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra")
"""The reasoning efforts that models have been seen to know, weakest first."""

# How a request may add an effort to a model's name; lists use the first.
_SEPARATORS = ("-", "_", ":")


@dataclass(frozen=True)
class Model:
    """
    One model that an account may use.

    @ivar name: What requests call it: C{"gpt-5.5"}.
    @ivar title: What people call it.
    @ivar efforts: The reasoning efforts it knows, weakest first; empty if it has none.
    @ivar context_window: Tokens; 0 where that is not known.
    @ivar listed: Whether people shall be offered it.
    @ivar has_priority: Whether it can be had with priority; None where that is not
        known.
    @ivar created: Unix time, seconds; 0 where that is not known.
    @ivar owner: Whose it is.
    """

    name: str
    title: str = ""
    description: str = ""
    efforts: tuple[str, ...] = ()
    context_window: int = 0
    listed: bool = True
    has_priority: bool | None = None
    created: int = 0
    owner: str = "openai"

    def names(self, *, with_efforts: bool) -> Iterator[str]:
        """
        What lists call it.

        @param with_efforts: Once more with each effort, for clients that let people
            choose nothing but a model.
        """
        yield self.name
        if with_efforts:
            for effort in self.efforts:
                yield f"{self.name}{_SEPARATORS[0]}{effort}"


class Catalog(Protocol):
    """Which models there are."""

    def models(self) -> Sequence[Model]:
        """What is known now, best first; never empty, and never waits."""


def in_order(efforts: Iterable[str]) -> tuple[str, ...]:
    """C{efforts} without repetitions, weakest first, strange ones last."""
    known = {effort: place for place, effort in enumerate(EFFORTS)}
    return tuple(
        sorted(dict.fromkeys(efforts), key=lambda e: known.get(e, len(EFFORTS)))
    )


def find_model(models: Iterable[Model], name: str) -> Model | None:
    """The model that C{name} names, alone or with an effort behind it."""
    with_effort = None
    for model in models:
        if model.name == name:
            return model
        rest = name.removeprefix(model.name)
        if rest != name and rest[:1] in _SEPARATORS and rest[1:] in model.efforts:
            with_effort = model
    return with_effort
