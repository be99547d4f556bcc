"""Turns over HTTP whose client does not stream."""

from __future__ import annotations

import json
from typing import Any

from tests.bridge import Bridge, completed, created, item_done, message


class JsonTests(Bridge):
    """What a client that does not stream gets."""

    settings = {"upstream__profile": "openai"}

    def finish(self, end: dict[str, Any], *before: dict[str, Any]) -> Any:
        answer = self.post()
        self.socket.say(created("resp_1"), *before, end)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertTrue(answer.ended)
        self.assertEqual(answer.headers["content-type"], "application/json")
        return answer.json

    def test_the_response_object_is_the_answer(self) -> None:
        """It is the terminal event's, byte for byte when nothing is amiss."""
        answer = self.post()
        response = b'{"id": "resp_1","output":[ {"x":1.50} ],"usage":null}'
        self.socket.say(
            created("resp_1"),
            b'{"type":"response.completed","sequence_number":1,"response":%b}'
            % response,
        )
        self.assertEqual(answer.body, response)
        self.assertEqual(answer.headers["content-length"], str(len(response)))

    def test_stream_false_and_null_mean_json(self) -> None:
        """Only true streams."""
        for value in (False, None):
            answer = self.post(stream=value)
            self.socket.say(created("resp_1"), completed("resp_1"))
            self.assertEqual(answer.headers["content-type"], "application/json")

    def test_absent_output_is_filled_in_output_index_order(self) -> None:
        """Strict clients cannot read a response without output."""
        for output in ({"output": None}, {}):
            end = completed("resp_1", 3)
            del end["response"]["output"]
            end["response"].update(output)
            response = self.finish(
                end,
                item_done(message("two"), 1, 1),
                item_done(message("one"), 0, 2),
            )
            texts = [item["content"][0]["text"] for item in response["output"]]
            self.assertEqual(texts, ["one", "two"])

    def test_absent_output_without_items_is_an_empty_list(self) -> None:
        """There is always a list."""
        end = completed("resp_1")
        del end["response"]["output"]
        self.assertEqual(self.finish(end)["output"], [])

    def test_empty_output_is_filled_when_items_were_seen(self) -> None:
        """The ChatGPT backend completes with output: [] after streaming items."""
        response = self.finish(completed("resp_1", 2), item_done(message("hi"), 0, 1))
        self.assertEqual(response["output"], [message("hi")])

    def test_usage_gets_the_details_that_strict_clients_read(self) -> None:
        """Counts stay; missing details objects are added."""
        usage = {"input_tokens": 3, "output_tokens": 4}
        response = self.finish(completed("resp_1", usage=usage))
        self.assertEqual(
            response["usage"],
            {
                "input_tokens": 3,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": 4,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 7,
            },
        )

    def test_completed_without_any_id_is_answered_and_not_retained(self) -> None:
        """200, and the connection is closed."""
        answer = self.post()
        self.socket.say({"type": "response.completed", "response": {"output": []}})
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.open_sockets, 0)

    def test_failed_response_statuses(self) -> None:
        """By its code; the upstream's message and code are always told."""
        cases = {
            "rate_limit_exceeded": 429,
            "usage_limit_reached": 429,
            "insufficient_quota": 429,
            "server_is_overloaded": 503,
            "slow_down": 503,
            "invalid_prompt": 400,
            "context_length_exceeded": 400,
            "server_error": 502,
            "something_new": 502,
        }
        for code, status in cases.items():
            answer = self.post()
            error = {"code": code, "message": f"because {code}"}
            self.socket.say(
                created("resp_1"),
                {"type": "response.failed", "response": {"id": "r", "error": error}},
            )
            self.assert_error(answer, status, code)
            self.assertEqual(answer.error["message"], f"because {code}")

    def test_error_event_statuses(self) -> None:
        """status or status_code where it is one, else by code, else 502."""
        slow, limit = "slow_down", "usage_limit_reached"
        refused = "Unsupported parameter: x"
        cases: list[tuple[dict[str, Any], int, str | None, str]] = [
            ({"status": 418, "error": {"code": "c", "message": "m"}}, 418, "c", "m"),
            ({"status_code": 403, "error": {"message": "m"}}, 403, None, "m"),
            ({"status": 200, "code": slow, "message": "m"}, 503, slow, "m"),
            ({"error": {"detail": refused}}, 400, "unsupported_parameter", refused),
            ({"error": {"type": limit, "message": "m"}}, 429, limit, "m"),
            ({"message": "m", "code": "brand_new"}, 502, "brand_new", "m"),
        ]
        for event, status, code, text in cases:
            answer = self.post()
            self.socket.say({"type": "error"} | event)
            self.assert_error(answer, status, code)
            self.assertEqual(answer.error["message"], text)

    def test_an_upstream_lost_before_the_end_is_502(self) -> None:
        """Nothing was shown: the outcome is unknown, and SDKs shall not repeat it."""
        for events in ((), (created("resp_1"),)):
            answer = self.post()
            self.socket.say(*events)
            self.socket.close(4001, "quota")
            self.assert_error(answer, 502, "upstream_outcome_unknown")
            self.assertIn("4001", answer.error["message"])
            self.assertIn("quota", answer.error["message"])
            self.assertEqual(answer.headers["x-should-retry"], "false")

    def test_a_clean_close_before_the_end_is_502_as_well(self) -> None:
        """Some inputs make the ChatGPT backend close with 1000 and no event."""
        answer = self.post()
        self.socket.close(1000)
        self.assert_error(answer, 502, "upstream_outcome_unknown")

    def test_a_malformed_frame_is_502(self) -> None:
        """Also when it is the first one."""
        answer = self.post()
        self.socket.say(b"<html>")
        self.assert_error(answer, 502, "upstream_malformed_frame")

    def test_a_binary_message_is_502(self) -> None:
        """No Responses server sends binary messages."""
        answer = self.post()
        self.socket.protocol.sendMessage(b"\x00", isBinary=True)
        self.pump()
        self.assert_error(answer, 502, "upstream_outcome_unknown")
        self.assertIn("binary", answer.error["message"])
        self.assertEqual(self.open_sockets, 0)

    def test_invalid_utf8_is_502(self) -> None:
        """Autobahn refuses it, and the client learns why."""
        answer = self.post()
        self.socket.say(b'{"type":"response.created","x":"\xff"}')
        self.assert_error(answer, 502, "upstream_outcome_unknown")
        self.assertIn("UTF-8", answer.error["message"])

    def test_fragmented_messages_are_put_together(self) -> None:
        """Fragments go through Autobahn's own parser and arrive in order."""
        answer = self.post()
        end = json.dumps(completed("resp_1")).encode()
        self.socket.say(created("resp_1"))
        self.socket.protocol.sendMessage(end, fragmentSize=7)
        self.pump()
        self.assertEqual(answer.status, 200)


class BackfillMissingTests(Bridge):
    """C{compat.backfill_output = "missing"}."""

    settings = {"compat__backfill_output": "missing"}

    def test_an_empty_output_stays_empty(self) -> None:
        """Only an absent output is filled."""
        answer = self.post()
        self.socket.say(
            created("resp_1"), item_done(message("hi"), 0, 1), completed("resp_1", 2)
        )
        self.assertEqual(answer.json["output"], [])
