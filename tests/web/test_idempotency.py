"""Requests that are made again under one C{Idempotency-Key}."""

from __future__ import annotations

import json
from typing import Any

from tests.bridge import JSON, Answer, completed, created, delta
from tests.core.cases import case
from tests.turns.durable import DurableBridge


class IdempotencyTests(DurableBridge):
    """C{Idempotency-Key}."""

    def keyed(self, **more: Any) -> Answer:
        return self.post(headers={"Idempotency-Key": "k1"}, **more)

    def test_the_same_body_is_replayed(self) -> None:
        """The same bytes, as JSON and as events, and nothing goes upstream."""
        first = self.keyed()
        self.answer("resp_1")
        again = self.keyed()
        self.assertEqual(again.body, first.body)
        self.assertEqual(self.messages, 1)

    def test_a_stream_is_replayed(self) -> None:
        """From its beginning."""
        first = self.keyed(stream=True)
        self.answer("resp_1")
        again = self.keyed(stream=True)
        self.assertEqual(again.body, first.body)
        self.assertEqual(self.messages, 1)

    def test_it_attaches_to_what_runs(self) -> None:
        """Both get all of it."""
        first = self.keyed(stream=True)
        self.socket.say(created("resp_1"), delta("a", 1))
        second = self.keyed(stream=True)
        self.socket.say(completed("resp_1", 2))
        self.assertEqual(second.body, first.body)
        self.assertEqual(self.messages, 1)

    def test_another_body_is_refused(self) -> None:
        """While it runs, and after."""
        self.keyed()
        self.assert_error(self.keyed(input="?"), 422, "idempotency_key_reused")
        self.answer("resp_1")
        self.assert_error(self.keyed(input="?"), 422, "idempotency_key_reused")

    def test_what_was_refused_may_be_asked_again(self) -> None:
        """Nothing was done about it."""
        self.refuse_connections()
        self.refuse_connections()
        refused = self.keyed()
        self.wait(1)
        self.assertEqual(refused.status, 502)
        self.keyed()
        self.answer("resp_1")
        self.assertEqual(self.messages, 1)

    def test_what_may_have_been_done_is_not_done_again(self) -> None:
        """The client is told that nobody knows."""
        self.keyed()
        self.socket.drop()
        answer = self.keyed()
        self.assert_error(answer, 409, "idempotency_outcome_unknown")
        self.assertEqual(self.messages, 1)

    def test_a_failure_is_replayed(self) -> None:
        """With the same status, and no second attempt."""
        first = self.keyed()
        error = {"code": "rate_limit_exceeded", "message": "Slow."}
        failed = {"id": "resp_1", "status": "failed", "error": error, "output": []}
        end = {"type": "response.failed", "sequence_number": 1, "response": failed}
        self.socket.say(created("resp_1"), end)
        again = self.keyed()
        self.assertEqual((first.status, again.status), (429, 429))
        self.assertEqual(again.error["message"], "Slow.")
        self.assertEqual(self.messages, 1)

    def test_a_failure_is_replayed_with_all_that_was_said(self) -> None:
        """Status, type and field are those of the first answer."""
        error = {"type": "error", "status": 418, "sequence_number": 1}
        inner = {"type": "teapot", "code": "odd", "message": "No.", "param": "model"}
        for number, ending in enumerate(
            (
                lambda: self.socket.say(error | {"error": inner}),
                lambda: self.socket.say(error | {"error": {"detail": "Neither."}}),
                lambda: self.socket.say(b"[]"),
                lambda: self.wait(301),
            )
        ):
            with case(number=number):
                key = {"Idempotency-Key": f"k{number}"}
                first = self.post(headers=key)
                self.socket.say(created(f"resp_{number}"))
                ending()
                again = self.post(headers=key)
                self.assertEqual(again.status, first.status)
                self.assertEqual(again.body, first.body)
                self.assertEqual(again.headers["x-should-retry"], "false")
        self.assertEqual(self.messages, 4)

    def test_a_key_that_cannot_be(self) -> None:
        """Too long, or twice."""
        for keys in (["x" * 256], ["a", "b"], [""]):
            body = json.dumps({"model": "m", "input": "?"}).encode()
            headers = [*JSON.items(), *(("Idempotency-Key", key) for key in keys)]
            answer = self.ask("POST", "/v1/responses", headers, body)
            self.assertEqual(answer.status, 400)
