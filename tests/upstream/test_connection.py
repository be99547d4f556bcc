"""One upstream socket: pings, closing, and frames out of place."""

from __future__ import annotations

import json

from tests.bridge import Bridge, completed, created, delta


class PingTests(Bridge):
    """A socket whose other side has silently gone away."""

    settings = {"upstream__profile": "openai", "upstream__ping_interval_s": "20"}

    def test_an_idle_connection_is_pinged_and_stays(self) -> None:
        """As long as it answers."""
        self.first_turn("resp_1")
        self.wait(100)
        self.assertGreaterEqual(self.socket.pings, 4)
        self.assertTrue(self.socket.is_open)

    def test_an_idle_connection_that_does_not_answer_is_dropped(self) -> None:
        """No client notices more than an unknown marker."""
        self.first_turn("resp_1")
        self.socket.answers_pings = False
        self.wait(42)
        self.assertTrue(self.socket.link.client_end.aborted)
        self.assertEqual(self.post(previous_response_id="resp_1").status, 400)

    def test_a_turn_on_a_dead_connection_ends(self) -> None:
        """With an error event that says why."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        self.socket.answers_pings = False
        self.wait(42)
        self.assertTrue(answer.ended)
        self.assertIn("ping", answer.events[-1][1]["message"])

    def test_a_busy_connection_is_not_pinged(self) -> None:
        """What arrives shows that it lives."""
        self.stream()
        self.socket.say(created("resp_1"))
        for number in range(1, 60):
            self.wait(1)
            self.socket.say(delta("a", number))
        self.assertEqual(self.socket.pings, 0)

    def test_pings_can_be_switched_off(self) -> None:
        """With an interval of 0."""
        self.configure(upstream__ping_interval_s=0)
        self.first_turn("resp_1")
        self.wait(100)
        self.assertEqual(self.socket.pings, 0)

    def test_the_upstreams_pings_are_answered(self) -> None:
        """Also between the frames of a turn."""
        pongs: list[bytes] = []
        answer = self.stream()
        self.patch(self.socket.protocol, "onPong", pongs.append)
        self.socket.say(created("resp_1"))
        self.socket.protocol.sendPing(b"are you there")
        self.socket.say(completed("resp_1"))
        self.assertEqual(pongs, [b"are you there"])
        self.assertTrue(answer.ended)


class LeaseTests(Bridge):
    """Who may use a socket."""

    def test_it_is_leased_by_one_at_a_time(self) -> None:
        """And by nobody once it has ended."""
        self.first_turn("resp_1")
        (connection,) = self.upstream._table.idle()
        self.assertTrue(connection.lease())
        self.assertFalse(connection.lease())
        connection.release()
        self.assertTrue(connection.lease())
        connection.close()
        connection.release()
        self.assertFalse(connection.lease())


class ClosingTests(Bridge):
    """How a socket ends."""

    settings = {"upstream__profile": "openai", "upstream__max_age_s": "10"}

    def test_an_upstream_that_does_not_answer_our_close_is_cut_off(self) -> None:
        """After a few seconds."""
        self.first_turn("resp_1")
        self.patch(self.socket.protocol, "dataReceived", lambda data: None)
        self.wait(11)
        self.assertFalse(self.socket.link.client_end.aborted)
        self.wait(7)
        self.assertTrue(self.socket.link.client_end.aborted)

    def test_an_upstream_that_closes_and_lingers_is_cut_off(self) -> None:
        """It said goodbye and keeps the transport."""
        self.first_turn("resp_1")
        self.patch(self.socket.protocol, "dropConnection", lambda abort=False: None)
        self.socket.close(1001)
        self.assertEqual(self.upstream.counts()["retained"], 0)
        self.wait(7)
        self.assertTrue(self.socket.link.client_end.aborted)

    def test_a_close_frame_ends_a_turn_at_once(self) -> None:
        """Not only when the transport follows."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        self.patch(self.socket.protocol, "dropConnection", lambda abort=False: None)
        self.socket.close(1011, "internal")
        self.assertTrue(answer.ended)
        self.assertIn("1011", answer.events[-1][1]["message"])

    def test_frames_after_our_close_go_nowhere(self) -> None:
        """A turn that was given up is not heard of again."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        answer.leave()
        before = len(self.log)
        self.socket.link.client.dataReceived(b"\x81\x02{}")
        self.assertEqual(self.log[before:], [])


class OddBytesTests(Bridge):
    """A peer that breaks RFC 6455."""

    settings = {"upstream__profile": "openai"}

    def test_violations_end_the_turn_with_a_reason(self) -> None:
        """Reserved bits, a masked frame, an unknown opcode."""
        for raw in (b"\xc1\x02{}", b"\x81\x82\0\0\0\0{}", b"\x83\x00"):
            answer = self.stream()
            self.socket.say(created("resp_1"))
            self.socket.say_raw(raw)
            self.assertEqual(answer.kinds, ["response.created", "error"], raw)
            self.assertTrue(answer.ended)

    def test_what_stands_behind_a_violation_is_not_read(self) -> None:
        """Not even a good end of the turn."""
        answer = self.post()
        end = json.dumps(completed("resp_1")).encode()
        self.socket.say_raw(b"\x83\x00\x81\x7e" + len(end).to_bytes(2, "big") + end)
        self.assert_error(answer, 502, "upstream_outcome_unknown")

    def test_a_message_over_the_limit_ends_the_turn(self) -> None:
        """Its announced length suffices; it is not waited for."""
        answer = self.post()
        self.socket.say_raw(b"\x81\x7f" + (1 << 32).to_bytes(8, "big"))
        self.assert_error(answer, 502, "upstream_outcome_unknown")
        self.assertIn("exceeds payload limit", answer.error["message"])

    def test_large_messages_arrive_whole(self) -> None:
        """16 MiB, as an image may have, in many reads."""
        answer = self.stream()
        self.socket.say(created("resp_1"), delta("x" * (1 << 24), 1))
        self.socket.say(completed("resp_1", 2))
        self.assertEqual(len(answer.events[1][1]["delta"]), 1 << 24)
        self.assertTrue(answer.ended)

    def test_single_bytes_make_a_turn_all_the_same(self) -> None:
        """However the network cuts the stream."""
        answer = self.stream()
        transport = self.socket.link.server_end
        client = self.socket.link.client
        self.patch(
            transport,
            "write",
            lambda data: [
                client.dataReceived(data[i : i + 1]) for i in range(len(data))
            ],
        )
        self.socket.say(created("resp_1"), delta("é" * 100, 1), completed("resp_1", 2))
        self.assertEqual(len(answer.kinds), 3)
        self.assertTrue(answer.ended)
