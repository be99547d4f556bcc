"""Mode durable over HTTP: every turn brings its whole conversation."""

from __future__ import annotations

from tests.bridge import completed, created, message
from tests.http_bridge import HttpBridge
from tests.turns.durable import said, user


class DurableOverHttpTests(HttpBridge):
    """Nothing is retained, and nothing is lost."""

    settings = {"upstream__transport": "http", "continuity__mode": "durable"}

    def configure(self, *given: object, **keys: object) -> None:
        super().configure(None, **{"continuity__mode": "durable", **keys})

    def turn(self, name: str, text: str, **more: object) -> None:
        answer = self.post(input=text, **more)
        self.request.say(
            created(name), completed(name, output=[message(f"{text} indeed")])
        )
        self.request.end()
        self.assertEqual(answer.status, 200, answer.body)

    def test_a_follow_up_is_rebuilt(self) -> None:
        """From any node; markers stay here."""
        self.turn("resp_1", "One")
        self.turn("resp_2", "Two", previous_response_id="resp_1")
        self.turn("resp_3", "Three", previous_response_id="resp_1")
        self.assertEqual(
            self.request.body["input"],
            [user("One"), said("One indeed"), user("Three")],
        )
        for asked in self.asked:
            self.assertNotIn("previous_response_id", asked.body)

    def test_a_resent_history_is_sent_on(self) -> None:
        """It is recognised, and there is nobody who would have it already."""
        self.turn("resp_1", "One")
        history = [user("One"), message("One indeed"), user("Two")]
        self.post(input=history)
        self.assertEqual(self.request.body["input"], history)

    def test_a_refused_turn_frees_its_key(self) -> None:
        """The upstream never took it on."""
        for _ in range(2):
            answer = self.post(headers={"Idempotency-Key": "k"})
            self.request.refuse(400, {"detail": "No."})
            self.assertEqual(answer.status, 400)
        self.assertEqual(len(self.asked), 2)

    def test_a_turn_whose_fate_is_unknown_does_not(self) -> None:
        """It may have been done."""
        self.post(headers={"Idempotency-Key": "k"})
        self.request.drop()
        again = self.post(headers={"Idempotency-Key": "k"})
        self.assert_error(again, 409, "idempotency_outcome_unknown")
        self.assertEqual(len(self.asked), 1)
