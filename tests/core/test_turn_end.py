"""How a turn ends well, and what its answer is then."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.outcome import Completed
from chatmockd.core.turn import Turn
from tests.core.cases import case
from tests.core.endings import completion, event_of, failed
from tests.core.events import (
    completed,
    created,
    delta,
    ended,
    item_done,
    numbered,
    read_back,
)

ONE, TWO = {"type": "reasoning", "id": "rs_1"}, {"type": "message", "id": "msg_1"}


class CompletedTests(SynchronousTestCase):
    """A turn that ends well."""

    def test_both_modes(self) -> None:
        """JSON answers with the response object that ends a stream."""
        for streaming in (True, False):
            with case(streaming=streaming):
                end = completion(
                    Turn(streaming=streaming), created(), delta("a"), completed()
                )
                self.assertEqual(end.response_id, "resp_1")
                self.assertEqual(json.loads(end.response)["id"], "resp_1")
                self.assertEqual(event_of(end)["response"], json.loads(end.response))

    def test_the_terminal_event_is_kept_back(self) -> None:
        """It is in the outcome, to be written when the outcome has been dealt with."""
        turn = Turn(streaming=True)
        pieces = turn.receive([created(), completed()])
        self.assertEqual([kind for kind, _ in read_back(pieces)], ["response.created"])
        self.assertEqual(turn.events, 2)

    def test_untouched_when_nothing_is_missing(self) -> None:
        """A good terminal event is passed on byte for byte."""
        end = completion(Turn(streaming=True), created(), completed())
        self.assertEqual(
            end.event, b"event: response.completed\ndata: " + completed() + b"\n\n"
        )

    def test_incomplete_is_an_end_like_completed(self) -> None:
        """A turn that was cut short has a response, and can be followed up."""
        details = {"reason": "max_output_tokens"}
        frame = ended("incomplete", id="resp_1", output=[], incomplete_details=details)
        end = completion(Turn(streaming=True), created(), frame)
        self.assertEqual(end.response_id, "resp_1")
        self.assertEqual(json.loads(end.response)["incomplete_details"], details)
        self.assertEqual(event_of(end)["type"], "response.incomplete")

    def test_without_an_id_anywhere(self) -> None:
        """It is an answer all the same; only, nobody can follow up on it."""
        end = completion(
            Turn(streaming=True), created(None), ended("completed", output=[])
        )
        self.assertIsNone(end.response_id)

    def test_the_id_from_created(self) -> None:
        """An end without an id gets the one that the beginning named."""
        end = completion(
            Turn(streaming=True), created("resp_9"), ended("completed", output=[])
        )
        self.assertEqual(end.response_id, "resp_9")
        self.assertEqual(json.loads(end.response)["id"], "resp_9")

    def test_surplus(self) -> None:
        """What came behind the end in the same read is neither shown nor lost."""
        turn = Turn(streaming=True)
        late = [delta("late", 4), b"not even JSON"]
        pieces = turn.receive([created(), completed(), *late])
        self.assertEqual(list(turn.surplus), late)
        self.assertEqual(len(read_back(pieces)), 1)
        self.assertIsInstance(turn.outcome, Completed)

    def test_no_surplus(self) -> None:
        """Usually the end is the last."""
        turn = Turn(streaming=True)
        turn.receive([created(), completed()])
        self.assertEqual(list(turn.surplus), [])


class BackfillTests(SynchronousTestCase):
    """An answer has the output that was streamed."""

    def _output(self, *frames: bytes, **options: Any) -> Any:
        end = completion(Turn(streaming=False, **options), created(), *frames)
        self.assertEqual(event_of(end)["response"], json.loads(end.response))
        return json.loads(end.response)["output"]

    def test_in_the_order_of_the_output_index(self) -> None:
        """Whatever order the items were finished in."""
        frames = item_done(TWO, 1, 2), item_done(ONE, 0, 3)
        self.assertEqual(self._output(*frames, ended("completed")), [ONE, TWO])

    def test_without_an_index(self) -> None:
        """Items that tell no place stand as they came."""
        for first in (None, 0, 5):
            frames = item_done(ONE, first), item_done(TWO, None)
            self.assertEqual(self._output(*frames, ended("completed")), [ONE, TWO])

    def test_an_item_that_is_told_twice(self) -> None:
        """The later telling counts."""
        frames = item_done(ONE, 0), item_done(TWO, 0)
        self.assertEqual(self._output(*frames, ended("completed")), [TWO])

    def test_an_event_without_an_item(self) -> None:
        """Nothing is filled in from nothing."""
        frame = numbered("response.output_item.done", 2, output_index=0)
        self.assertEqual(self._output(frame, ended("completed")), [])

    def test_missing_and_empty(self) -> None:
        """C{backfill_output} decides about an empty list only."""
        item = item_done(ONE, 0)
        for frame, backfill_empty, output in (
            (ended("completed"), True, [ONE]),
            (ended("completed"), False, [ONE]),
            (ended("completed", output=None), False, [ONE]),
            (ended("completed", output=[]), True, [ONE]),
            (ended("completed", output=[]), False, []),
            (ended("completed", output=[TWO]), True, [TWO]),
        ):
            with case(frame=frame, backfill_empty=backfill_empty):
                self.assertEqual(
                    self._output(item, frame, backfill_empty=backfill_empty), output
                )

    def test_empty_is_filled_unless_told_otherwise(self) -> None:
        """That is what C{backfill_output} is without any configuration."""
        frames = item_done(ONE, 0), ended("completed", output=[])
        self.assertEqual(self._output(*frames), [ONE])

    def test_items_are_not_reworded(self) -> None:
        """Numbers and escapes of an item come out as they were written."""
        frame = (
            b'{"type":"response.output_item.done","output_index":0,"sequence_number":1,'
            b'"item":{"type":"x","n":1.50,"t":"\\u0041"}}'
        )
        end = completion(Turn(streaming=False), created(), frame, ended("completed"))
        self.assertIn(b'[{"type":"x","n":1.50,"t":"\\u0041"}]', end.response)

    def test_malformed_items(self) -> None:
        """An item's place has to be a number."""
        frame = numbered("response.output_item.done", 2, item={}, output_index="first")
        end = failed(Turn(streaming=True), created(), frame)
        self.assertEqual((end.error.status, end.rejected), (502, False))
