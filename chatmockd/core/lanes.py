"""Which of a WebSocket client's turns may run, and which wait for one another.

A lane (C{stream_id}) is a queue: its turns never overlap. Lanes run side by side, up to
a number of turns in all. The limits are those of api.openai.com.
"""

from __future__ import annotations

import re
from typing import Generic, TypeVar

from chatmockd.errors import InvalidRequest

MAX_ACTIVE = 16
MAX_NAMED = 32

# How much may wait before nothing more should be read. OpenAI's limit is not known.
_MAX_WAITING = 64

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")

T = TypeVar("T")


def lane_name(stream_id: object) -> str | None:
    """
    The lane that a message's C{stream_id} names; None is the default lane.

    @raise InvalidRequest: It cannot be a name.
    """
    if stream_id is None:
        return None
    if isinstance(stream_id, str) and _NAME.fullmatch(stream_id):
        return stream_id
    raise InvalidRequest(
        "Invalid 'stream_id': expected 1 to 256 letters, digits, dots, underscores or "
        "hyphens.",
        param="stream_id",
        code="invalid_stream_id",
    )


class Lanes(Generic[T]):
    """The lanes of one connection, and what runs or waits in them."""

    def __init__(self, max_waiting_bytes: int) -> None:
        """
        @param max_waiting_bytes: How large the messages of waiting turns may be
            together, before the connection counts as full.
        """
        self._max_waiting_bytes = max_waiting_bytes
        self._names: set[str] = set()
        self._busy: set[str | None] = set()
        self._waiting: list[tuple[str | None, T, int]] = []
        self._waiting_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether so much waits that no more should be read for now."""
        return (
            len(self._waiting) > _MAX_WAITING
            or self._waiting_bytes > self._max_waiting_bytes
        )

    def enter(self, lane: str | None, turn: T, size: int) -> None:
        """
        Have C{turn} wait in its lane, behind all that are there.

        @param size: Of its message, in bytes.
        @raise InvalidRequest: There are as many lanes as there may be.
        """
        if lane is not None and lane not in self._names:
            if len(self._names) >= MAX_NAMED:
                raise InvalidRequest(
                    f"A connection has at most {MAX_NAMED} named streams; use one of "
                    "them again, or another connection.",
                    param="stream_id",
                    code="websocket_stream_limit_reached",
                )
            self._names.add(lane)
        self._waiting.append((lane, turn, size))
        self._waiting_bytes += size

    def start_next(self) -> tuple[str | None, T] | None:
        """The longest waiting turn that may run now; from here on it counts as such."""
        if len(self._busy) >= MAX_ACTIVE:
            return None
        for index, (lane, turn, size) in enumerate(self._waiting):
            if lane not in self._busy:
                del self._waiting[index]
                self._waiting_bytes -= size
                self._busy.add(lane)
                return lane, turn
        return None

    def leave(self, lane: str | None) -> None:
        """The turn that ran in this lane has ended."""
        self._busy.remove(lane)

    def clear(self) -> list[tuple[str | None, T]]:
        """Have nothing wait any more; return what did, oldest first."""
        waiting, self._waiting = self._waiting, []
        self._waiting_bytes = 0
        return [(lane, turn) for lane, turn, _ in waiting]
