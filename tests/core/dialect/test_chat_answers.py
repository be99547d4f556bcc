"""Answers as chat clients get them, the same whole and in chunks, as a table."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.core.cases import case
from tests.core.dialect.answers import (
    COUNTED,
    USAGE,
    Event,
    call,
    chunks_in,
    custom,
    events_of,
    put_together,
    refusal,
    response,
    streamed,
    text,
    thought,
)
from tests.core.dialect.chat_views import F, tool, view_of

HEAD = {"id": "chatcmpl-1", "created": 1700000000, "model": "gpt-5.5-2026"}

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
