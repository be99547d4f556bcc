"""What can be asked of a response by its id."""

from __future__ import annotations

from typing import Any

from tests.bridge import JSON, Answer, completed, created, delta
from tests.turns.durable import DurableBridge, said, user


class GetTests(DurableBridge):
    """C{GET /v1/responses/{id}}."""

    def test_a_response_that_has_ended(self) -> None:
        """The object that its client got."""
        first = self.turn("resp_1")
        for query in ("", "?include[]=reasoning.encrypted_content&stream=false"):
            again = self.ask("GET", f"/v1/responses/resp_1{query}")
            self.assertEqual((again.status, again.json), (200, first.json))

    def test_one_that_is_being_made(self) -> None:
        """As far as it is known."""
        self.stream()
        self.socket.say(created("resp_1"))
        answer = self.ask("GET", "/v1/responses/resp_1")
        self.assertEqual(answer.json["status"], "in_progress")

    def test_one_that_failed(self) -> None:
        """With the reason, also when the upstream was cut off."""
        self.stream()
        self.socket.say(created("resp_1"))
        self.socket.drop()
        answer = self.ask("GET", "/v1/responses/resp_1").json
        self.assertEqual(answer["status"], "failed")
        self.assertEqual(answer["error"]["code"], "upstream_disconnected")

    def test_one_whose_answer_was_lost(self) -> None:
        """It failed, for the reason that its client was told."""
        self.post()
        self.socket.say(created("resp_1"))
        self.socket.drop()
        answer = self.ask("GET", "/v1/responses/resp_1").json
        self.assertEqual(answer["status"], "failed")
        self.assertEqual(answer["error"]["code"], "upstream_outcome_unknown")
        self.assertNotIn("daemon", answer["error"]["message"])

    def test_one_that_nobody_knows(self) -> None:
        """404 for whatever is asked of it."""
        for method, path in (
            ("GET", ""),
            ("GET", "?stream=true"),
            ("DELETE", ""),
            ("GET", "/input_items"),
            ("POST", "/cancel"),
        ):
            headers = JSON if method == "POST" else {}
            answer = self.ask(method, f"/v1/responses/resp_x{path}", headers)
            self.assert_error(answer, 404, "response_not_found")

    def test_without_a_tree_nothing_is_known(self) -> None:
        """Modes retained and off keep nothing."""
        self.configure(continuity__mode="retained")
        self.first_turn("resp_1")
        answer = self.ask("GET", "/v1/responses/resp_1")
        self.assert_error(answer, 404, "response_not_found")

    def test_parameters_that_cannot_be(self) -> None:
        """They are named."""
        self.turn("resp_1")
        for query in ("stream=yes", "stream=true&starting_after=x"):
            answer = self.ask("GET", f"/v1/responses/resp_1?{query}")
            self.assert_error(answer, 400, "invalid_value")


class ResumeTests(DurableBridge):
    """C{GET /v1/responses/{id}?stream=true&starting_after=N}."""

    def begun(self) -> Answer:
        answer = self.stream(input="One?")
        self.socket.say(created("resp_1"), delta("a", 1), delta("b", 2))
        return answer

    def resume(self, after: int | None) -> Answer:
        query = "" if after is None else f"&starting_after={after}"
        return self.ask("GET", f"/v1/responses/resp_1?stream=true{query}")

    def numbers(self, answer: Answer) -> list[int]:
        return [event["sequence_number"] for _, event in answer.events]

    def end(self) -> None:
        self.socket.say(delta("c", 3), completed("resp_1", 4))

    def test_while_it_runs(self) -> None:
        """Nothing is missing and nothing doubled, wherever it was dropped."""
        self.begun().leave()
        resumed = {after: self.resume(after) for after in (None, 0, 1, 2)}
        self.end()
        for after, answer in resumed.items():
            begin = 0 if after is None else after + 1
            self.assertEqual(self.numbers(answer), list(range(begin, 5)))
            self.assertTrue(answer.ended)

    def test_after_it_has_ended(self) -> None:
        """The same bytes."""
        first = self.begun()
        self.end()
        self.assertEqual(self.resume(None).body, first.body)
        for after in range(5):
            self.assertEqual(self.numbers(self.resume(after)), [*range(after + 1, 5)])

    def test_an_error_that_is_counted_anew(self) -> None:
        """It ends the stream for those who have seen higher numbers, too."""
        self.begun().leave()
        waiting = self.resume(2)
        error = {"type": "server_error", "code": "server_error", "message": "No."}
        self.socket.say({"type": "error", "sequence_number": 0, "error": error})
        for answer in (waiting, self.resume(1)):
            self.assertTrue(answer.ended)
            self.assertEqual(answer.kinds[-1], "error")
            self.assertEqual(self.numbers(answer)[-1], 3)

    def test_nothing_new_yet(self) -> None:
        """The head comes at once, and then comments, as long as nothing else does."""
        self.stream()
        self.socket.say(created("resp_1"))
        again = self.ask("GET", "/v1/responses/resp_1?stream=true&starting_after=0")
        self.assertEqual((again.status, again.body), (200, b""))
        self.wait(16)
        self.assertEqual(again.body, b": keepalive\n\n")
        self.socket.say(completed("resp_1", 1))
        self.assertEqual(again.kinds, ["response.completed"])

    def test_one_that_is_refused(self) -> None:
        """It was there to be listened to; its end is an event."""
        queued = self.post(background=True).json
        again = self.ask("GET", f"/v1/responses/{queued['id']}?stream=true")
        self.assertEqual(again.status, 200)
        self.socket.say({"type": "error", "status": 429, "error": {"message": "Slow"}})
        self.assertEqual(again.kinds, ["error"])

    def test_behind_what_has_come(self) -> None:
        """It waits for what will."""
        self.begun()
        answer = self.resume(3)
        self.end()
        self.assertEqual(self.numbers(answer), [4])

    def test_of_a_turn_that_was_asked_for_as_json(self) -> None:
        """It had events all the same."""
        self.post(input="One?")
        self.socket.say(created("resp_1"), delta("a", 1), completed("resp_1", 2))
        self.assertEqual(self.numbers(self.resume(0)), [1, 2])

    def test_a_listener_that_stalls_holds_up_nobody_else(self) -> None:
        """It gets the rest when it reads on."""
        first = self.begun()
        second = self.resume(0)
        second.stall()
        for number in range(3, 9):
            self.socket.say(delta("x" * 60_000, number))
        self.assertEqual(self.numbers(first)[-1], 8)
        self.assertFalse(self.busiest.link.client_end.paused)
        self.socket.say(completed("resp_1", 9))
        self.assertTrue(first.ended)
        second.read_on()
        self.assertEqual(self.numbers(second), list(range(1, 10)))
        self.assertTrue(second.ended)

    def test_the_upstream_waits_while_all_stall(self) -> None:
        """And goes on with the first who reads."""
        first = self.begun()
        second = self.resume(0)
        for answer in (first, second):
            answer.stall()
        self.socket.say(delta("x" * 60_000, 3))
        self.socket.say(delta("x" * 60_000, 4))
        self.socket.say(delta("x" * 60_000, 5))
        self.assertTrue(self.busiest.link.client_end.paused)
        second.read_on()
        self.assertFalse(self.busiest.link.client_end.paused)


class DeleteTests(DurableBridge):
    """C{DELETE /v1/responses/{id}}."""

    def test_it_is_gone(self) -> None:
        """For retrieval and for follow-ups."""
        self.turn("resp_1")
        answer = self.ask("DELETE", "/v1/responses/resp_1")
        expected = {"id": "resp_1", "object": "response", "deleted": True}
        self.assertEqual(answer.json, expected)
        for again in (
            self.ask("GET", "/v1/responses/resp_1"),
            self.ask("DELETE", "/v1/responses/resp_1"),
        ):
            self.assert_error(again, 404, "response_not_found")
        answer = self.post(previous_response_id="resp_1")
        self.assert_error(answer, 400, "previous_response_not_found")

    def test_what_continues_it_keeps_its_history(self) -> None:
        """A child is whole without its parent's name."""
        self.turn("resp_1", "One?", "1.")
        self.turn("resp_2", "Two?", "2.", previous_response_id="resp_1")
        self.ask("DELETE", "/v1/responses/resp_1")
        self.socket.drop()
        self.turn("resp_3", "Three?", previous_response_id="resp_2")
        self.assertEqual(self.asked["input"][:2], [user("One?"), said("1.")])

    def test_one_that_runs_is_given_up_first(self) -> None:
        """Nobody wants it any more."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        self.assertEqual(self.ask("DELETE", "/v1/responses/resp_1").status, 200)
        self.assertEqual(answer.events[-1][1]["code"], "response_cancelled")
        self.assertEqual(self.open_sockets, 0)


class InputItemsTests(DurableBridge):
    """C{GET /v1/responses/{id}/input_items}."""

    def items(self, query: str = "") -> dict[str, Any]:
        path = f"/v1/responses/resp_2/input_items{query}"
        got: dict[str, Any] = self.ask("GET", path).json
        return got

    def test_the_conversation_page_by_page(self) -> None:
        """The newest first, unless it is asked for the other way."""
        self.turn("resp_1", "One?", "1.")
        self.turn("resp_2", "Two?", "2.", previous_response_id="resp_1")
        whole = self.items("?order=asc")
        texts = [item["content"][0]["text"] for item in whole["data"]]
        self.assertEqual(texts, ["One?", "1.", "Two?"])
        first = self.items("?limit=2")
        self.assertEqual(first["data"], whole["data"][:0:-1])
        self.assertTrue(first["has_more"])
        rest = self.items(f"?limit=2&after={first['last_id']}")
        self.assertEqual(rest["data"], whole["data"][:1])
        self.assertFalse(rest["has_more"])

    def test_a_conversation_that_goes_on(self) -> None:
        """What came before is listed while it runs, and when it was given up."""
        self.turn("resp_1", "One?", "1.")
        answer = self.post(
            input="Two?", previous_response_id="resp_1", background=True
        ).json
        path = f"/v1/responses/{answer['id']}"
        for _ in range(2):
            items = self.ask("GET", f"{path}/input_items?order=asc").json["data"]
            texts = [item["content"][0]["text"] for item in items]
            self.assertEqual(texts, ["One?", "1.", "Two?"])
            self.ask("POST", f"{path}/cancel")

    def test_parameters_that_cannot_be(self) -> None:
        """They are named."""
        self.turn("resp_1")
        self.turn("resp_2", previous_response_id="resp_1")
        for query in ("limit=0", "limit=101", "limit=x", "order=up", "after=item_x"):
            answer = self.ask("GET", f"/v1/responses/resp_2/input_items?{query}")
            self.assert_error(answer, 400, "invalid_value")
