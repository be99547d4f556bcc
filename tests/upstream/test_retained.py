"""Which connections are kept after a turn or an error, and for how long."""

from __future__ import annotations

from chatmockd.account.tokens import ApiKey
from tests.bridge import completed, created, delta
from tests.upstream.retained_bridge import RetainedCase, error


class RetainedAfterwardsTests(RetainedCase):
    """What a turn leaves behind."""

    def assert_nothing_retained(self) -> None:
        counts = self.upstream.counts()
        self.assertEqual((counts["retained"], counts["leased"]), (0, 0), counts)

    def test_a_failed_turn_leaves_nothing(self) -> None:
        """response.failed, malformed frames, lost sockets."""
        failed = {"type": "response.failed", "response": {"id": "resp_1"}}
        for end in (
            lambda: self.socket.say(created("resp_1"), failed),
            lambda: self.socket.say(created("resp_1"), b"{"),
            lambda: self.socket.say(error("server_error", 500)),
            lambda: self.socket.drop(),
        ):
            answer = self.post()
            end()
            self.assertGreaterEqual(answer.status or 0, 400)
            self.assert_nothing_retained()
            self.assertEqual(self.open_sockets, 0)

    def test_two_sockets_that_end_with_one_id(self) -> None:
        """The newer one stays; the other is closed once."""
        first, second = self.post(), self.post()
        for socket in self.sockets:
            socket.say(created("resp_1"), completed("resp_1"))
        self.assertEqual((first.status, second.status), (200, 200))
        self.assertEqual([socket.closed for socket in self.sockets], [1000, None])
        self.follow("resp_1")
        self.assertEqual(len(self.sockets[1].received), 2)

    def test_frames_while_idle_end_a_connection(self) -> None:
        """A turn's frame or an error; nobody notices."""
        for frame in (
            delta("a", 1),
            error("websocket_connection_limit_reached"),
            b"not JSON",
        ):
            self.first_turn("resp_1")
            self.socket.say(frame)
            self.assertEqual(self.socket.closed, 1000)
            self.assert_nothing_retained()

    def test_surplus_in_the_last_read_ends_a_connection(self) -> None:
        """Somebody sent more than one end: it is not trusted with another turn."""
        answer = self.post()
        self.socket.say(created("resp_1"), completed("resp_1"), delta("late", 2))
        self.assertEqual(answer.status, 200)
        self.assert_nothing_retained()
        self.assertEqual(self.socket.closed, 1000)

    def test_harmless_frames_while_idle(self) -> None:
        """keepalive and codex.* may come at any time, in the last read as well."""
        self.post()
        self.socket.say(
            created("resp_1"), completed("resp_1"), {"type": "codex.rate_limits"}
        )
        self.socket.say({"type": "keepalive"}, {"type": "codex.response.metadata"})
        self.assertEqual(self.upstream.counts()["retained"], 1)

    def test_old_connections_are_closed_while_idle(self) -> None:
        """Before the upstream's limit of an hour strikes."""
        self.configure(
            upstream__max_age_s=30,
            upstream__profile="openai",
            continuity__idle_ttl_s=99,
        )
        self.first_turn("resp_1")
        self.wait(29)
        self.assertTrue(self.socket.is_open)
        self.wait(2)
        self.assertEqual(self.socket.closed, 1000)
        self.assert_nothing_retained()

    def test_a_connection_that_grew_old_in_a_turn_is_not_kept(self) -> None:
        """The turn ends well, and the connection with it."""
        self.configure(upstream__max_age_s=30, upstream__profile="openai")
        answer = self.post()
        self.socket.say(created("resp_1"))
        self.wait(31)
        self.socket.say(completed("resp_1"))
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.socket.closed, 1000)

    def test_connections_idle_too_long_are_closed(self) -> None:
        """After C{continuity.idle_ttl_s}."""
        self.configure(continuity__idle_ttl_s=40, upstream__profile="openai")
        self.first_turn("resp_1")
        self.wait(41)
        self.assertEqual(self.socket.closed, 1000)

    def test_the_clock_stops_when_there_is_nothing_to_watch(self) -> None:
        """An idle daemon does not wake up."""
        self.first_turn("resp_1")
        self.socket.close(1000)
        self.socket.drop()
        self.wait(2)
        wakeups = [
            call for call in self.clock.getDelayedCalls() if "Pulse" in repr(call.func)
        ]
        self.assertEqual(wakeups, [])


class AfterAnErrorTests(RetainedCase):
    """What an orderly C{error} event means for its connection."""

    def test_on_openai_the_connection_serves_a_new_conversation(self) -> None:
        """It holds no response any more, so it is not retained, only used again."""
        self.first_turn("resp_1")
        answer = self.follow("resp_1")
        self.socket.say(error("unsupported_value"))
        self.assert_error(answer, 400, "unsupported_value")
        self.assertEqual(self.upstream.counts()["retained"], 0)
        self.assert_not_found(self.follow("resp_1"), "resp_1")
        self.first_turn("resp_2")
        self.assertEqual(self.dials, 1)
        self.assertNotIn("previous_response_id", self.socket.received[2])

    def test_late_frames_of_the_failed_turn_are_not_the_next_ones(self) -> None:
        """Whatever the upstream still says about it."""
        self.post()
        self.socket.say(error("unsupported_value"))
        answer = self.stream()
        self.socket.say(delta("late", 4))
        self.assertIsNone(answer.status)
        self.socket.say(created("resp_2"), completed("resp_2"))
        self.assertEqual(answer.kinds, ["response.created", "response.completed"])

    def test_late_ends_of_the_failed_turn_are_not_the_next_ones(self) -> None:
        """Neither its completion nor its failure."""
        failed = {"type": "response.failed", "response": {"id": "resp_2"}}
        for late in (completed("resp_2", 9), failed):
            self.first_turn("resp_1")
            self.follow("resp_1")
            self.socket.say(created("resp_2"), error("unsupported_value"))
            answer = self.post()
            self.socket.say(late)
            self.assertIsNone(answer.status)
            self.end("resp_3")
            self.assertEqual(answer.json["id"], "resp_3")
            self.socket.close()

    def test_a_spare_connection_that_is_too_old_is_replaced_unseen(self) -> None:
        """The client began a conversation; our connections are our business."""
        self.post()
        self.socket.say(error("unsupported_value"))
        answer = self.post()
        self.socket.say(error("websocket_connection_limit_reached"))
        self.end("resp_1")
        self.assertEqual(answer.status, 200)
        self.assertEqual([len(s.received) for s in self.sockets], [2, 1])

    def test_many_spares_of_an_old_login_are_no_trouble(self) -> None:
        """The quota ran out, and the operator changed the key."""
        environ = {"OPENAI_API_KEY": "sk-old"}
        self.configure(ApiKey("", environ), upstream__profile="openai")
        answers = [self.post() for _ in range(300)]
        for socket in self.sockets:
            socket.say(error("insufficient_quota", 429))
        self.assertEqual({answer.status for answer in answers}, {429})
        self.assertEqual(self.upstream.counts()["spare"], 300)
        environ["OPENAI_API_KEY"] = "sk-new"
        self.first_turn("resp_1")
        self.assertEqual(self.upstream.counts()["spare"], 0)

    def test_a_spare_connection_grows_old_like_any(self) -> None:
        """It is closed when nobody takes it."""
        self.post()
        self.socket.say(error("unsupported_value"))
        self.assertEqual(self.upstream.counts()["spare"], 1)
        self.wait(601)
        self.assertEqual(self.socket.closed, 1000)

    def test_a_new_login_does_not_use_the_old_ones_connection(self) -> None:
        """A spare connection is signed in as somebody."""
        environ = {"OPENAI_API_KEY": "sk-old"}
        self.configure(ApiKey("", environ), upstream__profile="openai")
        self.post()
        self.socket.say(error("unsupported_value"))
        environ["OPENAI_API_KEY"] = "sk-new"
        self.post()
        self.assertEqual([s.closed for s in self.sockets], [1000, None])
        self.assertEqual(self.socket.upgrade_headers["authorization"], "Bearer sk-new")

    def test_on_chatgpt_any_error_ends_the_connection(self) -> None:
        """That backend reads no more after it, not even a close frame."""
        self.configure(upstream__profile="chatgpt")
        self.post()
        self.socket.say(error("unsupported_value"))
        self.assertEqual(self.open_sockets, 0)
        self.assertEqual(set(self.upstream.counts().values()), {0})
