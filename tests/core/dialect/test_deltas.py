"""Reading the events of a stream."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.deltas import delta_in, item_in, json_of, text_of
from chatmockd.errors import MalformedFrame
from tests.core.cases import case


class DeltaTests(SynchronousTestCase):
    """Pieces of text pass through as they are."""

    def test_deltas(self) -> None:
        """Frames, and the JSON text in them."""
        for frame, piece in (
            (b'{"type":"x","delta":"Hi"}', b'"Hi"'),
            (b'{"delta":"\\u00e9\\n","type":"x"}', b'"\\u00e9\\n"'),
            (b'{"delta" : "Hi" }', b'"Hi"'),
            (b'{"delta":""}', b'""'),
            (b'{"delta":"\\ud83d"}', b'"\\ud83d"'),
        ):
            with case(frame=frame):
                self.assertEqual(bytes(delta_in(frame).delta), piece)

    def test_where_it_belongs(self) -> None:
        """To the first item, if it does not say."""
        for frame, index in (
            (b'{"delta":"Hi","output_index":2}', 2),
            (b'{"delta":"\\ud83d","output_index":2}', 2),
            (b'{"delta":"Hi"}', 0),
            (b'{"delta":"\\ud83d"}', 0),
        ):
            with case(frame=frame):
                self.assertEqual(delta_in(frame).output_index, index)

    def test_no_deltas(self) -> None:
        """There is no text in them."""
        for frame in (
            b'{"delta":5,"more":"\\ud83d"}',
            b'{"delta":null}',
            b'{"delta":{}}',
            b'{"delta":"Hi","output_index":"2"}',
            b'{"delta":"\\ud83d","output_index":"2"}',
            b"{}",
            b"[]",
            b'{"delta":"Hi',
        ):
            with case(frame=frame):
                with self.assertRaises(MalformedFrame):
                    delta_in(frame)

    def test_there_and_back(self) -> None:
        """Half an emoji, too."""
        for text in ("", "Hi", 'é"\\\n🙂', "\ud83d"):
            self.assertEqual(text_of(json_of(text)), text)


class ItemTests(SynchronousTestCase):
    """Whole items."""

    def test_items(self) -> None:
        """With their places."""
        event = item_in(b'{"item":{"type":"message"},"output_index":3}')
        self.assertEqual((event.item, event.output_index), ({"type": "message"}, 3))

    def test_no_items(self) -> None:
        """They are no objects."""
        frames: list[Any] = [b'{"item":null}', b'{"item":[]}', b"[]", b"{"]
        for frame in frames:
            with case(frame=frame):
                with self.assertRaises(MalformedFrame):
                    item_in(frame)
