"""Whether a follow-up finds the connection that was kept for it."""

from __future__ import annotations

from tests.bridge import Bridge, completed, created, delta
from tests.upstream.retained_bridge import NOT_FOUND, RetainedCase, error


class FollowUpTests(RetainedCase):
    """Turns that continue another."""

    def test_a_follow_up_uses_the_retained_socket(self) -> None:
        """Only the client's new input goes upstream, with the marker."""
        self.first_turn("resp_1")
        answer = self.follow("resp_1", input="And now?")
        self.assertEqual(
            self.socket.received[1],
            {
                "type": "response.create",
                "previous_response_id": "resp_1",
                "model": "gpt-5.5",
                "input": "And now?",
            },
        )
        self.end("resp_2")
        self.assertEqual(answer.json["id"], "resp_2")
        self.assertEqual(self.dials, 1)

    def test_a_chain_of_follow_ups_stays_on_one_socket(self) -> None:
        """Each turn re-keys the connection."""
        self.first_turn("resp_0")
        for number in range(1, 20):
            answer = self.follow(f"resp_{number - 1}", stream=bool(number % 2))
            self.end(f"resp_{number}")
            self.assertEqual(answer.status, 200)
        self.assertEqual(self.dials, 1)
        self.assertEqual(self.upstream.counts()["retained"], 1)

    def test_an_unknown_marker_is_not_found(self) -> None:
        """Before anything is dialled, streaming or not."""
        for streaming in (True, False):
            self.assert_not_found(self.follow("resp_x", stream=streaming), "resp_x")
        self.assertEqual(self.dials, 0)

    def test_a_marker_that_was_followed_up_is_not_found(self) -> None:
        """The socket has moved on."""
        self.first_turn("resp_1")
        self.follow("resp_1")
        self.end("resp_2")
        self.assert_not_found(self.follow("resp_1"), "resp_1")
        self.assertEqual(self.dials, 1)

    def test_a_marker_whose_socket_is_gone_is_not_found(self) -> None:
        """Closed, dropped, or said to be too old."""
        endings = (
            lambda: self.socket.close(1001),
            lambda: self.socket.drop(),
            lambda: self.socket.say(error("websocket_connection_limit_reached")),
        )
        for ending in endings:
            self.first_turn("resp_1")
            dials = self.dials
            ending()
            self.assert_not_found(self.follow("resp_1"), "resp_1")
            self.assertEqual(self.dials, dials)
        self.assertEqual(self.open_sockets, 0)

    def test_a_marker_in_flight_is_409(self) -> None:
        """While its follow-up runs, and while its own turn runs."""
        self.first_turn("resp_1")
        self.follow("resp_1")
        self.socket.say(created("resp_2"))
        for marker in ("resp_1", "resp_2"):
            answer = self.follow(marker)
            self.assert_error(answer, 409, "response_in_flight")
            self.assertEqual(answer.headers["retry-after"], "1")
        self.socket.say(completed("resp_2"))
        self.follow("resp_2")
        self.end("resp_3")
        self.assertEqual(self.dials, 1)

    def test_blank_and_other_markers_begin_a_conversation(self) -> None:
        """Clients send null and empty texts for "none"."""
        for marker in ("", "  \t", None, 7, ["resp_1"], {"id": "resp_1"}):
            answer = self.follow(marker)
            self.assertNotIn("previous_response_id", self.socket.received[0])
            self.end("resp_1")
            self.assertEqual(answer.status, 200)

    def test_spaces_around_a_marker_are_trimmed(self) -> None:
        """For the look-up and on the wire."""
        self.first_turn("resp_1")
        self.follow("  resp_1\n")
        self.assertEqual(self.socket.received[1]["previous_response_id"], "resp_1")

    def test_the_upstream_not_finding_a_marker_is_the_same_400(self) -> None:
        """The connection is dropped and the marker forgotten."""
        for streaming in (True, False):
            self.first_turn("resp_1")
            answer = self.follow("resp_1", stream=streaming)
            self.socket.say({"type": "codex.rate_limits"}, error(NOT_FOUND))
            self.assert_not_found(answer, "resp_1")
            self.assertEqual(self.open_sockets, 0)
            self.assert_not_found(self.follow("resp_1"), "resp_1")

    def test_a_follow_up_that_dies_before_its_first_event_is_the_same_400(self) -> None:
        """So that the client resends its history."""
        endings = (
            lambda: self.socket.close(1001),
            lambda: self.socket.drop(),
            lambda: self.socket.say(error("websocket_connection_limit_reached")),
        )
        for ending in endings:
            for streaming in (True, False):
                self.first_turn("resp_1")
                answer = self.follow("resp_1", stream=streaming)
                self.socket.say({"type": "codex.rate_limits"})
                ending()
                self.assert_not_found(answer, "resp_1")
        self.assertEqual(self.open_sockets, 0)

    def test_a_follow_up_that_cannot_be_sent_is_the_same_400(self) -> None:
        """The socket began to close under us."""
        self.first_turn("resp_1")
        connection = self.upstream._table.idle()[0]
        assert connection._protocol is not None
        connection._protocol.state = connection._protocol.STATE_CLOSING
        self.assert_not_found(self.follow("resp_1"), "resp_1")
        self.assertEqual(self.upstream.counts()["leased"], 0)

    def test_late_frames_never_reach_the_next_turn(self) -> None:
        """Neither those in the read that ended the turn, nor later ones."""
        self.first_turn("resp_1")
        answer = self.follow("resp_1", stream=True)
        self.socket.say(delta("late", 9), completed("resp_1", 10))
        self.assertIsNone(answer.status)
        self.socket.say(created("resp_2"), delta("mine", 1), completed("resp_2", 2))
        self.assertEqual(
            answer.kinds,
            ["response.created", "response.output_text.delta", "response.completed"],
        )
        self.assertEqual(answer.events[1][1]["delta"], "mine")


class ModeOffTests(Bridge):
    """C{continuity.mode = "off"}: transport only."""

    settings = {"continuity__mode": "off", "upstream__profile": "openai"}

    def test_each_request_has_its_own_connection(self) -> None:
        """Closed once, at the end."""
        for number in range(3):
            answer = self.first_turn(f"resp_{number}")
            self.assertEqual(answer.status, 200)
            self.assertEqual(self.socket.closed, 1000)
        self.assertEqual(self.dials, 3)

    def test_a_marker_is_dropped(self) -> None:
        """There is nothing that it could name."""
        self.post(previous_response_id="resp_1")
        self.assertNotIn("previous_response_id", self.socket.received[0])
