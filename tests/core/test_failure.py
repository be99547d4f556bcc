"""What upstreams say when they refuse, in every shape that was seen."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.failure import refused
from tests.core.cases import case

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from([400, 429, 599, 600, 200, "usage_limit_reached", "slow_down"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=6)
            | st.sampled_from(
                ["error", "body", "detail", "message", "code", "type", "param"]
                + [
                    "status",
                    "status_code",
                    "headers",
                    "retry-after",
                    "resets_in_seconds",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)

NOT_FOUND = "Previous response with id 'resp_abc' not found."
LIMIT = "Responses websocket connection limit reached (60 minutes)."


class ShapeTests(SynchronousTestCase):
    """Each shape as it was recorded: status, type, code, param, message."""

    # name, what came, (status, type, code, param), message
    table: tuple[tuple[str, dict[str, Any], tuple[Any, ...], str], ...] = (
        (
            "API, nested",
            {
                "type": "error",
                "status": 400,
                "error": {
                    "type": "invalid_request_error",
                    "code": "previous_response_not_found",
                    "message": NOT_FOUND,
                    "param": "previous_response_id",
                },
            },
            (
                400,
                "invalid_request_error",
                "previous_response_not_found",
                "previous_response_id",
            ),
            NOT_FOUND,
        ),
        (
            "flat",
            {
                "type": "error",
                "code": "rate_limit_exceeded",
                "message": "Please try again in 11.054s.",
                "param": None,
                "sequence_number": 4,
            },
            (429, "rate_limit_error", "rate_limit_exceeded", None),
            "Please try again in 11.054s.",
        ),
        (
            "ChatGPT, nested, status behind the error",
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "code": "unsupported_parameter",
                    "message": "Unsupported parameter: 'reasoning.summary'.",
                    "param": "reasoning.summary",
                },
                "status": 400,
            },
            (
                400,
                "invalid_request_error",
                "unsupported_parameter",
                "reasoning.summary",
            ),
            "Unsupported parameter: 'reasoning.summary'.",
        ),
        (
            "ChatGPT, detail inside",
            {"type": "error", "error": {"detail": "Unsupported parameter: user"}},
            (400, "invalid_request_error", "unsupported_parameter", None),
            "Unsupported parameter: user",
        ),
        (
            "detail at the top",
            {"detail": "Store must be set to false"},
            (400, "invalid_request_error", None, None),
            "Store must be set to false",
        ),
        (
            "detail in the body",
            {"type": "error", "body": {"detail": "Stream must be set to true"}},
            (400, "invalid_request_error", None, None),
            "Stream must be set to true",
        ),
        (
            "detail as a validator's findings",
            {"detail": [{"loc": ["body"], "msg": "field required"}]},
            (400, "invalid_request_error", None, None),
            '[{"loc":["body"],"msg":"field required"}]',
        ),
        (
            "ChatGPT, no code and no status",
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "Unsupported parameter: stream_id",
                },
            },
            (400, "invalid_request_error", "unsupported_parameter", None),
            "Unsupported parameter: stream_id",
        ),
        (
            "gateway, unknown marker without a code",
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "Invalid `previous_response_id`.",
                },
            },
            (400, "invalid_request_error", "previous_response_not_found", None),
            "Invalid `previous_response_id`.",
        ),
        (
            "ChatGPT, the reason under type",
            {
                "type": "error",
                "error": {
                    "type": "usage_limit_reached",
                    "message": "The usage limit has been reached",
                    "plan_type": "plus",
                    "resets_in_seconds": 900,
                },
            },
            (429, "usage_limit_reached", "usage_limit_reached", None),
            "The usage limit has been reached",
        ),
        (
            "a code beside a type that tells something too",
            {"error": {"type": "rate_limit_error", "code": "new", "message": "m"}},
            (429, "rate_limit_error", "new", None),
            "m",
        ),
        (
            "the type beside a flat message",
            {"type": "error", "error_type": "usage_limit_reached", "message": "m"},
            (429, "usage_limit_reached", "usage_limit_reached", None),
            "m",
        ),
        (
            "a blank message",
            {"error": {"message": "", "code": ""}, "message": "m", "code": "slow_down"},
            (503, "server_error", "slow_down", None),
            "m",
        ),
        (
            "a number for a code, which is a status",
            {"error": {"code": 429, "message": "m"}},
            (429, "rate_limit_error", "429", None),
            "m",
        ),
        (
            "a number for a code, which is none",
            {"code": 17, "message": "m"},
            (502, "server_error", "17", None),
            "m",
        ),
        (
            "the upstream's own 500",
            {"status": 500, "error": {"message": "m"}},
            (500, "server_error", None, None),
            "m",
        ),
        (
            "status under status_code",
            {
                "type": "error",
                "status_code": 403,
                "error": {"message": "no", "code": "x"},
            },
            (403, "invalid_request_error", "x", None),
            "no",
        ),
        (
            "the error inside body",
            {
                "type": "error",
                "body": {
                    "error": {
                        "type": "server_error",
                        "code": "server_is_overloaded",
                        "message": "Our servers are currently overloaded.",
                    }
                },
            },
            (503, "server_error", "server_is_overloaded", None),
            "Our servers are currently overloaded.",
        ),
        (
            "connection limit",
            {
                "type": "error",
                "status": 400,
                "error": {
                    "code": "websocket_connection_limit_reached",
                    "message": LIMIT,
                },
            },
            (400, "invalid_request_error", "websocket_connection_limit_reached", None),
            LIMIT,
        ),
        (
            "the error is a sentence",
            {"error": "out of tea", "status": 418},
            (418, "invalid_request_error", None, None),
            "out of tea",
        ),
        (
            "response.error of response.failed",
            {"error": {"code": "invalid_prompt", "message": "Bad prompt."}},
            (400, "invalid_request_error", "invalid_prompt", None),
            "Bad prompt.",
        ),
        (
            "nothing that helps",
            {"type": "error", "error": {"code": "brand_new", "message": "Hm."}},
            (502, "server_error", "brand_new", None),
            "Hm.",
        ),
    )

    def test_shapes(self) -> None:
        """Whatever the shape, one error with the upstream's own words."""
        for name, said, expected, message in self.table:
            with case(shape=name):
                error = refused(said)
                self.assertEqual(
                    (error.status, error.type, error.code, error.param), expected
                )
                self.assertEqual(str(error), message)

    def test_nothing_at_all(self) -> None:
        """An upstream that says nothing gets a sentence of ours, and a 502."""
        for said in (None, {}, [], "", 0, {"type": "error"}, {"error": {}}):
            with case(said=said):
                error = refused(said, fallback="It said nothing.")
                self.assertEqual((error.status, error.code), (502, None))
                self.assertEqual(str(error), "It said nothing.")


class StatusTests(SynchronousTestCase):
    """Where the status comes from."""

    def test_what_counts_as_a_status(self) -> None:
        """400 to 599, as a number; anything else says nothing."""
        for said, status in (
            ({"status": 400}, 400),
            ({"status": 599}, 599),
            ({"status": 399}, 502),
            ({"status": 600}, 502),
            ({"status": 200}, 502),
            ({"status": 0}, 502),
            ({"status": -400}, 502),
            ({"status": True}, 502),
            ({"status": "429"}, 502),
            ({"status": 429.0}, 502),
            ({"status": None}, 502),
            ({"status_code": 503}, 503),
            ({"status": 200, "status_code": 503}, 503),
            ({"status": 429, "status_code": 503}, 429),
            ({"error": {"status": 404}}, 404),
            ({"error": {"status_code": 404}}, 404),
            ({"status": 700, "code": "slow_down"}, 503),
            ({"status": 500, "code": "slow_down"}, 500),
        ):
            with case(said=said):
                self.assertEqual(refused(said).status, status)

    def test_by_code(self) -> None:
        """Rate and usage limits, overload and the caller's mistakes tell themselves."""
        for code, status in (
            ("rate_limit_exceeded", 429),
            ("insufficient_quota", 429),
            ("usage_limit_reached", 429),
            ("usage_not_included", 429),
            ("server_is_overloaded", 503),
            ("slow_down", 503),
            ("invalid_prompt", 400),
            ("context_length_exceeded", 400),
            ("previous_response_not_found", 400),
            ("websocket_connection_limit_reached", 400),
            ("unsupported_value", 400),
            ("cyber_policy", 400),
            ("bio_policy", 400),
            ("misalignment_policy_violation", 400),
            ("invalid_request_error", 400),
            ("invalid_stream_id", 400),
            ("unsupported_parameter", 400),
            ("websocket_stream_limit_reached", 400),
            ("authentication_error", 401),
            ("invalid_api_key", 401),
            ("rate_limit_error", 429),
            ("server_error", 502),
            ("vector_store_timeout", 502),
            ("decimal_below_min_value", 502),
        ):
            for said in (
                {"type": "error", "error": {"code": code, "message": "m"}},
                {"type": "error", "code": code, "message": "m"},
            ):
                with case(code=code, said=said):
                    error = refused(said)
                    self.assertEqual((error.status, error.code), (status, code))

    def test_a_type_that_is_not_said(self) -> None:
        """It follows from the status."""
        for status, kind in (
            (400, "invalid_request_error"),
            (401, "authentication_error"),
            (403, "invalid_request_error"),
            (429, "rate_limit_error"),
            (502, "server_error"),
        ):
            with case(status=status):
                self.assertEqual(refused({}, status=status).type, kind)

    def test_the_transport_knows_better(self) -> None:
        """The status of a refused upgrade stands above what its body says."""
        said = {"status": 400, "error": {"message": "m", "code": "slow_down"}}
        self.assertEqual(refused(said, status=401).status, 401)


class RetryTests(SynchronousTestCase):
    """When, and whether, to ask again."""

    def test_retry_after(self) -> None:
        """From a header of ours, the event's headers, or the plan's reset."""
        said = {"headers": {"Retry-After": "30"}, "error": {"resets_in_seconds": 900}}
        self.assertEqual(refused(said, retry_after=5).retry_after, 5)
        self.assertEqual(refused(said).retry_after, 30)
        self.assertEqual(refused(said, retry_after="5").retry_after, 5)
        self.assertEqual(refused(said, retry_after="").retry_after, 30)
        said["headers"] = {"retry-after": "soon"}
        self.assertEqual(refused(said).retry_after, 900)

    def test_retry_after_a_date(self) -> None:
        """Each date is held against the C{Date} of the same answer."""
        date, later = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:37 GMT"
        for said, others, wait in (
            ({}, {"retry_after": later, "date": date}, 60),
            ({}, {"retry_after": later}, later),
            ({"headers": {"Retry-After": later, "Date": date}}, {}, 60),
            ({"headers": {"Retry-After": later}}, {"date": date}, later),
        ):
            with case(said=said, others=others):
                self.assertEqual(refused(said, **others).retry_after, wait)

    def test_strange_times(self) -> None:
        """What cannot be a number of seconds is none."""
        for value in (-1, "NaN", "inf", float("nan"), 1e30, None, [], {}, 10**400):
            with case(value=value):
                error = refused({"error": {"resets_in_seconds": value}})
                self.assertIsNone(error.retry_after)

    def test_a_used_up_plan_is_not_asked_again(self) -> None:
        """SDKs repeat a 429 by themselves; here that cannot help."""
        for code, should_retry in (
            ("usage_limit_reached", False),
            ("insufficient_quota", False),
            ("usage_not_included", False),
            ("rate_limit_exceeded", None),
            ("slow_down", None),
        ):
            with case(code=code):
                self.assertEqual(refused({"code": code}).should_retry, should_retry)


class GarbageTests(SynchronousTestCase):
    """An upstream may send anything."""

    @given(anything)
    @settings(max_examples=300, deadline=None)
    def test_anything(self, said: Any) -> None:
        """Whatever comes, a presentable error comes of it."""
        error = refused(said)
        self.assertTrue(400 <= error.status <= 599, error.status)
        self.assertTrue(error.message)
        body = json.loads(error.as_json())["error"]
        self.assertEqual(body["message"], error.message)
        self.assertTrue(body["type"])
        self.assertIsInstance(error.headers(), dict)

    @given(
        st.text(min_size=1),
        st.text(min_size=1),
        st.sampled_from(["nested", "flat", "body"]),
        st.dictionaries(
            st.sampled_from(["status", "status_code", "headers", "param", "plan_type"]),
            anything,
        ),
    )
    @settings(max_examples=150, deadline=None)
    def test_message_and_code_are_never_lost(
        self, message: str, code: str, shape: str, more: dict[str, Any]
    ) -> None:
        """Beside whatever else, what the upstream said reaches the client."""
        inner = {**more, "message": message, "code": code}
        said = {
            "nested": {"type": "error", **more, "error": inner},
            "flat": {"type": "error", **inner},
            "body": {"type": "error", **more, "body": {"error": inner}},
        }[shape]
        error = refused(said)
        self.assertEqual((error.message, error.code), (message, code))
