"""Events as a WebSocket client gets them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from chatmockd.core.frame import to_sse
from chatmockd.core.message import (
    Unframing,
    end_message,
    error_message,
    refusal_message,
    text_frames,
)
from chatmockd.core.outcome import Failed
from chatmockd.core.turn import Turn
from chatmockd.errors import (
    ChatmockdError,
    NoCapacity,
    PreviousResponseNotFound,
    ResponseCancelled,
)
from tests.core.cases import case


def frame(number: int, size: int = 3) -> bytes:
    """A delta of the upstream's."""
    event = {"type": "response.output_text.delta", "delta": "x" * size}
    return json.dumps(event | {"sequence_number": number}).encode()


class UnframingTests(SynchronousTestCase):
    """The framing of server-sent events is taken off again."""

    def test_what_a_turn_makes(self) -> None:
        """One message per frame, byte for byte, however large."""
        frames = [frame(0), frame(1), frame(2, 70_000), frame(3), frame(4, 200_000)]
        for reads in ([frames], [[one] for one in frames], [frames[:2], frames[2:]]):
            turn, unframing = Turn(streaming=True), Unframing(None)
            got: list[bytes] = []
            for read in reads:
                got += unframing.messages(turn.receive(read))
            self.assertEqual(got, frames)

    @given(st.data())
    def test_pieces_may_come_in_any_portions(self, data: st.DataObject) -> None:
        """A listener that catches up is given them so."""
        frames = [frame(n, n % 3 * 40_000) for n in range(6)]
        pieces = Turn(streaming=True).receive(frames)
        unframing = Unframing(None)
        got: list[bytes] = []
        while pieces:
            count = data.draw(st.integers(1, len(pieces)))
            got += unframing.messages(pieces[:count])
            pieces = pieces[count:]
        self.assertEqual(got, frames)

    def test_a_large_run_among_three_pieces(self) -> None:
        """It is no single frame."""
        events = [to_sse("a", b'{"type":"a"}') for _ in range(10_000)]
        pieces = [events[0], b"".join(events), events[0]]
        got = Unframing(None).messages(pieces)
        self.assertEqual(got, [b'{"type":"a"}'] * 10_002)

    def test_a_lane_is_named(self) -> None:
        """At the end, where it wins over any that is there already."""
        for written in (
            b'{"type":"a"}',
            b'{"type":"a", "stream_id":"other"} ',
            b'{"type":"a","text":"}"}',
        ):
            with case(written=written):
                (got,) = Unframing("lane.1").messages([to_sse("a", written)])
                event = json.loads(got)
                self.assertEqual(event["stream_id"], "lane.1")
                self.assertEqual(event["type"], "a")

    def test_nothing(self) -> None:
        """No piece, no message."""
        self.assertEqual(Unframing("a").messages([]), [])


def refused(event: dict[str, Any]) -> Failed:
    """What becomes of a turn whose first event this is."""
    turn = Turn(streaming=True)
    turn.receive([json.dumps(event).encode()])
    assert isinstance(turn.outcome, Failed)
    return turn.outcome


class ErrorTests(SynchronousTestCase):
    """Errors carry the status that HTTP would have."""

    def assert_shape(self, message: bytes, error: ChatmockdError) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(message)
        self.assertEqual(event["type"], "error")
        self.assertEqual(event["status"], error.status)
        for name in ("code", "message", "param"):
            self.assertEqual(event[name], getattr(error, name))
            self.assertEqual(event["error"][name], getattr(error, name))
        self.assertEqual(event["error"]["type"], error.type)
        return event

    def test_our_own(self) -> None:
        """Flat and nested, as everywhere."""
        for error in (PreviousResponseNotFound("resp_1"), ChatmockdError("no")):
            event = self.assert_shape(error_message(error, None), error)
            self.assertNotIn("stream_id", event)
            self.assertNotIn("headers", event)
            event = self.assert_shape(error_message(error, "a"), error)
            self.assertEqual(event["stream_id"], "a")

    def test_advice(self) -> None:
        """What HTTP says in headers is said in C{headers}."""
        event = json.loads(error_message(NoCapacity(1), None))
        self.assertEqual(event["headers"], {"retry-after": "5"})

    def test_what_the_upstream_said_is_kept(self) -> None:
        """Codex reads when a limit will be lifted."""
        said = {
            "type": "error",
            "status_code": 429,
            "headers": {"x-codex-plan": "plus"},
            "error": {
                "type": "usage_limit_reached",
                "message": "The usage limit has been reached",
                "plan_type": "plus",
                "resets_at": 1_800_000_000,
            },
        }
        outcome = refused(said)
        event = json.loads(refusal_message(outcome, "a"))
        self.assertEqual(event["status"], 429)
        self.assertNotIn("status_code", event)
        self.assertEqual(event["error"]["plan_type"], "plus")
        self.assertEqual(event["error"]["resets_at"], 1_800_000_000)
        self.assertEqual(event["headers"]["x-codex-plan"], "plus")
        self.assertEqual(event["stream_id"], "a")

    def test_a_failure_as_first_event(self) -> None:
        """There was no response yet that could fail."""
        response = {"id": "resp_1", "status": "failed"}
        response["error"] = {"code": "server_is_overloaded", "message": "Later."}  # type: ignore[assignment]
        outcome = refused({"type": "response.failed", "response": response})
        event = json.loads(refusal_message(outcome, None))
        self.assertEqual((event["type"], event["status"]), ("error", 503))

    def test_in_the_middle(self) -> None:
        """An error event gets its status; C{response.failed} needs none."""
        turn = Turn(streaming=True)
        outcome = turn.break_off(ResponseCancelled())
        (message,) = Unframing("a").messages([outcome.event])
        event = json.loads(end_message(outcome, message, "a"))
        self.assertEqual((event["status"], event["stream_id"]), (409, "a"))
        failed = b'{"type":"response.failed"}'
        outcome = Failed(outcome.error, to_sse("response.failed", failed))
        self.assertEqual(end_message(outcome, failed, None), failed)


class TextFramesTests(SynchronousTestCase):
    """Frames, read by somebody else's parser."""

    def test_all_sizes(self) -> None:
        """The three ways to say a size, at their edges."""
        sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 200_000, 5]
        messages = [b"x" * size for size in sizes]
        parser = ClientProtocol(parse_uri("ws://h/"), max_size=None)
        parser.state = parser.state.OPEN
        # The rest of the parser's handshake is somebody else's.
        parser.parser = parser.parse()
        next(parser.parser)
        pieces = text_frames(messages)
        self.assertLess(len(pieces), 6)
        parser.receive_data(b"".join(pieces))
        got = [bytes(event.data) for event in parser.events_received()]  # type: ignore[union-attr]
        self.assertEqual([len(one) for one in got], sizes)
        self.assertEqual(got, messages)

    def test_none(self) -> None:
        """Nothing to write."""
        self.assertEqual(text_frames([]), [])
