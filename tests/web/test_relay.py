"""A client that reads slowly, not at all, or leaves."""

from __future__ import annotations

from tests.bridge import Bridge, completed, created, delta

BIG = "x" * 10_000


class BackPressureTests(Bridge):
    """A client that stops reading stops the upstream."""

    settings = {"upstream__profile": "openai", "upstream__idle_timeout_s": "60"}

    def flood(self) -> int:
        """Send until the bridge reads no more; return how many events that took."""
        for number in range(1, 200):
            self.socket.say(delta(BIG, number))
            if self.socket.link.client_end.paused:
                return number
        self.fail("the upstream was never paused")

    def test_the_upstream_is_paused_and_nothing_is_lost(self) -> None:
        """Memory stays small; when the client reads on, all of it arrives."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        answer.stall()
        number = self.flood()
        waiting = answer.link.server_end.waiting()
        self.assertLess(waiting, 200_000)
        self.socket.say(delta(BIG, number + 1), delta(BIG, number + 2))
        self.assertEqual(answer.link.server_end.waiting(), waiting)
        answer.read_on()
        self.socket.say(completed("resp_1", number + 3))
        numbers = [event["sequence_number"] for _, event in answer.events]
        self.assertEqual(numbers, list(range(number + 4)))
        self.assertTrue(answer.ended)

    def test_a_stalled_client_is_not_an_upstream_that_is_silent(self) -> None:
        """We chose not to read: no timeout of the upstream's, and no dead ping."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        answer.stall()
        self.flood()
        self.wait(50)
        answer.read_on()
        self.wait(50)
        self.assertNotIn("error", answer.kinds)
        self.socket.say(completed("resp_1", 999))
        self.assertEqual(answer.kinds[-1], "response.completed")

    def test_a_client_that_reads_nothing_is_given_up(self) -> None:
        """It would hold its connection for ever."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        answer.stall()
        self.flood()
        self.wait(62)
        answer.read_on()
        self.assertTrue(answer.broken)
        self.assertEqual(self.open_sockets, 0)

    def test_a_client_that_reads_slowly_is_not_given_up(self) -> None:
        """It takes an hour over a picture, but it takes it."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        answer.stall()
        self.socket.say(delta("x" * 300_000, 1))
        for _ in range(12):
            self.wait(50)
            answer.link.server_end.trickle(20_000)
        self.assertFalse(answer.broken)
        answer.read_on()
        self.socket.say(completed("resp_1", 2))
        self.assertEqual(answer.kinds[-1], "response.completed")

    def test_a_connection_reads_on_after_a_stalled_turn(self) -> None:
        """The next turn on it finds it reading."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        answer.stall()
        number = self.flood()
        answer.read_on()
        self.socket.say(completed("resp_1", number + 1))
        self.assertFalse(self.socket.link.client_end.paused)
        follow_up = self.post(previous_response_id="resp_1")
        self.socket.say(created("resp_2"), completed("resp_2"))
        self.assertEqual(follow_up.status, 200)


class ClientGoneTests(Bridge):
    """A client that does not wait for the end."""

    settings = {"upstream__profile": "openai"}

    def test_a_stream_that_nobody_reads_is_dropped(self) -> None:
        """The connection is closed once, its capacity is free again."""
        answer = self.stream()
        self.socket.say(created("resp_1"), delta("a", 1))
        answer.leave()
        self.assertEqual(self.socket.closed, 1000)
        self.assert_nothing_left()

    def test_a_client_that_leaves_before_the_first_event(self) -> None:
        """Streaming or not."""
        for streaming in (True, False):
            answer = self.post(stream=streaming)
            answer.leave()
            self.assertEqual(self.socket.closed, 1000)
            self.assert_nothing_left()

    def test_a_client_that_leaves_while_we_dial(self) -> None:
        """The attempt is given up."""
        self.hangs = True
        answer = self.post()
        answer.leave()
        self.assertTrue(self.attempts[0].called, "the attempt goes on")
        self.assert_nothing_left()

    def test_a_client_that_leaves_during_the_upgrade(self) -> None:
        """The half-open socket is cut off."""
        self.stays_silent = True
        answer = self.post()
        answer.leave()
        self.assertTrue(self.socket.link.client_end.aborted)
        self.assert_nothing_left()

    def test_a_client_that_leaves_while_stalled(self) -> None:
        """A paused upstream is resumed to be closed."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        answer.stall()
        for number in range(1, 30):
            self.socket.say(delta(BIG, number))
        answer.leave()
        self.assertEqual(self.socket.closed, 1000)
        self.assert_nothing_left()

    def test_an_abandoned_turn_cannot_be_followed_up(self) -> None:
        """Neither by its own id nor by its parent's: nobody knows their state."""
        self.first_turn("resp_1")
        answer = self.stream(previous_response_id="resp_1")
        self.socket.say(created("resp_2"))
        answer.leave()
        for marker in ("resp_1", "resp_2"):
            refused = self.post(previous_response_id=marker)
            self.assertEqual(refused.status, 400)
        self.assertEqual(self.dials, 1)

    def test_the_log_says_that_the_client_left(self) -> None:
        """With the request's id."""
        self.stream().leave()
        self.assertTrue(any("client gone" in line for line in self.log))

    def assert_nothing_left(self) -> None:
        self.assertEqual(self.open_sockets, 0)
        self.assertEqual(set(self.upstream.counts().values()), {0})
