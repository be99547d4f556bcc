"""A machine that sleeps: what is found afterwards, and what is held against nobody."""

from __future__ import annotations

from tests.bridge import Bridge, completed, created, delta
from tests.http_bridge import HttpBridge
from tests.web.socket_client import SocketBridge

NOT_FOUND = "previous_response_not_found"


class SleepingBridge(Bridge):
    """A bridge whose machine can sleep."""

    settings = {"upstream__profile": "openai"}

    def sleep(self, seconds: float) -> None:
        """Nothing is run for so long."""
        self.clock.rightNow += seconds


class TurnTests(SleepingBridge):
    """Turns that run when the lid is closed."""

    def test_what_came_meanwhile_counts(self) -> None:
        """The upstream was not silent; nobody listened."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        self.wait(3)
        self.sleep(8 * 3600)
        self.socket.say(delta("a", 1))
        self.wait(10)
        self.socket.say(completed("resp_1"))
        self.assertEqual(answer.kinds[-1], "response.completed")

    def test_the_first_event(self) -> None:
        """It comes when we wake."""
        answer = self.post()
        self.wait(3)
        self.sleep(120)
        self.pump()
        self.socket.say(created("resp_1"), completed("resp_1"))
        self.assertEqual((answer.status, answer.json["id"]), (200, "resp_1"))

    def test_an_upstream_that_has_gone(self) -> None:
        """It is asked at once, and the turn ends when it does not answer."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        self.socket.answers_pings = False
        self.wait(3)
        self.sleep(120)
        self.wait(2)
        self.assertEqual(self.socket.pings, 1)
        self.wait(21)
        self.assertTrue(answer.ended)
        self.assertEqual(answer.events[-1][1]["code"], "upstream_disconnected")

    def test_silence_from_then_on(self) -> None:
        """Is waited for as long as ever, and no longer."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        self.wait(3)
        self.sleep(120)
        self.wait(285)
        self.assertFalse(answer.ended)
        self.wait(20)
        self.assertEqual(answer.events[-1][1]["code"], "upstream_idle_timeout")


class IdleTests(SleepingBridge):
    """Connections that nobody used."""

    def test_mode_durable_lets_go_of_them(self) -> None:
        """The next turn need not find out whether the other side is still there."""
        self.configure(upstream__profile="openai", continuity__mode="durable")
        self.first_turn("resp_1")
        self.wait(3)
        self.sleep(120)
        self.wait(2)
        self.assertFalse(self.socket.is_open)
        answer = self.post(previous_response_id="resp_1")
        self.assertEqual(self.dials, 2)
        self.socket.say(created("resp_2"), completed("resp_2"))
        self.assertEqual(answer.status, 200)

    def test_mode_retained_asks_them(self) -> None:
        """A conversation lives on its connection there."""
        self.first_turn("resp_1")
        self.wait(3)
        self.sleep(120)
        self.wait(2)
        self.assertEqual(self.socket.pings, 1)
        self.wait(30)
        self.assertTrue(self.socket.is_open)
        self.post(previous_response_id="resp_1")
        self.assertEqual(self.dials, 1)

    def test_one_that_is_gone(self) -> None:
        """It does not answer, and is known no more."""
        self.first_turn("resp_1")
        self.socket.answers_pings = False
        self.wait(3)
        self.sleep(120)
        self.wait(23)
        answer = self.post(previous_response_id="resp_1")
        self.assert_error(answer, 400, NOT_FOUND)

    def test_a_ping_that_was_answered_in_the_sleep(self) -> None:
        """Its answer does not get lost over the next one."""
        self.first_turn("resp_1")
        self.wait(21)
        self.sleep(120)
        self.wait(60)
        self.assertTrue(self.socket.is_open)

    def test_age_goes_on(self) -> None:
        """The upstream does not sleep: to it the connection is as old as it is."""
        self.first_turn("resp_1")
        self.wait(3)
        self.sleep(3400)
        self.wait(2)
        self.assertFalse(self.socket.is_open)

    def test_a_pause_is_no_sleep(self) -> None:
        """Half a minute breaks nothing."""
        self.configure(upstream__profile="openai", continuity__mode="durable")
        self.first_turn("resp_1")
        self.wait(3)
        self.sleep(30)
        self.wait(2)
        self.assertTrue(self.socket.is_open)


class ExchangeTests(HttpBridge):
    """The same over HTTP."""

    def test_what_came_meanwhile_counts(self) -> None:
        """As above."""
        answer = self.stream()
        self.request.say(created("resp_1"))
        self.wait(3)
        self.clock.rightNow += 3600
        self.request.say(delta("a", 1), completed("resp_1"))
        self.assertEqual(answer.kinds[-1], "response.completed")


class ClientTests(SocketBridge):
    """WebSocket clients, on the same machine or another."""

    def test_they_are_asked_before_they_are_given_up(self) -> None:
        """They could not answer what was never asked."""
        client = self.open()
        self.wait(3)
        self.clock.rightNow += 8 * 3600
        self.wait(30)
        self.assertFalse(client.lost)
        self.assertEqual(client.pings, 1)

    def test_one_that_has_gone(self) -> None:
        """A minute later that is known."""
        client = self.open()
        client.answers = False
        self.wait(3)
        self.clock.rightNow += 8 * 3600
        self.wait(62)
        self.assertTrue(client.lost)
