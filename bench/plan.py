"""What the load client is told to do and what it reports: each one line of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal[
    "in turn",
    "at pace",
    "fill",
    "streams",
    "stall",
    "history",
    "talk",
    "match",
    "restart",
]
Api = Literal["responses", "chat"]


@dataclass(frozen=True)
class Plan:
    """
    One load on one contender.

    @ivar kind: C{in turn}: every connection asks again as soon as it is answered.
        C{at pace}: every connection reads one long answer at model speed.
        C{fill}: many first turns, each of which leaves a retained connection.
        C{streams}: many answers open at once. C{stall}: a client that reads nothing.
        C{history}: one long conversation is gone on with, again and again.
        C{talk}: every connection has a conversation, and sends all of it each time.
        C{match}: no requests; a history of C{count} bytes is recognised.
        C{restart}: it is killed under load, C{count} times.
    @ivar pid: The process whose CPU time and memory are taken, or 0 for none.
    @ivar events: Events per answer.
    @ivar pace_ms: Milliseconds between two events, 0 for as fast as can be.
    @ivar size: Bytes of JSON in one delta, or characters in each text of a history.
    @ivar connections: HTTP connections that ask at the same time.
    @ivar seconds: How long to measure.
    @ivar gap_ms: Milliseconds between an answer and the next question.
    @ivar follow_up: Whether a question names the answer before it.
    @ivar count: How many retained connections or open streams there shall be, or turns
        of a conversation to begin with.
    @ivar items: How many items the conversation has to begin with.
    @ivar api: Which API the client speaks.
    @ivar way: How it is gone on with: C{follow up}, C{rebuild} or C{resend}; or where
        it is known from, if not from memory: C{stored}.
    """

    kind: Kind
    port: int
    pid: int = 0
    events: int = 200
    pace_ms: int = 0
    size: int = 290
    connections: int = 8
    seconds: float = 1.5
    gap_ms: float = 0.0
    follow_up: bool = True
    count: int = 0
    items: int = 0
    way: str = ""
    api: Api = "responses"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        return cls(**json.loads(text))

    def question(self, marker: str | None, events: int | None = None) -> bytes:
        """The body of one request, following up on C{marker} where that is wanted."""
        count = self.events if events is None else events
        pace_ms = self.pace_ms if events is None else 0
        text = "And what does the socket remember of all that was said so far?"
        content = [{"type": "input_text", "text": text}]
        said = {"type": "message", "role": "user", "content": content}
        return self.request([said], marker, f"bench-{count}-{pace_ms}-{self.size}")

    def talking(self, said: list[dict[str, Any]]) -> bytes:
        """The body of a request with the whole of a conversation, in plan's API."""
        name = "messages" if self.api == "chat" else "input"
        model = f"bench-{self.events}-{self.pace_ms}-{self.size}"
        return json.dumps({"model": model, "stream": True, name: said}).encode()

    def request(
        self, items: list[dict[str, Any]], marker: str | None, model: str | None = None
    ) -> bytes:
        """The body of a request with these items of input."""
        body: dict[str, Any] = {
            "model": model or f"bench-{self.events}-{self.pace_ms}-{self.size}",
            "stream": True,
            "input": items,
        }
        if marker is not None and self.follow_up:
            body["previous_response_id"] = marker
        return json.dumps(body).encode()


@dataclass
class Outcome:
    """
    What one load showed.

    @ivar answers: Answers that were right.
    @ivar events: Events in the measured time.
    @ivar cpu_s: CPU seconds of what is measured in that time, which took C{wall_s}.
    @ivar first_event_ms: Milliseconds to each first event.
    @ivar rss_before: Bytes the contender held before, and C{rss_after} at the most.
    @ivar held: Retained connections or streams that were open at C{rss_after}.
    @ivar faults: What was wrong with answers, each once.
    """

    answers: int = 0
    events: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    first_event_ms: list[float] = field(default_factory=list)
    rss_before: int = 0
    rss_after: int = 0
    held: int = 0
    faults: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        return cls(**json.loads(text))

    def note(self, fault: str | None) -> None:
        """Remember what was wrong, if anything was."""
        if fault is not None and fault not in self.faults and len(self.faults) < 10:
            self.faults.append(fault)
