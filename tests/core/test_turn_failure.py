"""How a turn ends badly, and what the client is told."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.outcome import Completed, Failed
from chatmockd.core.turn import Turn
from chatmockd.errors import FirstEventTimeout, UpstreamDisconnected, UpstreamSilent
from tests.core.cases import case
from tests.core.endings import event_of, failed
from tests.core.events import (
    completed,
    created,
    delta,
    encoded,
    ended,
    numbered,
    read_back,
)


class ErrorEventTests(SynchronousTestCase):
    """The upstream ends a turn with C{error}."""

    nested = encoded(
        {
            "type": "error",
            "status": 429,
            "stream_id": "kept",
            "error": {
                "type": "rate_limit_error",
                "code": "rate_limit_exceeded",
                "message": "Please try again in 2s.",
                "plan_type": "plus",
            },
        }
    )

    def test_flat_beside_nested(self) -> None:
        """Every client finds it, however it looks; what was there stays."""
        end = failed(Turn(streaming=True), created(), self.nested)
        self.assertEqual(
            event_of(end),
            {
                "type": "error",
                "status": 429,
                "stream_id": "kept",
                "error": {
                    "type": "rate_limit_error",
                    "code": "rate_limit_exceeded",
                    "message": "Please try again in 2s.",
                    "param": None,
                    "plan_type": "plus",
                },
                "code": "rate_limit_exceeded",
                "message": "Please try again in 2s.",
                "param": None,
                "sequence_number": 1,
            },
        )

    def test_other_shapes_are_nested_too(self) -> None:
        """The SDKs raise only when there is a nested error."""
        for said in (
            {"code": "slow_down", "message": "Later.", "param": "x"},
            {"error": {"detail": "Later."}, "code": "slow_down", "param": "x"},
            {"error": "Later.", "code": "slow_down", "param": "x"},
            {"detail": "Later.", "code": "slow_down", "param": "x"},
        ):
            with case(said=said):
                frame = encoded({"type": "error", "sequence_number": 8, **said})
                event = event_of(failed(Turn(streaming=True), created(), frame))
                for place in (event, event["error"]):
                    self.assertEqual(
                        [place[name] for name in ("code", "message", "param")],
                        ["slow_down", "Later.", "x"],
                    )
                self.assertEqual(event["sequence_number"], 8)

    def test_before_anything_was_seen(self) -> None:
        """It is a real HTTP error, with the upstream's own words."""
        turn = Turn(streaming=True)
        end = failed(turn, b'{"type":"codex.rate_limits"}', self.nested)
        self.assertFalse(turn.accepted)
        self.assertEqual(end.error.status, 429)
        self.assertEqual(end.error.code, "rate_limit_exceeded")
        self.assertEqual(str(end.error), "Please try again in 2s.")

    def test_whether_it_was_an_orderly_refusal(self) -> None:
        """A connection can serve on after a refusal, not after a breakdown."""
        for said, rejected in (
            ({"status": 400, "message": "m"}, True),
            ({"status": 429, "code": "rate_limit_exceeded"}, True),
            ({"status": 400, "code": "previous_response_not_found"}, False),
            ({"status": 400, "code": "websocket_connection_limit_reached"}, False),
            ({"status": 500, "message": "m"}, False),
            ({"code": "slow_down"}, False),
            ({"message": "m"}, False),
        ):
            with case(said=said):
                frame = encoded({"type": "error", **said})
                self.assertIs(failed(Turn(streaming=True), frame).rejected, rejected)

    def test_a_turn_that_was_not_begun(self) -> None:
        """One that met the age limit, or a connection without its past."""
        limit = numbered("error", None, code="websocket_connection_limit_reached")
        past = numbered("error", None, code="previous_response_not_found")
        other = numbered("error", None, code="rate_limit_exceeded")
        for frames, marker, unread in (
            ([limit], None, True),
            ([b'{"type":"codex.x"}', limit], None, True),
            ([created(), limit], None, False),
            ([limit], "resp_0", True),
            ([past], "resp_0", True),
            ([other], None, False),
        ):
            with case(frames=frames, marker=marker):
                end = failed(Turn(streaming=True, marker=marker), *frames)
                self.assertIs(end.unread, unread)

    def test_a_number_for_a_code(self) -> None:
        """Some gateways send their status there; it is not lost."""
        frame = numbered("error", None, error={"code": 429, "message": "m"})
        end = failed(Turn(streaming=True), frame)
        self.assertEqual((end.error.status, end.error.code), (429, "429"))
        self.assertEqual(event_of(end)["code"], "429")


class ResponseFailedTests(SynchronousTestCase):
    """The upstream ends a turn with C{response.failed}."""

    def test_by_its_code(self) -> None:
        """A status by the code; always the upstream's own code and message."""
        for code, status in (
            ("rate_limit_exceeded", 429),
            ("usage_limit_reached", 429),
            ("insufficient_quota", 429),
            ("server_is_overloaded", 503),
            ("slow_down", 503),
            ("invalid_prompt", 400),
            ("context_length_exceeded", 400),
            ("server_error", 502),
            ("never_heard_of", 502),
        ):
            with case(code=code):
                error = {"code": code, "message": f"It was {code}."}
                end = failed(Turn(streaming=True), ended("failed", id="r", error=error))
                self.assertEqual((end.error.status, end.error.code), (status, code))
                self.assertEqual(str(end.error), f"It was {code}.")
                self.assertFalse(end.rejected)

    def test_the_stream_ends_with_it(self) -> None:
        """Clients that have seen a part see the failed response itself."""
        error = {"code": "server_error", "message": "Oh."}
        frame = ended("failed", id="resp_1", output=[], error=error)
        end = failed(Turn(streaming=True), created(), frame)
        self.assertEqual(event_of(end), json.loads(frame))

    def test_without_a_reason(self) -> None:
        """A failure that says nothing is still one."""
        for response in ({}, {"error": None}, {"error": {}}, {"error": []}):
            with case(response=response):
                end = failed(Turn(streaming=True), ended("failed", **response))
                self.assertEqual(end.error.status, 502)
                self.assertIn("failed", str(end.error))


class MarkerTests(SynchronousTestCase):
    """A follow-up whose state is gone makes the client resend its history."""

    def _expect_resend(self, end: Failed) -> None:
        error = json.loads(end.error.as_json())
        self.assertEqual(end.error.status, 400)
        self.assertEqual(error["code"], "previous_response_not_found")
        self.assertEqual(error["error"]["param"], "previous_response_id")
        self.assertIn("'resp_0'", error["message"])
        self.assertFalse(end.rejected)

    def test_the_upstream_says_so(self) -> None:
        """In whatever words, and on whatever event."""
        for frame in (
            numbered("error", None, code="previous_response_not_found"),
            numbered(
                "error", None, error={"message": "Invalid `previous_response_id`"}
            ),
            numbered("error", None, code="websocket_connection_limit_reached"),
            ended("failed", error={"code": "previous_response_not_found"}),
        ):
            with case(frame=frame):
                turn = Turn(streaming=True, marker="resp_0", held_tip="resp_0")
                self._expect_resend(failed(turn, frame))

    def test_the_connection_is_lost_before_the_first_event(self) -> None:
        """The client does not know about connections."""
        for streaming in (True, False):
            turn = Turn(streaming=streaming, marker="resp_0", held_tip="resp_0")
            turn.receive([b'{"type":"codex.rate_limits"}', delta("left over")])
            self._expect_resend(turn.lost("it closed the connection (1011)"))

    def test_not_when_the_turn_had_begun(self) -> None:
        """History would be resent, and the work done, twice."""
        turn = Turn(streaming=True, marker="resp_0", held_tip="resp_0")
        turn.receive([created()])
        end = failed(turn, numbered("error", None, code="previous_response_not_found"))
        self.assertEqual(str(end.error), event_of(end)["message"])
        self.assertNotIn("'resp_0'", str(end.error))
        turn = Turn(streaming=True, marker="resp_0", held_tip="resp_0")
        turn.receive([created()])
        self.assertEqual(turn.lost("it is gone").error.code, "upstream_disconnected")

    def test_not_without_a_marker(self) -> None:
        """A new conversation is told what the upstream said."""
        frame = numbered(
            "error", None, code="websocket_connection_limit_reached", message="Limit."
        )
        end = failed(Turn(streaming=True), frame)
        self.assertEqual(end.error.code, "websocket_connection_limit_reached")
        self.assertEqual(str(end.error), "Limit.")

    def test_other_errors_are_themselves(self) -> None:
        """A rate limit does not make anybody resend."""
        turn = Turn(streaming=True, marker="resp_0", held_tip="resp_0")
        end = failed(turn, numbered("error", None, code="rate_limit_exceeded"))
        self.assertEqual(end.error.status, 429)


class BreakingOffTests(SynchronousTestCase):
    """The turn ends, but the upstream did not end it."""

    def test_lost(self) -> None:
        """502 or an error event, with what happened, and never C{completed}."""
        what = "it closed the connection with code 4001 (quota)"
        for streaming, frames, code in (
            (True, [], "upstream_outcome_unknown"),
            (False, [], "upstream_outcome_unknown"),
            (False, [created(), delta("a")], "upstream_outcome_unknown"),
            (True, [created(), delta("a")], "upstream_disconnected"),
        ):
            with case(streaming=streaming, frames=frames):
                turn = Turn(streaming=streaming)
                turn.receive(frames)
                end = turn.lost(what)
                self.assertIs(turn.outcome, end)
                self.assertEqual((end.error.status, end.error.code), (502, code))
                self.assertIn(what, str(end.error))
                self.assertEqual(end.error.should_retry, False)
                self.assertEqual(event_of(end)["sequence_number"], len(frames))

    def test_an_error_has_the_number_that_is_its_turn(self) -> None:
        """Or a higher one; some upstreams count errors from 0, or not at all."""
        said = {"type": "error", "error": {"code": "server_error", "message": "No."}}
        for own, number in (
            ({}, 8),
            ({"sequence_number": 0}, 8),
            ({"sequence_number": 9}, 9),
        ):
            with case(**own):
                turn = Turn(streaming=True)
                turn.receive([created(number=7), encoded({**said, **own})])
                assert isinstance(turn.outcome, Failed)
                self.assertEqual(event_of(turn.outcome)["sequence_number"], number)

    def test_broken_off_by_us(self) -> None:
        """Our own reason is what the client is told."""
        for error in (FirstEventTimeout(60), UpstreamSilent(300)):
            turn = Turn(streaming=True)
            turn.receive([created(number=6)])
            end = turn.break_off(error)
            self.assertIs(turn.outcome, end)
            self.assertIs(end.error, error)
            event = event_of(end)
            self.assertEqual(event["sequence_number"], 7)
            for place in (event, event["error"]):
                self.assertEqual(place["message"], str(error))
                self.assertEqual(place["code"], error.code)

    def test_behind_a_frame_that_nobody_read(self) -> None:
        """A turn can always be ended, whatever passed through it unread."""
        start = b'{"type":"response.output_text.delta",'
        for damaged in (
            start + b'x,"sequence_number":2}',
            start + b'"sequence_number":2,x}',
        ):
            with case(damaged=damaged):
                turn = Turn(streaming=True)
                turn.receive([created(), delta("x"), damaged])
                self.assertIsInstance(turn.lost("gone").error, UpstreamDisconnected)
                turn = Turn(streaming=True)
                turn.receive([created(), delta("x"), damaged, ended("completed", None)])
                self.assertIsInstance(turn.outcome, Completed)

    def test_malformed_frames(self) -> None:
        """What is no event ends the turn; what came before it is passed on."""
        for frame in (
            b"",
            b"[DONE]",
            b"{}",
            b'{"type":"a\\n\\ndata: {}"}',
            b'{"type":"response.completed","response":{"id":}}',
            b'{"type":"response.completed","sequence_number":"x"}',
        ):
            with case(frame=frame):
                turn = Turn(streaming=True)
                pieces = turn.receive([created(), delta("a"), frame, completed()])
                self.assertEqual(len(read_back(pieces)), 2)
                assert isinstance(turn.outcome, Failed)
                self.assertEqual(turn.outcome.error.status, 502)
                self.assertEqual(turn.outcome.error.code, "upstream_malformed_frame")
                self.assertEqual(event_of(turn.outcome)["type"], "error")

    @given(st.lists(st.binary(max_size=30), min_size=1, max_size=4))
    @settings(max_examples=80, deadline=None)
    def test_garbage(self, frames: list[bytes]) -> None:
        """An upstream that sends anything at all gets a turn to end, no more."""
        turn = Turn(streaming=True)
        self.assertEqual(turn.receive(frames), [])
        self.assertIsInstance(turn.outcome, Failed)
