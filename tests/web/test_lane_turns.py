"""C{stream_id}: which of a client's turns run, and which wait."""

from __future__ import annotations

from tests.bridge import completed, created, delta
from tests.web.socket_client import SocketBridge


class LanesTests(SocketBridge):
    """First in, first out, and side by side."""

    def test_one_lane(self) -> None:
        """The second begins when the first has ended, with its state."""
        client = self.open()
        client.say(input="One?")
        client.say(input="Two?", previous_response_id="resp_1")
        self.assertEqual(self.messages, 1)
        self.answer_socket(0, "resp_1")
        self.assertEqual(self.dials, 1)
        self.assertEqual(self.socket.received[1]["previous_response_id"], "resp_1")
        self.answer_socket(0, "resp_2")
        self.assertEqual(
            client.kinds,
            ["response.created", "response.output_text.delta", "response.completed"]
            * 2,
        )

    def test_side_by_side(self) -> None:
        """Each event names its lane; the default lane has no name."""
        client = self.open()
        for lane in ("a", "b", None):
            client.say(stream_id=lane)
        self.assertEqual(self.messages, 3)
        for number in range(3):
            self.sockets[number].say(created(f"resp_{number}"))
        for number in (2, 0, 1):
            self.sockets[number].say(delta("x", 1), completed(f"resp_{number}", 2))
        lanes = [event.get("stream_id") for event in client.events]
        self.assertEqual(lanes, ["a", "b", None, None, None, "a", "a", "b", "b"])
        for socket in self.sockets:
            self.assertNotIn("stream_id", socket.received[0])

    def test_sixteen_at_once(self) -> None:
        """The seventeenth waits for one of them."""
        client = self.open()
        for number in range(17):
            client.say(stream_id=f"lane-{number}")
        self.assertEqual(self.messages, 16)
        self.answer_socket(3, "resp_3")
        self.assertEqual(self.messages, 17)

    def test_thirty_two_names(self) -> None:
        """The next one is refused at once; the others go on."""
        client = self.open()
        for number in range(33):
            client.say(stream_id=f"lane-{number}")
        (event,) = client.events
        self.assert_error_event(event, 400, "websocket_stream_limit_reached", "lane-32")
        client.say()
        self.answer_socket(0, "resp_0")
        self.answer_socket(1, "resp_1")
        self.assertEqual(client.lane("lane-1")[-1], "response.completed")

    def test_a_refusal_waits_its_turn(self) -> None:
        """Nobody takes it for the end of what runs."""
        client = self.open()
        client.say(stream_id="a")
        client.say({"type": "response.create", "stream_id": "a"})
        client.say(stream_id="a", input="Three?")
        self.socket.say(created("resp_1"))
        self.assertEqual(client.kinds, ["response.created"])
        self.socket.say(completed("resp_1"))
        self.assertEqual(
            client.lane("a"), ["response.created", "response.completed", "error"]
        )
        self.assertEqual(self.messages, 2)

    def test_a_failed_turn_holds_nobody_up(self) -> None:
        """The next one in its lane runs."""
        client = self.open()
        client.say(stream_id="a")
        client.say(stream_id="a")
        self.socket.drop()
        self.assert_error_event(client.events[0], 502, "upstream_outcome_unknown", "a")
        self.assertEqual(self.dials, 2)
        self.answer_socket(1, "resp_2")
        self.assertEqual(client.kinds[-1], "response.completed")

    def test_forks(self) -> None:
        """Two lanes go on from one response."""
        self.configure(**self.settings, continuity__mode="durable")
        client = self.open()
        client.say()
        self.answer_socket(0, "resp_1")
        for lane in ("a", "b"):
            client.say(stream_id=lane, previous_response_id="resp_1")
        self.assertEqual(self.dials, 2)
        for number, lane in enumerate("ab"):
            self.answer_socket(number, f"resp_{lane}")
            self.assertEqual(client.lane(lane)[-1], "response.completed")

    def test_two_clients(self) -> None:
        """Each has lanes of its own."""
        first, second = self.open(), self.open()
        first.say(stream_id="a")
        second.say(stream_id="a")
        self.answer_socket(1, "resp_2")
        self.assertEqual(first.events, [])
        self.assertEqual(len(second.events), 3)
