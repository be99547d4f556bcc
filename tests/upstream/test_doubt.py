"""Idle connections that may be dead, and what is still sent over them."""

from __future__ import annotations

from tests.bridge import Bridge
from tests.turns.durable import DurableBridge, said, user


class DurableTests(DurableBridge):
    """Mode durable, where a connection is no more than a short cut."""

    def test_an_unanswered_ping(self) -> None:
        """
        The next turn is sent where it arrives.

        Into a dead connection it would be sent in vain, and since nobody can tell that,
        it could not be sent again.
        """
        self.turn("resp_1")
        dead = self.socket
        dead.answers_pings = False
        self.wait(26)
        answer = self.post(input="And?", previous_response_id="resp_1")
        self.assertEqual(self.dials, 2)
        self.assertEqual(len(dead.received), 1)
        self.assertEqual(
            self.asked["input"], [user("Hello?"), said("Hi."), user("And?")]
        )
        self.answer("resp_2")
        self.assertEqual(answer.status, 200)
        self.wait(10)
        self.assertFalse(dead.is_open)
        self.assertEqual(self.upstream.counts()["retained"], 1)

    def test_a_ping_that_has_just_been_sent(self) -> None:
        """Its answer may take a moment."""
        self.turn("resp_1")
        self.wait(19)
        self.socket.answers_pings = False
        self.wait(2)
        self.post(input="And?", previous_response_id="resp_1")
        self.assertEqual((self.dials, self.socket.pings), (1, 1))

    def test_pings_that_are_answered(self) -> None:
        """However long ago the last turn was."""
        self.turn("resp_1")
        self.wait(300)
        self.post(input="And?", previous_response_id="resp_1")
        self.assertEqual(self.dials, 1)

    def test_why_an_idle_connection_ended(self) -> None:
        """The operator can read it."""
        for number, reason in enumerate(("ping within 20 s", "1001 (restart)"), 1):
            self.turn(f"resp_{number}", f"Question {number}?")
            if number == 1:
                self.socket.answers_pings = False
                self.wait(42)
            else:
                self.socket.close(1001, "restart")
            ended = [line for line in self.log if "ended while idle" in line]
            self.assertEqual(len(ended), number)
            self.assertIn(reason, ended[-1])


class RetainedTests(Bridge):
    """Mode retained, where a connection is all there is."""

    settings = {"upstream__profile": "openai"}

    def test_a_follow_up(self) -> None:
        """It may still answer."""
        self.first_turn("resp_1")
        self.socket.answers_pings = False
        self.wait(26)
        self.post(previous_response_id="resp_1")
        self.assertEqual((self.dials, len(self.socket.received)), (1, 2))

    def test_a_spare_connection(self) -> None:
        """Nothing is lost with one that has no conversation."""
        self.post()
        self.socket.say({"type": "error", "status": 400, "code": "unsupported_value"})
        self.assertEqual(self.upstream.counts()["spare"], 1)
        self.socket.answers_pings = False
        self.wait(26)
        self.first_turn("resp_1")
        self.assertEqual((self.dials, self.upstream.counts()["spare"]), (2, 0))
