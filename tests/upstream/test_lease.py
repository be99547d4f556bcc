"""How long a turn is waited for."""

from __future__ import annotations

import json

from tests.bridge import Bridge, completed, created, delta


class TimeoutTests(Bridge):
    """An upstream that says nothing."""

    settings = {
        "upstream__profile": "openai",
        "upstream__first_event_timeout_s": "30",
        "upstream__idle_timeout_s": "100",
    }

    def test_no_first_event_is_504(self) -> None:
        """For both kinds of clients; frames that show nothing do not count."""
        for streaming in (True, False):
            answer = self.post(stream=streaming)
            self.wait(20)
            self.socket.say({"type": "codex.rate_limits"})
            self.wait(9)
            self.assertIsNone(answer.status)
            self.wait(2)
            self.assert_error(answer, 504, "upstream_first_event_timeout")
            self.assertEqual(answer.headers["x-should-retry"], "false")
            self.assertEqual(self.open_sockets, 0)

    def test_a_follow_up_without_first_event_is_504(self) -> None:
        """Its socket lives: the marker is not what is wrong."""
        self.first_turn("resp_1")
        answer = self.post(previous_response_id="resp_1")
        self.wait(31)
        self.assert_error(answer, 504, "upstream_first_event_timeout")

    def test_silence_inside_a_turn_ends_the_stream(self) -> None:
        """With an error event."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        self.wait(102)
        self.assertEqual(answer.kinds, ["response.created", "error"])
        self.assertEqual(answer.events[1][1]["code"], "upstream_idle_timeout")
        self.assertTrue(answer.ended)

    def test_silence_inside_a_turn_is_504_for_json(self) -> None:
        """It has seen nothing yet."""
        answer = self.post()
        self.socket.say(created("resp_1"))
        self.wait(102)
        self.assert_error(answer, 504, "upstream_idle_timeout")

    def test_a_slow_turn_is_not_silent(self) -> None:
        """Every event counts, and so do keepalives."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        for number in range(1, 5):
            self.wait(60)
            self.socket.say(delta("a", number), {"type": "keepalive"})
        self.socket.say(completed("resp_1", 5))
        self.assertNotIn("error", answer.kinds)

    def test_a_long_frame_that_arrives_slowly_is_not_silent(self) -> None:
        """A picture over a thin line; but it is when nothing more comes of it."""
        # No pong can come in the middle of a frame.
        self.configure(upstream__ping_interval_s=0, upstream__idle_timeout_s=100)
        answer = self.stream()
        self.socket.say(created("resp_1"))
        picture = json.dumps(delta("x" * 400, 1)).encode()
        frame = b"\x81\x7e" + len(picture).to_bytes(2, "big") + picture
        for begin in range(0, 500, 100):
            self.wait(60)
            self.socket.say_raw(frame[begin : begin + 100])
        self.assertEqual(answer.kinds[-1], "response.output_text.delta")
        self.socket.say_raw(frame[:100])
        self.wait(99)
        self.assertNotIn("error", answer.kinds)
        self.wait(3)
        self.assertEqual(answer.events[-1][1]["code"], "upstream_idle_timeout")

    def test_zero_waits_for_ever(self) -> None:
        """For models that think for an hour."""
        self.configure(upstream__first_event_timeout_s=0, upstream__idle_timeout_s=0)
        answer = self.stream()
        self.wait(400)
        self.socket.say(created("resp_1"))
        self.wait(400)
        self.socket.say(completed("resp_1"))
        self.assertEqual(answer.kinds, ["response.created", "response.completed"])
