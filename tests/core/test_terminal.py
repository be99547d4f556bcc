"""The end of a turn, made readable for strict clients."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.frame import head_of
from chatmockd.core.terminal import (
    Terminal,
    read_terminal,
    response_id_in,
    with_sequence_number,
)
from chatmockd.core.usage import Usage
from chatmockd.errors import MalformedFrame
from tests.core.cases import case
from tests.core.events import ended

FIRST, SECOND = {"type": "reasoning", "id": "rs_1"}, {"type": "message", "id": "msg_1"}
ITEMS = {2: SECOND, 0: FIRST}


def read(
    frame: bytes,
    *,
    created_id: str | None = None,
    items: Mapping[int, Any] = ITEMS,
    backfill_empty: bool = True,
) -> Terminal:
    """The terminal event in C{frame}, repaired."""
    return read_terminal(
        head_of(frame),
        frame,
        created_id=created_id,
        items={n: msgspec.Raw(json.dumps(item).encode()) for n, item in items.items()},
        backfill_empty=backfill_empty,
    )


def response_of(end: Terminal) -> Any:
    """The repaired response; the one inside the event is the same."""
    response = json.loads(end.response)
    assert json.loads(end.frame)["response"] == response
    return response


class UntouchedTests(SynchronousTestCase):
    """A response that strict clients can read is not touched."""

    def test_byte_for_byte(self) -> None:
        """Not even the white space changes."""
        response = b'{ "id":"resp_1", "output" : [ {"type":"message"} ],"usage":null }'
        frame = b'{"type":"response.completed",\n"response":' + response + b" }"
        end = read(frame, created_id="resp_1")
        self.assertEqual(end.frame, frame)
        self.assertEqual(end.response, response)
        self.assertEqual((end.response_id, end.error), ("resp_1", None))

    def test_complete_usage(self) -> None:
        """Usage with both details objects is passed on as it is."""
        usage = {
            "input_tokens": 5,
            "input_tokens_details": {"cached_tokens": 3},
            "output_tokens": 2,
            "output_tokens_details": {"reasoning_tokens": 1},
            "total_tokens": 7,
        }
        frame = ended("completed", id="resp_1", output=[FIRST], usage=usage)
        frame = frame.replace(b":{", b": {")  # not as we would write it
        end = read(frame)
        self.assertEqual((end.frame, end.usage), (frame, Usage(1, 5, 3, 2, 1)))


class OutputTests(SynchronousTestCase):
    """C{output} is a list, and has what was streamed."""

    def test_filled_when_it_is_no_list(self) -> None:
        """Absent, null or something else: the items, in the order of their index."""
        for response in ({}, {"output": None}, {"output": {}}, {"output": "x"}):
            for backfill_empty in (True, False):
                with case(response=response, backfill_empty=backfill_empty):
                    end = read(
                        ended("completed", id="r", **response),
                        backfill_empty=backfill_empty,
                    )
                    self.assertEqual(response_of(end)["output"], [FIRST, SECOND])

    def test_empty_when_there_were_no_items(self) -> None:
        """A list in any case."""
        end = read(ended("completed", id="r"), items={})
        self.assertEqual(response_of(end)["output"], [])

    def test_an_empty_list(self) -> None:
        """Filled only where that is wanted."""
        frame = b'{"type":"response.completed","response":{"id":"r","output":[ ]}}'
        self.assertEqual(response_of(read(frame))["output"], [FIRST, SECOND])
        self.assertEqual(read(frame, backfill_empty=False).frame, frame)
        self.assertEqual(read(frame, items={}).frame, frame)

    def test_a_list_that_has_something(self) -> None:
        """What the upstream says of its own output counts."""
        for output in ([SECOND], [7], [[]], ["x" * 70]):
            with case(output=output):
                frame = ended("completed", id="r", output=output)
                self.assertEqual(read(frame).frame, frame)

    def test_numbers_order_by_value(self) -> None:
        """The eleventh item comes after the third."""
        end = read(ended("completed", id="r"), items={10: "k", 2: "c", 0: "a"})
        self.assertEqual(response_of(end)["output"], ["a", "c", "k"])

    def test_incomplete_and_failed_too(self) -> None:
        """Whatever the end, what there was is in it."""
        for kind in ("incomplete", "failed"):
            with case(kind=kind):
                end = read(ended(kind, id="r"))
                self.assertEqual(response_of(end)["output"], [FIRST, SECOND])


class UsageTests(SynchronousTestCase):
    """C{usage} has the objects that strict clients read without looking."""

    def test_details_are_added(self) -> None:
        """Both details objects, and the sum."""
        for usage in (
            {"input_tokens": 5, "output_tokens": 2},
            {"input_tokens": 5, "output_tokens": 2, "input_tokens_details": None},
            {"input_tokens": 5, "output_tokens": 2, "total_tokens": None},
        ):
            with case(usage=usage):
                end = read(ended("completed", id="r", output=[FIRST], usage=usage))
                self.assertEqual(
                    response_of(end)["usage"],
                    {
                        "input_tokens": 5,
                        "input_tokens_details": {
                            "cached_tokens": 0,
                            "cache_write_tokens": 0,
                        },
                        "output_tokens": 2,
                        "output_tokens_details": {"reasoning_tokens": 0},
                        "total_tokens": 7,
                    },
                )

    def test_the_sum_alone(self) -> None:
        """Details without a sum get one, too."""
        usage = {
            "input_tokens": 5,
            "input_tokens_details": {},
            "output_tokens": 2,
            "output_tokens_details": {},
        }
        end = read(ended("completed", id="r", output=[FIRST], usage=usage))
        self.assertEqual(response_of(end)["usage"], {**usage, "total_tokens": 7})

    def test_what_is_there_stays(self) -> None:
        """Known details and unknown counts are not overwritten."""
        usage = {
            "input_tokens": 5,
            "input_tokens_details": {"cached_tokens": 4, "new": 1},
            "output_tokens": 2,
            "total_tokens": 99,
            "cost": 0.25,
        }
        end = read(ended("completed", id="r", output=[FIRST], usage=usage))
        self.assertEqual(
            response_of(end)["usage"],
            {**usage, "output_tokens_details": {"reasoning_tokens": 0}},
        )

    def test_odd_ones_are_counted_all_the_same(self) -> None:
        """What is wrong beside the counts does not take them away."""
        counts = {"input_tokens": 5, "output_tokens": 2}
        for odd in (
            {"input_tokens_details": []},
            {"output_tokens_details": "x", "total_tokens": 7},
            {"total_tokens": "7"},
            {"input_tokens_details": 1, "total_tokens": [7]},
        ):
            with case(odd=odd):
                end = read(ended("completed", output=[], usage={**counts, **odd}))
                self.assertEqual(end.usage, Usage(1, 5, 0, 2))

    def test_no_usage_is_no_usage(self) -> None:
        """Nothing is invented; strange counts are not added up."""
        for usage in (None, [], "much"):
            frame = ended("completed", id="r", output=[FIRST], usage=usage)
            with case(usage=usage):
                self.assertEqual(read(frame).frame, frame)
        end = read(ended("completed", id="r", output=[], usage={"input_tokens": "5"}))
        self.assertNotIn("total_tokens", response_of(end)["usage"])


class IdTests(SynchronousTestCase):
    """C{id} is the one that the turn was given."""

    def test_supplied_from_created(self) -> None:
        """Absent, null or blank, it is what C{response.created} said."""
        for response in ({}, {"id": None}, {"id": ""}):
            with case(response=response):
                end = read(ended("completed", output=[], **response), created_id="c")
                self.assertEqual(response_of(end)["id"], "c")
                self.assertEqual(end.response_id, "c")

    def test_its_own_counts(self) -> None:
        """A terminal event that names its response names it."""
        end = read(ended("completed", id="r", output=[FIRST]), created_id="c")
        self.assertEqual((response_of(end)["id"], end.response_id), ("r", "r"))

    def test_nowhere(self) -> None:
        """Without an id anywhere there is none, and no failure either."""
        end = read(ended("completed", output=[FIRST]))
        self.assertIsNone(end.response_id)
        self.assertNotIn("id", response_of(end))

    def test_not_text(self) -> None:
        """An id that nobody could follow up on is none."""
        for response_id in (17, "", None, ["r"]):
            with case(response_id=response_id):
                end = read(ended("completed", id=response_id, output=[FIRST]))
                self.assertIsNone(end.response_id)


class NoResponseTests(SynchronousTestCase):
    """A terminal event without a response object still makes one."""

    def test_made_up(self) -> None:
        """What the turn showed is what the client gets."""
        for kind in ("completed", "incomplete", "failed"):
            for rest in (b"", b',"response":null', b',"response":{}', b',"response":7'):
                frame = b'{"type":"response.' + kind.encode() + b'"' + rest + b"}"
                with case(frame=frame):
                    end = read(frame, created_id="c")
                    self.assertEqual(
                        response_of(end),
                        {
                            "object": "response",
                            "status": kind,
                            "id": "c",
                            "output": [FIRST, SECOND],
                        },
                    )

    def test_error(self) -> None:
        """The error of a failed response is decoded for us."""
        error = {"code": "server_error", "message": "Oh."}
        frame = ended("failed", id="r", output=[], error=error)
        self.assertEqual(read(frame).error, error)

    def test_malformed(self) -> None:
        """What is no JSON is no end of a turn."""
        for frame in (
            b"",
            b"[]",
            b'{"type":"response.completed","response":{"id":}}',
            b'{"type":"response.completed","response":{"id":1e999}}',
        ):
            with case(frame=frame):
                self.assertRaises(MalformedFrame, read, frame)


class WithSequenceNumberTests(SynchronousTestCase):
    """A missing number is supplied, and nothing else changes."""

    @given(
        st.dictionaries(
            st.text(), st.none() | st.integers() | st.text() | st.lists(st.text())
        ),
        st.integers(0, 10**6),
    )
    @settings(max_examples=60, deadline=None)
    def test_any_event(self, event: dict[str, Any], number: int) -> None:
        """The event with its number is the event, and its number."""
        frame = with_sequence_number(json.dumps(event).encode(), number)
        self.assertEqual(json.loads(frame), {**event, "sequence_number": number})


class ResponseIdInTests(SynchronousTestCase):
    """Whose frame it is."""

    def test_shapes(self) -> None:
        """The id where there is one; None for all else, never an exception."""
        for response, response_id in (
            (b'{"id":"r","output":[1]}', "r"),
            (b'{"id":null}', None),
            (b"{}", None),
            (b"", None),
            (b"null", None),
            (b'{"id":5}', None),
            (b"[", None),
            (b'{"id":"\xff"}', None),
        ):
            with case(response=response):
                self.assertEqual(response_id_in(msgspec.Raw(response)), response_id)
