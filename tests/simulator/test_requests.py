"""What comes in."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.refusal import Refused
from chatmockd.simulator.requests import read_request, reply_to_other


class ReadRequestTests(SynchronousTestCase):
    """Messages that are requests, and others."""

    def test_object(self) -> None:
        """A JSON object with a type."""
        self.assertEqual(read_request(b'{"type":"x","a":1}', False)["a"], 1)

    def test_refused(self) -> None:
        """Anything else is an error, and never an exception of another kind."""
        for payload in (
            b"",
            b"hello",
            b"[]",
            b"{}",
            b'{"type":1}',
            b'{"type":"\xff"}',
            b'{"a":' + b"[" * 100_000,
            b'{"type":"x"} {}',
        ):
            with self.subTest(payload=payload[:20]):
                refused = self.assertRaises(Refused, read_request, payload, False)
                self.assertEqual(refused.status, 400)
        self.assertRaises(Refused, read_request, b'{"type":"x"}', True)


class ReplyToOtherTests(SynchronousTestCase):
    """Requests other than C{response.create}."""

    def test_steering(self) -> None:
        """No simulated model can be steered."""
        reply = reply_to_other(
            {"type": "response.steer", "previous_response_id": "resp_1", "input": "x"},
            "openai",
        )
        assert reply is not None
        self.assertEqual(reply["type"], "response.steer.failed")
        self.assertEqual(reply["error"]["code"], "steering_not_supported")

    def test_injecting(self) -> None:
        """Nor does anything take items in."""
        reply = reply_to_other(
            {"type": "response.inject", "response_id": "resp_1", "input": []}, "openai"
        )
        assert reply is not None
        self.assertEqual(reply["type"], "response.inject.failed")

    def test_processed(self) -> None:
        """Codex says it to its own backend, which says nothing."""
        processed = {"type": "response.processed", "response_id": "resp_1"}
        self.assertIsNone(reply_to_other(processed, "chatgpt"))
        self.assertRaises(Refused, reply_to_other, processed, "openai")

    def test_unknown(self) -> None:
        """C{response.cancel} does not exist, for one."""
        self.assertRaises(
            Refused, reply_to_other, {"type": "response.cancel"}, "openai"
        )
