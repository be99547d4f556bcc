"""With which status a refusal of the upstream's is passed on, and when to retry."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.failure import refused
from tests.core.cases import case


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
