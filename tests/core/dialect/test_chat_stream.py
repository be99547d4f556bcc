"""Answers as chat clients get them: whole, and bit by bit."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.chat import AskedChat
from chatmockd.core.dialect.chat_stream import ChatView
from chatmockd.core.dialect.spoken import TEXT
from chatmockd.core.dialect.thoughts import Compat
from chatmockd.errors import UpstreamDisconnected
from tests.core.cases import case
from tests.core.dialect.answers import (
    COUNTED,
    OPENING,
    USAGE,
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
from tests.core.test_frame import values

KINDS = [TEXT.decode(), *(kind.decode() for kind in ChatView._TAKES)]
ITEMS = st.sampled_from(
    [text("A"), call("{}"), custom("x"), thought("B"), refusal("C"), {"type": []}]
)
HEAD = {"id": "chatcmpl-1", "created": 1700000000, "model": "gpt-5.5-2026"}
F = {"name": "f", "arguments": '{"a": 1}'}


def view_of(compat: Compat = "think-tags", **fields: Any) -> ChatView:
    """The view of a request with these fields."""
    hi = {"role": "user", "content": "Hi"}
    asked = AskedChat({"model": "m", "messages": [hi], **fields}, thinks=True)
    return ChatView(asked, compat, 1)


def tool(inner: dict[str, Any], call_id: str = "call_1", kind: str = "function") -> Any:
    """A call in a message."""
    return {"id": call_id, "type": kind, kind: inner}


# A response, request fields, and the message and finish_reason that they make.
ANSWERS: dict[str, tuple[Event, dict[str, Any], dict[str, Any], str]] = {
    "text": (response(text("Hello, you.")), {}, {"content": "Hello, you."}, "stop"),
    "no text": (response(), {}, {"content": None}, "stop"),
    "two messages": (response(text("A"), text("B")), {}, {"content": "AB"}, "stop"),
    "a refusal": (response(refusal("No way.")), {}, {"refusal": "No way."}, "stop"),
    "a call": (
        response(call('{"a": 1}')),
        {},
        {"tool_calls": [tool(F)]},
        "tool_calls",
    ),
    "words and calls of both kinds": (
        response(text("So."), call('{"a": 1}'), custom("x y"), call("", "call_2")),
        {},
        {
            "content": "So.",
            "tool_calls": [
                tool(F),
                tool({"name": "g", "input": "x y"}, "call_9", "custom"),
                tool({"name": "f", "arguments": ""}, "call_2"),
            ],
        },
        "tool_calls",
    ),
    "an old function call": (
        response(call('{"a": 1}')),
        {"functions": [{"name": "f"}]},
        {"function_call": F},
        "function_call",
    ),
    "reasoning": (
        response(thought("One.", "Two."), text("Hi.")),
        {},
        {"content": "<think>One.\nTwo.</think>Hi."},
        "stop",
    ),
    "reasoning and a call": (
        response(thought("One."), call('{"a": 1}')),
        {},
        {"content": "<think>One.</think>", "tool_calls": [tool(F)]},
        "tool_calls",
    ),
    "reasoning in the middle": (
        response(text("A"), thought("One."), text("B")),
        {},
        {"content": "AB"},
        "stop",
    ),
    "reasoning without words": (
        response(thought(), text("Hi.")),
        {},
        {"content": "Hi."},
        "stop",
    ),
    "cut short": (
        response(text("Hel"), incomplete_details={"reason": "max_output_tokens"}),
        {},
        {"content": "Hel"},
        "length",
    ),
    "filtered": (
        response(text("Hel"), incomplete_details={"reason": "content_filter"}),
        {},
        {"content": "Hel"},
        "content_filter",
    ),
    "a stop sequence": (
        response(text("one two three"), call("{}")),
        {"stop": ["two", "xyz"]},
        {"content": "one "},
        "stop",
    ),
    "a stop sequence that does not come": (
        response(text("one tw")),
        {"stop": "two"},
        {"content": "one tw"},
        "stop",
    ),
    "a stop sequence in reasoning": (
        response(thought("one two"), text("Hi.")),
        {"stop": "two"},
        {"content": "<think>one two</think>Hi."},
        "stop",
    ),
    "reasoning before JSON": (
        response(thought("One."), text("{}")),
        {"response_format": {"type": "json_object"}},
        {"content": "{}", "reasoning_summary": "One."},
        "stop",
    ),
    "escapes": (
        response(text('"\u2028é\n😀</think>')),
        {},
        {"content": '"\u2028é\n😀</think>'},
        "stop",
    ),
}

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


class AnswerTests(SynchronousTestCase):
    """One table for both modes."""

    maxDiff = None

    def test_whole(self) -> None:
        """A C{chat.completion}."""
        for name, (told, fields, message, reason) in ANSWERS.items():
            with case(name=name):
                whole = json.loads(view_of(**fields).whole(json.dumps(told).encode()))
                (choice,) = whole["choices"]
                self.assertEqual(choice["finish_reason"], reason)
                expected = {"role": "assistant", "content": None, "refusal": None}
                expected |= {"annotations": [], **message}
                self.assertEqual(choice["message"], expected)
                self.assertEqual(choice["logprobs"], None)

    def test_stream(self) -> None:
        """C{chat.completion.chunk}s, however the events are cut."""
        for name, (told, fields, message, reason) in ANSWERS.items():
            for size in (1, 2, 3, 100):
                with case(name=name, size=size):
                    written = streamed(view_of(**fields), events_of(told, size))
                    chunks = chunks_in(written)
                    self.assertEqual(chunks.pop(), "[DONE]")
                    got, ended = put_together(chunks)
                    self.assertEqual(ended, reason)
                    for each in got.get("tool_calls", ()):
                        del each["index"]
                    expected = {"role": "assistant", "refusal": None, **message}
                    expected["content"] = message.get("content") or ""
                    if "reasoning_summary" in expected:
                        # Deltas have both names.
                        expected["reasoning"] = expected["reasoning_summary"]
                    self.assertEqual(got, expected)

    def test_the_head(self) -> None:
        """Every chunk, and the whole, say whose they are."""
        told = response(text("Hello."), usage=USAGE, service_tier="default")
        whole = json.loads(view_of().whole(json.dumps(told).encode()))
        expected = HEAD | {"object": "chat.completion", "usage": COUNTED}
        expected["service_tier"] = "default"
        del whole["choices"]
        self.assertEqual(whole, expected)
        chunks = chunks_in(streamed(view_of(), events_of(told)))[:-1]
        for chunk in chunks:
            (choice,) = chunk.pop("choices")
            self.assertEqual(chunk, HEAD | {"object": "chat.completion.chunk"})
            self.assertEqual(choice["index"], 0)
        self.assertEqual(choice["delta"], {})

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

    def test_usage(self) -> None:
        """It comes last, in a chunk without choices, to one who asks for it."""
        view = view_of(stream_options={"include_usage": True})
        events = events_of(response(text("Hello."), usage=USAGE))
        *chunks, last, done = chunks_in(streamed(view, events))
        self.assertEqual((last["choices"], last["usage"]), ([], COUNTED))
        self.assertEqual(done, "[DONE]")
        for chunk in chunks:
            self.assertIsNone(chunk["usage"])
            self.assertEqual(len(chunk["choices"]), 1)

    def test_usage_that_nobody_counted(self) -> None:
        """There is none then."""
        view = view_of(stream_options={"include_usage": True})
        *_, last, _ = chunks_in(streamed(view, events_of(response(text("Hello.")))))
        self.assertEqual((last["choices"], last["usage"]), ([], None))
        whole = json.loads(view_of().whole(json.dumps(response()).encode()))
        self.assertNotIn("usage", whole)

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


class ReasoningTests(SynchronousTestCase):
    """The other ways to show it; tags are in the table above."""

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


class MoreTests(SynchronousTestCase):
    """What there is besides words."""

    def test_annotations(self) -> None:
        """Web addresses, with their places in the whole content."""
        note = {"type": "url_citation", "url": "https://a.example", "title": "A"}
        note |= {"start_index": 0, "end_index": 2}
        item = text("Hi.", annotations=[note])
        cited = {name: value for name, value in note.items() if name != "type"}
        cited |= {"start_index": 18, "end_index": 20}
        expected = [{"type": "url_citation", "url_citation": cited}]
        told = response(thought("abc"), item)
        body = json.loads(view_of().whole(json.dumps(told).encode()))
        message = body["choices"][0]["message"]
        self.assertEqual(message["content"][18:20], "Hi")
        self.assertEqual(message["annotations"], expected)
        *events, done, last = events_of(told)
        added = {"type": "response.output_text.annotation.added", "annotation": note}
        chunks = chunks_in(streamed(view_of(), [*events, added, done, last]))
        got, _ = put_together(chunks)
        self.assertEqual(got["annotations"], expected)

    def test_log_probabilities(self) -> None:
        """With the bytes that the chat API has."""
        likely = [{"token": "Hi", "logprob": -0.5, "top_logprobs": []}]
        told = response(text("Hi", logprobs=likely))
        expected = [likely[0] | {"bytes": [72, 105]}]
        view = view_of(logprobs=True)
        whole = json.loads(view.whole(json.dumps(told).encode()))
        got = whole["choices"][0]["logprobs"]
        self.assertEqual(got, {"content": expected, "refusal": None})
        events = [
            event | ({"logprobs": likely} if "text.delta" in event["type"] else {})
            for event in events_of(told)
        ]
        chunks = chunks_in(streamed(view_of(logprobs=True), events))
        found = [c["choices"][0]["logprobs"] for c in chunks[:-1]]
        self.assertIn({"content": expected, "refusal": None}, found)

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
        self.assertEqual(OPENING["id"], "resp_1")
