"""Reading what the model gives."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.calls import Call
from chatmockd.core.dialect.output import (
    EMPTY,
    UnreadableCall,
    arguments_in,
    delta_of,
    made_call,
    quoted,
    read_call,
    read_end,
    read_response,
    texts_in,
    unquoted,
)
from tests.core.cases import case


class DeltaTests(SynchronousTestCase):
    """Pieces of text pass through as they are."""

    def test_deltas(self) -> None:
        """Frames, and the JSON text in them; anything else says nothing."""
        for frame, piece in (
            (b'{"type":"x","delta":"Hi"}', b'"Hi"'),
            (b'{"delta":"\\u00e9\\n","type":"x"}', b'"\\u00e9\\n"'),
            (b'{"delta" : "Hi" }', b'"Hi"'),
            (b'{"delta":"\\ud83d"}', b'"\\ud83d"'),
            (b'{"delta":5,"more":"\\ud83d"}', EMPTY),
            (b'{"delta":null}', EMPTY),
            (b'{"delta":{}}', EMPTY),
            (b"{}", EMPTY),
            (b"[]", EMPTY),
            (b'{"delta":"Hi', EMPTY),
        ):
            with case(frame=frame):
                self.assertEqual(delta_of(frame), piece)

    def test_there_and_back(self) -> None:
        """Half an emoji, too."""
        for text in ("", "Hi", 'é"\\\n🙂', "\ud83d"):
            self.assertEqual(unquoted(quoted(text)), text)


class CallTests(SynchronousTestCase):
    """Calls, with their arguments as an object."""

    def test_read(self) -> None:
        """Out of an event, and as an item."""
        item = {"type": "function_call", "call_id": "c", "name": "f"}
        for arguments, decoded in (
            ('{"a": 1}', {"a": 1}),
            ("", {}),
            (" ", {}),
            (None, {}),
        ):
            given = item | {"arguments": arguments}
            made = Call("c", "f", arguments or ""), decoded
            with case(arguments=arguments):
                frame = json.dumps({"item": given}).encode()
                self.assertEqual(read_call(frame), made)
                self.assertEqual(made_call(given), made)

    def test_other_items(self) -> None:
        """They are no calls."""
        items: list[Any] = [{"type": "message"}, {}, None, [], "function_call"]
        for item in items:
            with case(item=item):
                self.assertIsNone(read_call(json.dumps({"item": item}).encode()))

    def test_arguments_that_are_none(self) -> None:
        """The model wrote something else."""
        for arguments in ("{", "[]", "null", "5", '{"a": \ud83d}', "[" * 5000):
            with case(arguments=arguments):
                self.assertIsNone(arguments_in(arguments))
                with self.assertRaises(UnreadableCall) as caught:
                    made_call({"name": "f", "arguments": arguments})
                self.assertLess(len(str(caught.exception)), 400)


class EndedTests(SynchronousTestCase):
    """How a response ended."""

    def test_nothing_said(self) -> None:
        """Nothing is made up."""
        for frame in (b"", b'{"response":{}}', b'{"response":{"usage":5}}'):
            ended = read_end(frame)
            self.assertEqual((ended.cut_off, ended.count("input_tokens")), ("", 0))
            self.assertEqual(ended.items(), [])

    def test_what_was_said(self) -> None:
        """The reason counts only where it is not complete."""
        for status, reason in (("incomplete", "max_output_tokens"), ("completed", "")):
            ended = read_response(
                json.dumps(
                    {
                        "status": status,
                        "incomplete_details": {"reason": "max_output_tokens"},
                        "usage": {"input_tokens": 3, "output_tokens": True},
                        "output": [{"type": "message"}, 5],
                    }
                ).encode()
            )
            self.assertEqual(ended.cut_off, reason)
            self.assertEqual(ended.count("input_tokens"), 3)
            self.assertEqual(ended.count("output_tokens"), 0)
            self.assertEqual(ended.items(), [{"type": "message"}])

    def test_texts(self) -> None:
        """By any of their names."""
        parts = [{"text": "a"}, {"refusal": "b"}, {"text": 5}, None, {"other": "c"}]
        self.assertEqual(texts_in(parts, "text", "refusal"), ["a", "b"])
        self.assertEqual(texts_in(None, "text"), [])
