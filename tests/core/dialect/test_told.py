"""Reading response objects."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.told import Told, texts_in, told_by, told_in
from tests.core.cases import case


class ToldTests(SynchronousTestCase):
    """What a response object tells, and what it does not."""

    def test_nothing_said(self) -> None:
        """Nothing is made up."""
        for frame in (b"", b"[]", b'{"response":{}}', b'{"response":{"usage":5}}'):
            with case(frame=frame):
                told = told_in(frame)
                self.assertEqual((told.cut_off, told.count("input_tokens")), ("", 0))
                self.assertEqual(told.items(), [])
                self.assertEqual(told.usage_counts(), None)
                self.assertEqual(told.finish_reason("stop"), "stop")

    def test_what_was_said(self) -> None:
        """Numbers that are none do not count, nor items that are none."""
        told = told_by(
            json.dumps(
                {
                    "incomplete_details": {"reason": "max_output_tokens"},
                    "usage": {"input_tokens": 3, "output_tokens": True},
                    "output": [{"type": "message"}, 5],
                }
            ).encode()
        )
        self.assertEqual(told.cut_off, "max_output_tokens")
        self.assertEqual(told.count("input_tokens"), 3)
        self.assertEqual(told.count("output_tokens"), 0)
        self.assertEqual(told.items(), [{"type": "message"}])

    def test_why_it_ended(self) -> None:
        """In the words of the chat API, which has two of the upstream's reasons."""
        for details, reason in (
            ({"reason": "max_output_tokens"}, "length"),
            ({"reason": "content_filter"}, "content_filter"),
            ({"reason": "max_messages"}, "stop"),
            ({"reason": 5}, "stop"),
            (None, "stop"),
            (7, "stop"),
        ):
            with case(details=details):
                told = Told(incomplete_details=details)
                self.assertEqual(told.finish_reason("stop"), reason)

    def test_texts(self) -> None:
        """By any of their names."""
        parts = [{"text": "a"}, {"refusal": "b"}, {"text": 5}, None, {"other": "c"}]
        self.assertEqual(texts_in(parts, "text", "refusal"), ["a", "b"])
        self.assertEqual(texts_in(None, "text"), [])
