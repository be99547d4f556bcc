"""Error frames in every shape that upstream was seen to send."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.refusal import Refused, not_found, refused_as


class FrameTests(SynchronousTestCase):
    """One refusal, five shapes."""

    def test_nested(self) -> None:
        """The shape of api.openai.com."""
        self.assertEqual(
            not_found("resp_1").frame(),
            {
                "type": "error",
                "status": 400,
                "error": {
                    "type": "invalid_request_error",
                    "message": "Previous response with id 'resp_1' not found.",
                    "code": "previous_response_not_found",
                    "param": "previous_response_id",
                },
            },
        )

    def test_flat(self) -> None:
        """The shape of the SDK's type."""
        frame = refused_as("server_error", now=0, shape="flat", message="no").frame()
        self.assertEqual(
            frame,
            {
                "type": "error",
                "code": "server_error",
                "message": "no",
                "param": None,
                "sequence_number": 0,
            },
        )

    def test_others(self) -> None:
        """C{detail}, C{status_code} and C{body}."""
        refused = {
            shape: refused_as("slow_down", now=0, shape=shape).frame()
            for shape in ("detail", "status_code", "body")
        }
        self.assertEqual(list(refused["detail"]["error"]), ["detail"])
        self.assertEqual(refused["status_code"]["status_code"], 503)
        self.assertNotIn("status", refused["status_code"])
        self.assertEqual(refused["body"]["body"]["error"]["code"], "slow_down")
        self.assertNotIn("error", refused["body"])

    def test_spare(self) -> None:
        """The ChatGPT backend leaves out what it has nothing to say about."""
        frame = Refused(message="no", spare=True, headers={"a": "b"}).frame()
        self.assertEqual(set(frame["error"]), {"type", "message"})
        self.assertEqual(frame["headers"], {"a": "b"})


class RefusedAsTests(SynchronousTestCase):
    """Codes bring their status and message along."""

    def test_status(self) -> None:
        """By code, unless it is given."""
        for code, status in (
            ("rate_limit_exceeded", 429),
            ("server_is_overloaded", 503),
            ("websocket_connection_limit_reached", 400),
            ("my_own", 400),
        ):
            self.assertEqual(refused_as(code, now=0).status, status)
        self.assertEqual(refused_as("my_own", now=0, status=418).status, 418)

    def test_usage_limit(self) -> None:
        """It is named by its type, and says when it ends."""
        frame = refused_as("usage_limit_reached", now=100).frame()
        self.assertEqual(frame["status"], 429)
        self.assertEqual(frame["error"]["type"], "usage_limit_reached")
        self.assertNotIn("code", frame["error"])
        self.assertEqual(frame["error"]["resets_at"], 3700)
        self.assertIn("x-codex-primary-used-percent", frame["headers"])
