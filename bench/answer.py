"""One HTTP answer as it arrives: is it whole, is it right, how many events has it?

Reading must cost little, since the load client shares two cores with what it measures:
bodies are searched, not parsed. L{bench.verify} parses one answer of each contender
before anything is measured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """
    How an API's answer is told to be whole.

    @ivar path: Where it is asked for.
    @ivar event: What each of its events begins with, and C{last} the last one.
    @ivar response_id: What an id looks like.
    """

    path: str
    event: bytes
    last: bytes
    response_id: re.Pattern[bytes]

    @property
    def kept(self) -> int:
        """Bytes of one read to see again with the next, for what a cut went through."""
        return max(len(self.event), len(self.last)) - 1


LOOKS = {
    "responses": Look(
        "/v1/responses",
        b"event: response.",
        b"event: response.completed",
        re.compile(rb"resp_[0-9a-f]{50}"),
    ),
    "chat": Look(
        "/v1/chat/completions",
        b'data: {"id":"chatcmpl-',
        b"data: [DONE]",
        re.compile(rb"chatcmpl-[0-9a-f]{50}"),
    ),
}

_END = b"\r\n0\r\n\r\n"
_HEAD_LIMIT = 16384


class Answer:
    """What came back on one request so far."""

    def __init__(self, expected_events: int, look: Look) -> None:
        self._look = look
        self._expected = expected_events
        self._head = b""
        self._in_body = False
        self._tail = b"\r\n"  # so that an empty body ends like any other
        self._left: int | None = None
        self._opening = b""
        self._completed = 0
        self.status = 0
        self.events = 0
        self.ended = False
        self.keeps_connection = True
        self.response_id: str | None = None

    def receive(self, data: bytes) -> None:
        """Look at the next bytes of the connection."""
        if self._in_body:
            self._receive_body(data)
            return
        self._head += data
        head, blank, body = self._head.partition(b"\r\n\r\n")
        if blank:
            self._in_body = True
            self._begin(head.lower())
            self._receive_body(body)

    def _begin(self, head: bytes) -> None:
        self.status = int(head[9:12])
        if b"\r\nconnection: close" in head or head.startswith(b"http/1.0"):
            self.keeps_connection = False
        length = re.search(rb"\r\ncontent-length: *(\d+)", head)
        self._left = int(length.group(1)) if length else None

    def _receive_body(self, data: bytes) -> None:
        look = self._look
        kept = look.kept
        seam = self._tail + data[:kept]
        self.events += data.count(look.event)
        self.events += _only_across(seam, self._tail, look.event)
        self._completed += data.count(look.last)
        self._completed += _only_across(seam, self._tail, look.last)
        if self.response_id is None and len(self._opening) < _HEAD_LIMIT:
            self._opening += data
            found = look.response_id.search(self._opening)
            if found is not None:
                self.response_id = found.group().decode()
        seen = data if len(data) >= kept else self._tail + data
        self._tail = seen[-kept:]
        if self._left is not None:
            self._left -= len(data)
            self.ended = self._left <= 0
        else:
            self.ended = self._tail.endswith(_END)

    def connection_closed(self) -> None:
        """The peer closed; that ends an answer that has no other end."""
        self.keeps_connection = False
        self.ended = True

    def fault(self) -> str | None:
        """What is wrong with it, now that it has ended."""
        if self.status != 200:
            return f"status {self.status}: {self._opening[:200]!r}"
        if self.events != self._expected:
            return f"{self.events} events instead of {self._expected}"
        if self._completed != 1:
            return f"{self._completed} times {self._look.last.decode()}"
        if self.response_id is None:
            return "no response id"
        return None


def _only_across(seam: bytes, before: bytes, marker: bytes) -> int:
    """How often C{marker} stands on the seam, neither wholly before nor after it."""
    return seam.count(marker) - before.count(marker) - seam[len(before) :].count(marker)
