"""What becomes of what was added to a running turn."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.steering import Steering, steer_message


def about(kind: str, name: str | None = None) -> bytes:
    """An event about a steer."""
    steer: dict[str, Any] = {"previous_response_id": "resp_1"}
    if name is not None:
        steer["id"] = name
    return json.dumps({"type": f"response.steer.{kind}", "steer": steer}).encode()


class SteeringTests(SynchronousTestCase):
    """Nothing that the client said is lost without a word."""

    def setUp(self) -> None:
        self.steering = Steering()

    def given_back(self) -> list[tuple[Any, Any]]:
        """The name and the input of each."""
        events = [json.loads(event) for event in self.steering.given_back(None)]
        for event in events:
            self.assertEqual(event["type"], "response.steer.failed")
            self.assertEqual(event["error"]["code"], "successor_creation_failed")
        return [(e["steer"].get("id"), e["steer"]["input"]) for e in events]

    def test_the_message(self) -> None:
        """The three fields that the protocol knows, and no lane."""
        self.assertEqual(
            json.loads(steer_message("resp_1", "Shorter!")),
            {
                "type": "response.steer",
                "previous_response_id": "resp_1",
                "input": "Shorter!",
            },
        )

    def test_unanswered(self) -> None:
        """The turn ended before the upstream had said anything."""
        self.steering.sent("resp_1", "Shorter!")
        self.steering.saw([b'{"type":"response.output_text.delta"}'])
        self.assertEqual(self.given_back(), [(None, "Shorter!")])
        self.assertEqual(self.given_back(), [])

    def test_accepted(self) -> None:
        """The successor that was promised is not followed."""
        self.steering.sent("resp_1", "A")
        self.steering.sent("resp_1", "B")
        self.steering.saw([about("accepted", "steer_1"), about("accepted", "steer_2")])
        self.assertEqual(self.given_back(), [("steer_1", "A"), ("steer_2", "B")])

    def test_failed(self) -> None:
        """The client has heard of it already."""
        self.steering.sent("resp_1", "A")
        self.steering.sent("resp_1", "B")
        self.steering.saw([about("failed")])
        self.assertEqual(self.given_back(), [(None, "B")])

    def test_failed_after_it_was_accepted(self) -> None:
        """The name tells which."""
        for given in ("A", "B"):
            self.steering.sent("resp_1", given)
        self.steering.saw([about("accepted", "1"), about("accepted", "2")])
        self.steering.saw([about("failed", "2")])
        self.assertEqual(self.given_back(), [("1", "A")])

    def test_texts_about_steers(self) -> None:
        """A model may well talk about events, and write nonsense."""
        self.steering.sent("resp_1", "A")
        self.steering.saw(
            [
                b'{"type":"response.output_text.delta","delta":"response.steer.failed"}',
                b'{"type":"response.steer.failed"',
                b'{"type":"response.steer.failed","steer":7}',
                b'{"type":"response.steer.pending","steer":{"id":"1"}}',
            ]
        )
        self.assertEqual(self.given_back(), [(None, "A")])

    def test_the_lane(self) -> None:
        """It is the target's."""
        self.steering.sent("resp_1", "A")
        (event,) = self.steering.given_back("a")
        self.assertEqual(json.loads(event)["stream_id"], "a")
