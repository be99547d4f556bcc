"""A streamed chat, chunk by chunk, to its good or bad end."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.chat_stream import ChatView
from chatmockd.core.dialect.spoken import TEXT
from chatmockd.errors import UpstreamDisconnected
from tests.core.cases import case
from tests.core.dialect.answers import (
    Event,
    call,
    chunks_in,
    custom,
    events_of,
    framed,
    put_together,
    refusal,
    response,
    streamed,
    text,
    thought,
)
from tests.core.dialect.chat_views import F, tool, view_of
from tests.core.json_values import values

KINDS = [TEXT.decode(), *(kind.decode() for kind in ChatView._TAKES)]
ITEMS = st.sampled_from(
    [text("A"), call("{}"), custom("x"), thought("B"), refusal("C"), {"type": []}]
)


class ChunkTests(SynchronousTestCase):
    """What comes in which chunk, and when."""

    def test_the_first_chunk(self) -> None:
        """It has the role, and comes when the upstream has begun to work."""
        view = view_of()
        created, added, *_ = events_of(response(text("Hello.")))
        self.assertEqual(view.stream([framed(created)]), [])
        (chunk,) = chunks_in(b"".join(view.stream([framed(added)])))
        self.assertEqual(
            chunk["choices"],
            [
                {
                    "index": 0,
                    "delta": {"role": "assistant", "content": "", "refusal": None},
                    "logprobs": None,
                    "finish_reason": None,
                }
            ],
        )

    def test_calls_begin_with_id_and_name(self) -> None:
        """What follows are arguments, by index."""
        chunks = chunks_in(streamed(view_of(), events_of(response(call("{}")), 1)))
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks[1:-2]]
        head = {"index": 0, "id": "call_1", "type": "function"}
        self.assertEqual(
            [delta["tool_calls"] for delta in deltas],
            [
                [head | {"function": {"name": "f", "arguments": ""}}],
                [{"index": 0, "function": {"arguments": "{"}}],
                [{"index": 0, "function": {"arguments": "}"}}],
            ],
        )

    def test_without_deltas(self) -> None:
        """What comes in whole items, or only at the end, is not lost."""
        items = [thought("One."), text("Hello."), call('{"a": 1}')]
        whole = response(*items)
        events = [e for e in events_of(whole) if not e["type"].endswith("delta")]
        for name, some in (("items", events), ("end", [events[0], events[-1]])):
            with case(name=name):
                got, reason = put_together(chunks_in(streamed(view_of(), some)))
                self.assertEqual(got["content"], "Hello.")
                self.assertEqual(got["tool_calls"], [tool(F) | {"index": 0}])
                self.assertEqual(reason, "tool_calls")

    def test_items_that_come_side_by_side(self) -> None:
        """Whose end comes when does not matter: nothing is said twice."""
        events = events_of(response(text("So."), call('{"a": 1}'), refusal("No.")))
        ends = [e for e in events if e["type"] == "response.output_item.done"]
        others = [e for e in events if e not in ends]
        mixed = [*others[:-1], *reversed(ends), others[-1]]
        message, reason = put_together(chunks_in(streamed(view_of(), mixed)))
        self.assertEqual(message["content"], "So.")
        self.assertEqual(message["refusal"], "No.")
        self.assertEqual(message["tool_calls"], [{"index": 0, **tool(F)}])
        self.assertEqual(reason, "tool_calls")

    def test_a_stop_ends_the_text_at_once(self) -> None:
        """The client need not wait for the rest, which it will not see."""
        view = view_of(stop="two")
        events = events_of(response(text("one two three four")))
        chunks: list[Any] = []
        for event in events[:6]:
            chunks += chunks_in(b"".join(view.stream([framed(event)])))
        self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], "stop")
        rest = [framed(event) for event in events[6:]]
        self.assertEqual(view.end(rest, None), [b"data: [DONE]\n\n"])

    def test_half_an_emoji(self) -> None:
        """A delta may end within one."""
        events = events_of(response(text("xyz")))
        whole = streamed(view_of(), events).replace(b'"xyz"', b'"\\ud83d"')
        self.assertIn(b'"\\ud83d"', whole)
        view = view_of()
        for event in events[:2]:
            view.stream([framed(event)])
        half = framed(events[2]).replace(b'"xyz"', b'"\\ud83d"')
        self.assertIn(b'{"content":"\\ud83d"}', b"".join(view.stream([half])))


class FailureTests(SynchronousTestCase):
    """A stream that comes to a bad end."""

    def test_an_error(self) -> None:
        """It is a chunk of its own, and the last."""
        events = events_of(response(text("Hello.")))[:4]
        events.append({"type": "error", "message": "gone"})
        written = streamed(view_of(), events, UpstreamDisconnected("gone"))
        *_, last = chunks_in(written)
        self.assertEqual(last["error"]["code"], "upstream_disconnected")
        self.assertNotIn(b"[DONE]", written)

    def test_what_cannot_be_read(self) -> None:
        """A delta without a text ends the stream like an error."""
        events = events_of(response(text("Hello.")))
        for broken in ({"delta": 7}, {}, {"delta": None}):
            with case(broken=broken):
                bad = {"type": "response.output_text.delta", **broken}
                some = [*events[:3], bad, *events[3:]]
                *_, last = chunks_in(streamed(view_of(), some))
                self.assertEqual(last["error"]["code"], "upstream_malformed_frame")

    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(
            st.fixed_dictionaries(
                {"type": st.sampled_from(KINDS)},
                optional={
                    "content_index": values | st.integers(-1, 2),
                    "text": values | st.text(max_size=3),
                    "part": values,
                    "delta": values | st.text(max_size=3),
                    "item": values | ITEMS,
                    "annotation": values,
                    "output_index": values | st.integers(0, 2),
                    "response": values,
                },
            ),
            max_size=6,
        )
    )
    def test_any_events(self, events: list[Event]) -> None:
        """The stream ends, well or with an error."""
        last = {"type": "response.completed", "response": response(text("Hi."))}
        for fields in ({}, {"stop": "x", "logprobs": True}):
            with case(fields=fields):
                chunks = chunks_in(streamed(view_of(**fields), [*events, last]))
                self.assertTrue(chunks[-1] == "[DONE]" or "error" in chunks[-1])

    def test_odd_responses(self) -> None:
        """Nothing that an upstream may leave out, or make of another type, matters."""
        for odd in (
            {},
            {"output": None, "usage": 7, "id": 7, "model": None, "created_at": "x"},
            {"output": ["x", {"type": "message", "content": "x"}, {"type": 7}]},
            {
                "output": [
                    {"type": "message", "content": ["x", {"type": "output_text"}]}
                ]
            },
            {"output": [{"type": "function_call"}], "incomplete_details": 7},
        ):
            with case(odd=odd):
                whole = json.loads(view_of().whole(json.dumps(odd).encode()))
                self.assertEqual(whole["object"], "chat.completion")
                last = {"type": "response.completed", "response": odd}
                written = streamed(view_of(), [last])
                self.assertTrue(written.endswith(b"data: [DONE]\n\n"))
