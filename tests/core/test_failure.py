"""What upstreams say when they refuse, in every shape that was seen."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.failure import refused
from tests.core.cases import case

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
