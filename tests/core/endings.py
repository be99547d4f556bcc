"""Short ways to the end of a turn."""

from __future__ import annotations

from typing import Any

from chatmockd.core.outcome import Completed, Failed
from chatmockd.core.turn import Turn
from tests.core.events import read_back


def completion(turn: Turn, *frames: bytes) -> Completed:
    """The good end that C{frames} bring."""
    turn.receive(frames)
    assert isinstance(turn.outcome, Completed), turn.outcome
    return turn.outcome


def failed(turn: Turn, *frames: bytes) -> Failed:
    """The bad end that C{frames} bring."""
    turn.receive(frames)
    assert isinstance(turn.outcome, Failed), turn.outcome
    return turn.outcome


def event_of(outcome: Completed | Failed) -> Any:
    """The event that ends a stream, decoded; its name is its type."""
    ((kind, data),) = read_back([outcome.event])
    assert kind == data["type"], outcome.event
    return data
