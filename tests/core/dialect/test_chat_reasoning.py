"""The ways to show reasoning in a chat other than by tags."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.thoughts import Compat
from tests.core.cases import case
from tests.core.dialect.answers import (
    chunks_in,
    events_of,
    put_together,
    response,
    streamed,
    text,
    thought,
)
from tests.core.dialect.chat_views import view_of

# How reasoning is shown: whole, and put together from chunks.
COMPATS: list[tuple[Compat, dict[str, Any], dict[str, Any]]] = [
    (
        "o3",
        {"reasoning": {"content": [{"type": "text", "text": "One.\nTwo.\n\nFull."}]}},
        {},
    ),
    (
        "legacy",
        {"reasoning_summary": "One.\nTwo.", "reasoning": "Full."},
        {"reasoning_summary": "One.Two.", "reasoning": "One.Two.Full."},
    ),
]


class ReasoningTests(SynchronousTestCase):
    """The other ways to show it; tags are in the table of answers."""

    def test_whole(self) -> None:
        """Members of the message."""
        told = response(thought("One.", "Two.", full="Full."), text("Hi."))
        for compat, members, _ in COMPATS:
            with case(compat=compat):
                body = view_of(compat).whole(json.dumps(told).encode())
                message = json.loads(body)["choices"][0]["message"]
                self.assertEqual(message["content"], "Hi.")
                for name in ("reasoning", "reasoning_summary"):
                    self.assertEqual(message.get(name), members.get(name))

    def test_stream(self) -> None:
        """Members of deltas."""
        told = response(thought("One.", "Two.", full="Full."), text("Hi."))
        for compat, _, members in COMPATS:
            if compat == "o3":
                continue
            with case(compat=compat):
                chunks = chunks_in(streamed(view_of(compat), events_of(told)))
                got, _reason = put_together(chunks)
                self.assertEqual(got["content"], "Hi.")
                for name, value in members.items():
                    self.assertEqual(got[name], value)

    def test_stream_in_parts(self) -> None:
        """o3 has a part to each delta, and a line break between two summaries."""
        told = response(thought("One.", "Two."), text("Hi."))
        chunks = chunks_in(streamed(view_of("o3"), events_of(told, 10)))
        deltas = [c["choices"][0]["delta"] for c in chunks[:-1]]
        parts = [d["reasoning"]["content"] for d in deltas if "reasoning" in d]
        self.assertEqual(
            parts, [[{"type": "text", "text": t}] for t in ("One.", "\n", "Two.")]
        )
