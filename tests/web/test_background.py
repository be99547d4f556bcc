"""Responses that are asked for now and wanted later."""

from __future__ import annotations

from typing import Any

from tests.bridge import JSON, completed, created, delta, message
from tests.core.cases import case
from tests.turns.durable import DurableBridge


class BackgroundTests(DurableBridge):
    """C{background: true}."""

    def begin(self, **more: Any) -> str:
        answer = self.post(background=True, **more)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertIn(answer.json["status"], ("queued", "in_progress"))
        self.assertIs(answer.json["background"], True)
        return str(answer.json["id"])

    def get(self, name: str) -> dict[str, Any]:
        got: dict[str, Any] = self.ask("GET", f"/v1/responses/{name}").json
        return got

    def test_it_is_polled_to_its_end(self) -> None:
        """Under an id of its own, which stays."""
        name = self.begin()
        self.assertNotIn("background", self.asked)
        self.assertEqual(self.get(name)["status"], "queued")
        self.socket.say(created("resp_u"))
        self.assertEqual(self.get(name)["status"], "in_progress")
        self.socket.say(completed("resp_u", output=[message("Hi.")]))
        ended = self.get(name)
        self.assertEqual((ended["status"], ended["id"]), ("completed", name))
        self.assert_error(
            self.ask("GET", "/v1/responses/resp_u"), 404, "response_not_found"
        )

    def test_it_is_followed_up_over_its_connection(self) -> None:
        """The upstream is asked by the upstream's own id."""
        name = self.begin(input="One?")
        self.answer("resp_u", "1.")
        answer = self.turn("resp_2", "Two?", previous_response_id=name)
        self.assertEqual(self.dials, 1)
        self.assertEqual(self.asked["previous_response_id"], "resp_u")
        self.assertEqual(answer.json["previous_response_id"], name)

    def test_it_is_streamed_and_resumed(self) -> None:
        """With its own id in all events."""
        answer = self.stream(background=True)
        self.socket.say(created("resp_u"), delta("a", 1))
        name = answer.events[0][1]["response"]["id"]
        answer.leave()
        self.wait(60)
        resumed = self.ask("GET", f"/v1/responses/{name}?stream=true&starting_after=0")
        self.socket.say(completed("resp_u", 2))
        self.assertEqual([n["sequence_number"] for _, n in resumed.events], [1, 2])
        self.assertEqual(resumed.events[-1][1]["response"]["id"], name)

    def test_it_is_cancelled(self) -> None:
        """Its connection closes, and it says so from then on."""
        name = self.begin()
        answer = self.ask("POST", f"/v1/responses/{name}/cancel")
        self.assertEqual(answer.json["status"], "cancelled")
        self.assertEqual(self.open_sockets, 0)
        self.assertEqual(self.get(name)["status"], "cancelled")
        again = self.ask("POST", f"/v1/responses/{name}/cancel", JSON)
        self.assertEqual(again.json["status"], "cancelled")

    def test_what_has_ended_cannot_be_cancelled(self) -> None:
        """However it ended."""
        for status in ("completed", "incomplete", "failed"):
            with case(status=status):
                name = self.begin()
                end = completed(f"resp_{status}", status=status)
                end["type"] = f"response.{status}"
                self.busiest.say(created(f"resp_{status}"), end)
                self.assertEqual(self.get(name)["status"], status)
                answer = self.ask("POST", f"/v1/responses/{name}/cancel", JSON)
                self.assert_error(answer, 400, "invalid_request_error")
                self.assertIn(f" {status} response", answer.error["message"])
                self.assertEqual(answer.error["param"], "response_id")

    def test_what_ended_without_a_status_cannot_be_cancelled_either(self) -> None:
        """It completed, as its last event said."""
        name = self.begin()
        end = completed("resp_u")
        del end["response"]["status"]
        self.socket.say(created("resp_u"), end)
        answer = self.ask("POST", f"/v1/responses/{name}/cancel", JSON)
        self.assert_error(answer, 400, "invalid_request_error")
        self.assertIn(" a completed response", answer.error["message"])

    def test_only_it_can_be_cancelled(self) -> None:
        """Any other turn has a client that can hang up."""
        self.turn("resp_1")
        answer = self.ask("POST", "/v1/responses/resp_1/cancel", JSON)
        self.assert_error(answer, 400, "not_cancellable")

    def test_a_refused_one_fails(self) -> None:
        """With the upstream's reason."""
        name = self.begin()
        error = {"code": "slow_down", "message": "Slow."}
        self.socket.say({"type": "error", "status": 503, "error": error})
        ended = self.get(name)
        self.assertEqual(ended["status"], "failed")
        self.assertEqual(ended["error"], {"code": "slow_down", "message": "Slow."})

    def test_an_unknown_marker_is_an_error_at_once(self) -> None:
        """Nothing has been begun."""
        answer = self.post(background=True, previous_response_id="resp_x")
        self.assert_error(answer, 400, "previous_response_not_found")

    def test_it_needs_to_be_stored(self) -> None:
        """And a mode in which anything is."""
        answer = self.post(background=True, store=False)
        self.assert_error(answer, 400, "invalid_value")
        self.turn("resp_1", store=False)
        for streaming in (False, True):
            answer = self.post(
                background=True, previous_response_id="resp_1", stream=streaming
            )
            self.assert_error(answer, 400, "invalid_value")
        self.assertEqual(self.messages, 1)
        self.configure(continuity__mode="retained")
        answer = self.post(background=True)
        self.assert_error(answer, 400, "unsupported_parameter")
