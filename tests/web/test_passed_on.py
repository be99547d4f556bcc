"""Calls that the upstream answers, and which are no turns."""

from __future__ import annotations

import json
from typing import Any

from chatmockd import __version__
from chatmockd.outbound import Answered, Unreachable
from tests.bridge import JSON, Answer, Bridge, message
from tests.core.cases import case
from tests.turns.durable import DurableBridge, said, user

COMPACTED = b'{"object": "response.compaction",  "id":"resp_c", "output": []}'


class Calling(Bridge):
    """A bridge that is asked for more than turns."""

    settings = {"upstream__profile": "openai"}

    def call(self, name: str, answer: object = COMPACTED, **body: Any) -> Answer:
        if isinstance(answer, bytes):
            answer = Answered(200, {}, answer)
        assert isinstance(answer, Answered | Exception)
        self.outbound.answers = [answer]
        content = json.dumps({"model": "gpt-5.5", **body}).encode()
        return self.ask("POST", f"/v1/responses/{name}", JSON, content)


class PassedOnTests(Calling):
    """What goes out and comes back."""

    def test_the_answer_is_passed_on_byte_for_byte(self) -> None:
        """Below the path of turns, and with the same credentials."""
        counted = b'{"object": "response.input_tokens",\n"input_tokens": 7}'
        for name, said_ in (("compact", COMPACTED), ("input_tokens", counted)):
            with case(name=name):
                answer = self.call(name, said_, input="Hello?", store=True)
                self.assertEqual((answer.status, answer.body), (200, said_))
                self.assertEqual(answer.headers["content-type"], "application/json")
                call = self.outbound.calls[-1]
                self.assertEqual(
                    call.url, f"http://upstream.test:80/v1/responses/{name}"
                )
                self.assertEqual(call.json, {"model": "gpt-5.5", "input": "Hello?"})
                self.assertEqual(call.headers["Authorization"], "Bearer sk-canary")
                self.assertEqual(call.headers["User-Agent"], f"chatmockd/{__version__}")

    def test_openai_knows_its_own_markers(self) -> None:
        """Where we keep nothing."""
        self.call("compact", previous_response_id="resp_1")
        self.assertEqual(self.outbound.calls[-1].json["previous_response_id"], "resp_1")

    def test_bad_requests_go_nowhere(self) -> None:
        """Checked like a turn's."""
        for body, param in (
            ({"model": 7, "input": "a"}, "model"),
            ({"input": 7}, "input"),
            ({"input": [7]}, "input[0]"),
            ({}, "input"),
            ({"input": "a", "stream": True}, "stream"),
        ):
            for name in ("compact", "input_tokens"):
                with case(body=body, name=name):
                    answer = self.call(name, **body)
                    self.assertEqual(
                        (answer.status, answer.error["param"]), (400, param)
                    )
        self.assertEqual(
            self.ask("POST", "/v1/responses/compact", JSON, b"[").status, 400
        )
        self.assertEqual(self.outbound.calls, [])

    def test_refusals_are_told(self) -> None:
        """With the upstream's words, or ours."""
        for answer, status, said_ in (
            (Answered(400, {}, b'{"detail": "No."}'), 400, "No."),
            (Answered(404, {}, b"<html>"), 502, "answered with 404"),
            (Answered(200, {}, b"<html>"), 502, "something else"),
            (Unreachable("TLS: no"), 502, "Cannot reach upstream.test:80: TLS: no"),
        ):
            with case(answer=answer):
                got = self.call("compact", answer, input="a")
                self.assertEqual(got.status, status)
                self.assertIn(said_, got.error["message"])

    def test_other_methods_are_no_calls(self) -> None:
        """Nothing is called so by accident."""
        self.assertEqual(self.ask("PUT", "/v1/responses/compact").status, 405)


class ChatGptTests(Calling):
    """The ChatGPT backend has one of the two, in a shape of its own."""

    settings = {"upstream__profile": "chatgpt"}

    def test_its_compaction_becomes_openais(self) -> None:
        """Whoever reads only the output finds it, too."""
        output = [{"type": "compaction", "encrypted_content": "x"}]
        answer = self.call(
            "compact", json.dumps({"output": output}).encode(), input="Hello?"
        )
        self.assertEqual(answer.json["output"], output)
        self.assertEqual(answer.json["object"], "response.compaction")
        self.assertRegex(answer.json["id"], "^resp_[0-9a-f]{50}$")
        body = self.outbound.calls[-1].json
        self.assertNotIn("store", body)
        self.assertIsInstance(body["input"], list)

    def test_it_counts_nothing(self) -> None:
        """Which is told before anything is sent."""
        answer = self.call("input_tokens", input="a")
        self.assert_error(answer, 400, "unsupported_by_upstream")
        self.assertEqual(self.outbound.calls, [])

    def test_a_marker_that_nobody_knows(self) -> None:
        """Only its socket does."""
        self.first_turn("resp_1")
        answer = self.call("compact", previous_response_id="resp_1")
        self.assert_error(answer, 400, "previous_response_not_found")


class DurableCallsTests(DurableBridge, Calling):
    """Markers are ours."""

    def test_a_marker_becomes_the_path(self) -> None:
        """For both calls."""
        self.turn("resp_1", "One", "Two")
        for name in ("compact", "input_tokens"):
            with case(name=name):
                self.call(name, input="Three", previous_response_id="resp_1")
                body = self.outbound.calls[-1].json
                self.assertNotIn("previous_response_id", body)
                self.assertEqual(
                    body["input"], [user("One"), said("Two"), user("Three")]
                )

    def test_one_that_is_not(self) -> None:
        """It goes nowhere."""
        answer = self.call("compact", previous_response_id="resp_0")
        self.assert_error(answer, 400, "previous_response_not_found")
        self.assertEqual(self.outbound.calls, [])

    def test_items_that_are_referred_to(self) -> None:
        """As in a turn."""
        self.turn("resp_1", "One", "Two")
        reference = {"type": "item_reference", "id": message("")["id"]}
        self.call("compact", input=[reference])
        self.assertEqual(self.outbound.calls[-1].json["input"], [said("Two")])
