"""What a client is told when something is wrong, in both renderings."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from chatmockd import errors
from chatmockd.core.handshake import BadHandshake, UpgradeRequired
from chatmockd.errors import ChatmockdError
from tests.core.cases import case

# The error, its status, type, code and param.
FAMILY: tuple[tuple[ChatmockdError, int, str, str | None, str | None], ...] = (
    (ChatmockdError("m"), 500, "server_error", "internal_error", None),
    (errors.InvalidRequest("m"), 400, "invalid_request_error", None, None),
    (
        errors.InvalidRequest("m", param="input[2]", code="invalid_type"),
        400,
        "invalid_request_error",
        "invalid_type",
        "input[2]",
    ),
    (errors.BodyTooLarge("m"), 413, "invalid_request_error", "body_too_large", None),
    (
        errors.UnsupportedMediaType("m"),
        415,
        "invalid_request_error",
        "unsupported_media_type",
        None,
    ),
    (errors.Forbidden("m"), 403, "invalid_request_error", "forbidden", None),
    (errors.NotFound("m"), 404, "invalid_request_error", "not_found", None),
    (
        UpgradeRequired(),
        426,
        "invalid_request_error",
        "upgrade_required",
        None,
    ),
    (BadHandshake("m"), 400, "invalid_request_error", "bad_handshake", None),
    (
        errors.MethodNotAllowed("m"),
        405,
        "invalid_request_error",
        "method_not_allowed",
        None,
    ),
    (
        errors.PreviousResponseNotFound("resp_1"),
        400,
        "invalid_request_error",
        "previous_response_not_found",
        "previous_response_id",
    ),
    (
        errors.ResponseInFlight("resp_1"),
        409,
        "invalid_request_error",
        "response_in_flight",
        "previous_response_id",
    ),
    (errors.NoCapacity(7), 503, "server_error", "no_capacity", None),
    (errors.ShuttingDown(), 503, "server_error", "shutting_down", None),
    (
        errors.CredentialsMissing("m"),
        401,
        "authentication_error",
        "credentials_missing",
        None,
    ),
    (
        errors.UpstreamUnreachable("h:1", "DNS", "no such host name"),
        502,
        "upstream_error",
        "upstream_unreachable",
        None,
    ),
    (
        errors.RequestCutShort("the connection was lost"),
        502,
        "upstream_error",
        "upstream_unreachable",
        None,
    ),
    (
        errors.UpstreamOutcomeUnknown("m"),
        502,
        "upstream_error",
        "upstream_outcome_unknown",
        None,
    ),
    (
        errors.UpstreamDisconnected("m"),
        502,
        "upstream_error",
        "upstream_disconnected",
        None,
    ),
    (
        errors.FirstEventTimeout(60),
        504,
        "upstream_error",
        "upstream_first_event_timeout",
        None,
    ),
    (errors.UpstreamSilent(300), 504, "upstream_error", "upstream_idle_timeout", None),
    (
        errors.MalformedFrame("m"),
        502,
        "upstream_error",
        "upstream_malformed_frame",
        None,
    ),
    (
        errors.UpstreamRefused("m", status=418, type="t", code="c", param="p"),
        418,
        "t",
        "c",
        "p",
    ),
    (
        errors.ResponseCancelled(),
        409,
        "invalid_request_error",
        "response_cancelled",
        None,
    ),
    (
        errors.IdempotencyMismatch(),
        422,
        "invalid_request_error",
        "idempotency_key_reused",
        "Idempotency-Key",
    ),
    (
        errors.IdempotencyUnknown(),
        409,
        "invalid_request_error",
        "idempotency_outcome_unknown",
        "Idempotency-Key",
    ),
    (
        errors.ResponseNotFound("resp_1"),
        404,
        "invalid_request_error",
        "response_not_found",
        None,
    ),
    (errors.StoreError("locked"), 503, "server_error", "store_unavailable", None),
    (errors.StoreFull("full"), 507, "server_error", "insufficient_storage", None),
)


class FamilyTests(SynchronousTestCase):
    """Every error, whoever caused it, is told in one shape."""

    def test_as_json(self) -> None:
        """The four members that SDKs know, with their values."""
        for error, status, kind, code, param in FAMILY:
            with case(error=type(error).__name__):
                self.assertEqual(error.status, status)
                self.assertEqual(
                    json.loads(error.as_json())["error"],
                    {
                        "message": str(error),
                        "type": kind,
                        "param": param,
                        "code": code,
                    },
                )

    def test_as_frame(self) -> None:
        """The same, flat and nested, with the number that it is given."""
        for error, _, kind, code, param in FAMILY:
            with case(error=type(error).__name__):
                nested = {
                    "message": str(error),
                    "type": kind,
                    "param": param,
                    "code": code,
                }
                self.assertEqual(
                    json.loads(error.as_frame(12)),
                    {
                        "type": "error",
                        "code": code,
                        "message": str(error),
                        "param": param,
                        "sequence_number": 12,
                        "error": nested,
                    },
                )

    def test_one_line(self) -> None:
        """No rendering has a line break that would end a data line."""
        error = ChatmockdError("one\r\ntwo\u2028three")
        for rendering in (error.as_json(), error.as_frame(1)):
            self.assertNotIn(b"\n", rendering)
            self.assertNotIn(b"\r", rendering)

    def test_nothing_is_left_out_of_the_table(self) -> None:
        """A new error gets its line here."""
        shown = {type(error) for error, *_ in FAMILY}
        declared = {
            thing
            for thing in vars(errors).values()
            if isinstance(thing, type) and issubclass(thing, ChatmockdError)
        }
        self.assertEqual(declared - shown, {errors.UpstreamError})


class WordsTests(SynchronousTestCase):
    """An error's message says what to do with it."""

    def test_they_name_what_they_are_about(self) -> None:
        """The marker, the limit and its key, the place and the phase."""
        for error, words in (
            (errors.PreviousResponseNotFound("resp_1"), ("'resp_1'", "not found")),
            (errors.ResponseInFlight("resp_1"), ("'resp_1'", "in flight")),
            (errors.NoCapacity(7), ("7", "continuity.max_retained")),
            (
                errors.UpstreamUnreachable("h:1", "TLS", "expired"),
                ("h:1", "TLS", "expired"),
            ),
            (errors.FirstEventTimeout(1.5), ("1.5 s", "first_event_timeout_s")),
            (errors.UpstreamSilent(300), ("300 s", "idle_timeout_s")),
            (errors.MalformedFrame("no type"), ("malformed frame: no type",)),
        ):
            for word in words:
                with case(error=error, word=word):
                    self.assertIn(word, str(error))

    def test_the_marker_error_stands_at_both_places(self) -> None:
        """VS Code reads the code at the top or inside, and resends its history."""
        error = errors.PreviousResponseNotFound("resp_1")
        body = json.loads(error.as_json())
        self.assertEqual(body["code"], "previous_response_not_found")
        self.assertEqual(body["message"], str(error))
        other = json.loads(errors.NotFound("m").as_json())
        self.assertEqual(other.keys(), {"error"})


class HeadersTests(SynchronousTestCase):
    """What goes with an error's JSON."""

    def test_retry_after(self) -> None:
        """Whole seconds, and never at once; a date is left as it is."""
        date = "Sun, 06 Nov 1994 08:49:37 GMT"
        for wait, header in (
            (0, "1"),
            (0.2, "1"),
            (1, "1"),
            (11.6, "12"),
            (date, date),
        ):
            with case(wait=wait):
                error = errors.UpstreamRefused(
                    "m", status=429, type="t", code=None, retry_after=wait
                )
                self.assertEqual(error.headers(), {"retry-after": header})

    def test_by_kind(self) -> None:
        """SDKs repeat 5xx by themselves, but not what might do work twice."""
        for error, headers in (
            (errors.InvalidRequest("m"), {}),
            (errors.ResponseInFlight("r"), {"retry-after": "1"}),
            (errors.NoCapacity(1), {"retry-after": "5"}),
            (errors.ShuttingDown(), {"retry-after": "5"}),
            (errors.UpstreamUnreachable("h", "p", "c"), {}),
            (errors.UpstreamOutcomeUnknown("m"), {"x-should-retry": "false"}),
            (errors.FirstEventTimeout(1), {"x-should-retry": "false"}),
            (errors.UpstreamSilent(1), {"x-should-retry": "false"}),
            (errors.MalformedFrame("m"), {"x-should-retry": "false"}),
        ):
            with case(error=type(error).__name__):
                self.assertEqual(error.headers(), headers)

    def test_it_may_be_worth_it(self) -> None:
        """Both answers can be given."""
        error = errors.UpstreamRefused(
            "m", status=503, type="t", code=None, should_retry=True
        )
        self.assertEqual(error.headers(), {"x-should-retry": "true"})
