"""What the simulated upstream wants of HTTP requests."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.http_rules import check_http, compacted, counted, http_body
from chatmockd.simulator.refusal import Refused
from tests.core.cases import case

GOOD: dict[str, Any] = {"model": "m", "input": [], "store": False, "stream": True}


class RulesTests(SynchronousTestCase):
    """Each profile has its own."""

    def test_chatgpt(self) -> None:
        """Stored nowhere, always streamed, and nothing that is about sockets."""
        check_http(GOOD, "chatgpt")
        for change, message in (
            ({"store": True}, "Store must be set to false"),
            ({"store": None}, "Store must be set to false"),
            ({"stream": False}, "Stream must be set to true"),
            ({"input": "text"}, "Input must be a list"),
            ({"previous_response_id": "r"}, "Unsupported parameter: previous_resp"),
            ({"generate": False}, "Unsupported parameter: generate"),
            ({"type": "response.create"}, "Unsupported parameter: type"),
        ):
            with case(change=change):
                with self.assertRaises(Refused) as caught:
                    check_http(GOOD | change, "chatgpt")
                self.assertIn(message, caught.exception.message)
                self.assertIn("detail", caught.exception.frame()["error"])

    def test_openai(self) -> None:
        """It takes markers and texts."""
        check_http({"model": "m", "input": "a", "previous_response_id": "r"}, "openai")
        for name in ("generate", "stream_id", "type"):
            with case(name=name), self.assertRaises(Refused):
                check_http(GOOD | {name: "x"}, "openai")

    def test_bodies_that_are_none(self) -> None:
        """Only JSON objects are."""
        for content in (b"", b"[]", b"{", b"\xff"):
            with case(content=content), self.assertRaises(Refused):
                http_body(content)


class CallsTests(SynchronousTestCase):
    """Calls besides turns."""

    def test_compacted(self) -> None:
        """Users' messages and one sealed item, in the shape of the profile."""
        given = [
            {"role": "user", "content": "One two"},
            {"role": "assistant", "content": "Three"},
        ]
        for profile in ("openai", "chatgpt"):
            with case(profile=profile):
                body = {"model": "m", "input": given}
                said = json.loads(compacted(body, profile, 1700000000))
                self.assertEqual(
                    [item["type"] for item in said["output"]],
                    ["message", "compaction"],
                )
                self.assertEqual("object" in said, profile == "openai")
        with self.assertRaises(Refused):
            compacted({"input": given}, "openai", 0)
        with self.assertRaises(Refused):
            compacted({"model": "m", "store": False}, "chatgpt", 0)

    def test_counted(self) -> None:
        """One for each word."""
        self.assertEqual(json.loads(counted({"input": "One two"}))["input_tokens"], 2)
