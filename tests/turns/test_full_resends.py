"""Clients that send their history again, and what of it is known."""

from __future__ import annotations

from typing import Any

from tests.bridge import completed, created, message
from tests.core.cases import case
from tests.turns.durable import DurableBridge, said, user


class FullResendTests(DurableBridge):
    """Clients that send their history again."""

    def history(self) -> None:
        self.turn("resp_1", "One?", "1.")
        self.turn("resp_2", "Two?", "2.", previous_response_id="resp_1")

    def test_only_the_rest_goes_over_the_retained_connection(self) -> None:
        """And the client, who named no marker, sees none."""
        self.history()
        resent = [
            {"role": "user", "content": "One?"},
            message("1.") | {"id": "msg_of_its_own"},
            user("Two?"),
            {"role": "assistant", "content": "2."},
            user("Three?"),
        ]
        answer = self.turn("resp_3", resent)
        self.assertEqual(self.dials, 1)
        self.assertEqual(self.asked["previous_response_id"], "resp_2")
        self.assertEqual(self.asked["input"], [user("Three?")])
        self.assertIsNone(answer.json["previous_response_id"])

    def test_an_older_node_is_sent_whole(self) -> None:
        """Its connection has moved on; the node hangs where it belongs."""
        self.history()
        resent = [user("One?"), said("1."), user("Other?")]
        self.turn("resp_3", resent, "3.")
        self.assertEqual(self.dials, 2)
        self.assertEqual(self.asked["input"], resent)
        self.socket.drop()
        self.turn("resp_4", "On?", previous_response_id="resp_3")
        self.assertEqual(self.asked["input"], [*resent, said("3."), user("On?")])

    def test_an_edited_history_is_another_one(self) -> None:
        """Never a wrong match."""
        self.history()
        for edited in (
            [user("One!"), said("1."), user("Two?"), said("2."), user("3?")],
            [user("One?"), said("1!"), user("Two?"), said("2."), user("3?")],
        ):
            dials = self.dials
            self.turn("resp_e", edited)
            self.assertEqual(self.dials, dials + 1)
            self.assertEqual(self.asked["input"], edited)

    def test_another_model_is_not_asked_for_the_rest(self) -> None:
        """It has not seen the beginning."""
        self.history()
        resent = [user("One?"), said("1."), user("Two?"), said("2."), user("3?")]
        self.turn("resp_3", resent, model="gpt-5.5-mini")
        self.assertEqual(self.asked["input"], resent)

    def test_nothing_new_is_sent_whole(self) -> None:
        """There would be nothing to ask."""
        self.history()
        resent = [user("One?"), said("1."), user("Two?"), said("2.")]
        self.turn("resp_3", resent)
        self.assertEqual(self.asked["input"], resent)


class NothingAnsweredTests(DurableBridge):
    """Turns that came to nothing a client could send back."""

    def test_going_on_after_one(self) -> None:
        """Its history is the question, and it is recognised by that."""
        self.post(input="One?")
        thought = {"type": "reasoning", "summary": []}
        self.socket.say(created("resp_1"), completed("resp_1", 1, output=[thought]))
        self.turn("resp_2", [user("One?"), user("Well?")], "2.")
        self.assertEqual(self.asked["previous_response_id"], "resp_1")
        self.assertEqual(self.asked["input"], [user("Well?")])
        self.turn("resp_3", [user("One?"), user("Well?"), said("2."), user("So?")])
        self.assertEqual(self.asked["previous_response_id"], "resp_2")

    def test_an_answer_that_is_asked_for_by_itself(self) -> None:
        """As after C{generate: false}: who sends back both is recognised by both."""
        for number, stored in enumerate((True, False)):
            with case(stored=stored):
                one, first = user(f"One? {number}"), f"resp_{number}"
                self.post(input=[one], store=stored, generate=False)
                self.busiest.say(completed(first, 0, output=[]))
                self.turn(
                    f"{first}a", [], "1.", store=stored, previous_response_id=first
                )
                self.assertEqual(self.asked["input"], [])
                history = [one, said("1."), user("Two?")]
                self.turn(f"{first}b", history, "2.", store=stored)
                self.assertEqual(self.asked["previous_response_id"], f"{first}a")
                history += [said("2."), user("Three?")]
                self.turn(f"{first}c", history, "3.", store=stored)
                self.assertEqual(self.asked["previous_response_id"], f"{first}b")

    def test_an_answer_to_what_is_not_all_that_was_said(self) -> None:
        """It stays like nothing else."""
        self.post(input=[user("One?")], prompt={"id": "pmpt_1"}, generate=False)
        self.socket.say(completed("resp_1", 0, output=[]))
        self.turn("resp_2", [], "1.", previous_response_id="resp_1")
        self.turn("resp_3", [user("One?"), said("1."), user("Two?")], "2.")
        self.assertNotIn("previous_response_id", self.asked)

    def test_asking_again(self) -> None:
        """There is nothing new in it, so it goes whole, and can be gone on with."""
        self.post(input="One?")
        self.socket.say(created("resp_1"), completed("resp_1", 1, output=[]))
        self.turn("resp_2", [user("One?")], "1.")
        self.assertNotIn("previous_response_id", self.asked)
        self.turn("resp_3", [user("One?"), said("1."), user("Two?")])
        self.assertEqual(self.asked["previous_response_id"], "resp_2")


class NotRecognisedTests(DurableBridge):
    """Histories that look like one another and are not."""

    def unmatched(self, first: dict[str, Any], second: dict[str, Any]) -> None:
        self.turn("resp_1", **first)
        self.turn("resp_2", **second)
        self.assertNotIn("previous_response_id", self.asked)

    def test_what_differs_in_its_id_alone(self) -> None:
        """References, and what an approval names."""
        for kind in ("item_reference", "mcp_approval_request", None):
            item = {"type": kind} if kind else {}
            one, two = item | {"id": "x_1"}, item | {"id": "x_2"}
            rest = [user("One?"), said("1."), user("On?")]
            self.unmatched(
                {"text": [one, user("One?")], "answer": "1."}, {"text": [two, *rest]}
            )

    def test_what_the_upstream_adds_to(self) -> None:
        """Its items are not all that was said."""
        resent = [user("One?"), said("1."), user("On?")]
        for more in ({"conversation": "conv_1"}, {"prompt": {"id": "pmpt_1"}}):
            self.unmatched(
                {"text": [user("One?")], "answer": "1.", **more},
                {"text": resent, **more},
            )
            self.unmatched(
                {"text": [user("One?")], "answer": "1.", **more}, {"text": resent}
            )

    def test_reasoning_behind_what_is_known_is_sent(self) -> None:
        """It belongs to the call that comes after it."""
        self.turn("resp_1", "One?", "1.")
        thought = {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
        call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}
        output = {"type": "function_call_output", "call_id": "c", "output": "x"}
        self.turn("resp_2", [user("One?"), said("1."), thought, call, output])
        self.assertEqual(self.asked["input"], [thought, call, output])
