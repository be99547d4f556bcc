"""Which connection a turn gets, what becomes of it afterwards, and what clients see."""

from __future__ import annotations

from chatmockd.account.tokens import ApiKey
from chatmockd.errors import ShuttingDown
from tests.bridge import Answer, Bridge, completed, created, delta

NOT_FOUND = "previous_response_not_found"


def error(code: str, status: int = 400) -> dict[str, object]:
    """An C{error} event as api.openai.com sends it."""
    return {
        "type": "error",
        "status": status,
        "error": {"type": "invalid_request_error", "code": code, "message": "no"},
    }


class _Retained(Bridge):
    settings = {"upstream__profile": "openai"}

    def follow(self, marker: object, **more: object) -> Answer:
        return self.post(previous_response_id=marker, **more)

    def end(self, response_id: str) -> None:
        self.socket.say(created(response_id), completed(response_id))

    def assert_not_found(self, answer: Answer, marker: str) -> None:
        self.assert_error(answer, 400, NOT_FOUND)
        self.assertEqual(answer.error["type"], "invalid_request_error")
        self.assertEqual(answer.error["param"], "previous_response_id")
        self.assertIn(marker, answer.error["message"])
        # VS Code reads either place.
        self.assertEqual(answer.json["code"], NOT_FOUND)
        self.assertEqual(answer.json["message"], answer.error["message"])


class FollowUpTests(_Retained):
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


class RetainedAfterwardsTests(_Retained):
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


class AfterAnErrorTests(_Retained):
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


class CapacityTests(Bridge):
    """C{continuity.max_retained}."""

    settings = {"continuity__max_retained": "2", "upstream__profile": "openai"}

    def test_the_oldest_idle_connection_makes_room(self) -> None:
        """It is closed before a new one is dialled."""
        self.first_turn("resp_1")
        self.wait(1)
        self.first_turn("resp_2")
        self.first_turn("resp_3")
        self.assertEqual([s.closed for s in self.sockets], [1000, None, None])
        answer = self.post(previous_response_id="resp_1")
        self.assertEqual(answer.status, 400)

    def test_a_spare_one_goes_first(self) -> None:
        """It serves the new conversation itself."""
        self.first_turn("resp_1")
        self.post()
        self.socket.say(error("unsupported_value"))
        self.first_turn("resp_2")
        self.assertEqual(self.dials, 2)
        self.assertTrue(self.sockets[0].is_open)

    def test_all_in_use_is_503_without_dialling(self) -> None:
        """Running turns and attempts count."""
        self.post()
        self.hangs = True
        self.post()
        for streaming in (True, False):
            answer = self.post(stream=streaming)
            self.assert_error(answer, 503, "no_capacity")
            self.assertIn("retry-after", answer.headers)
        self.assertEqual(self.dials, 2)

    def test_room_comes_back(self) -> None:
        """From failed attempts, failed turns and clients that left."""
        self.refuse_connections()
        self.post()
        self.post().leave()
        self.post()
        self.socket.drop()
        self.assertEqual(set(self.upstream.counts().values()), {0})
        self.first_turn("resp_1")
        self.first_turn("resp_2")

    def test_follow_ups_need_no_room(self) -> None:
        """They have their connection."""
        self.first_turn("resp_1")
        self.first_turn("resp_2")
        answer = self.post(previous_response_id="resp_1")
        self.sockets[0].say(created("resp_3"), completed("resp_3"))
        self.assertEqual(answer.status, 200)


class OwnMistakeTests(Bridge):
    """A defect of ours between lease and answer."""

    def test_it_keeps_no_connection(self) -> None:
        """Capacity and socket are free again."""

        def broken(*args: object, **more: object) -> None:
            raise ZeroDivisionError

        self.patch(self.upstream, "turn_named", broken)
        answer = self.post()
        self.socket.say(created("resp_1"))
        self.assertEqual(answer.status, 502)
        self.assertEqual(set(self.upstream.counts().values()), {0})
        self.assertEqual(self.open_sockets, 0)
        self.flushLoggedErrors(ZeroDivisionError)


class CredentialsTests(Bridge):
    """Signing in upstream."""

    settings = {"upstream__profile": "openai"}

    def test_none_is_401_that_says_how_to_sign_in(self) -> None:
        """Streaming or not, before anything is dialled."""
        self.configure(ApiKey("", {}), upstream__profile="openai")
        for streaming in (True, False):
            answer = self.post(stream=streaming)
            self.assert_error(answer, 401, "credentials_missing")
            self.assertIn("OPENAI_API_KEY", answer.error["message"])
        self.assertEqual(self.dials, 0)

    def test_they_are_read_at_use(self) -> None:
        """A login while the daemon runs takes effect."""
        environ: dict[str, str] = {}
        self.configure(ApiKey("", environ), upstream__profile="openai")
        self.assertEqual(self.post().status, 401)
        environ["OPENAI_API_KEY"] = "sk-1"
        self.first_turn()
        self.assertEqual(self.socket.upgrade_headers["authorization"], "Bearer sk-1")

    def test_they_are_never_logged(self) -> None:
        """Whatever goes right or wrong."""
        self.first_turn("resp_1")
        self.post()
        self.socket.say(error("invalid_api_key", 401))
        self.refusals.append(401)
        answer = self.post()
        self.assertNotIn(b"sk-canary", answer.body)
        self.assertFalse([line for line in self.log if "sk-canary" in line])


class StoppingTests(Bridge):
    """How the factory ends."""

    settings = {"upstream__profile": "openai"}

    def test_no_turn_begins_any_more(self) -> None:
        """Idle connections are closed at once, running turns go on."""
        self.first_turn("resp_1")
        running = self.post()
        self.upstream.stop_leasing()
        self.pump()
        self.assertEqual([s.closed for s in self.sockets], [1000, None])
        for more in ({}, {"previous_response_id": "resp_1"}):
            answer = self.post(**more)
            self.assert_error(answer, 503, "shutting_down")
        self.socket.say(created("resp_2"), completed("resp_2"))
        self.assertEqual(running.status, 200)
        self.assertEqual(self.open_sockets, 0)

    def test_breaking_off_tells_every_client(self) -> None:
        """An error event in a stream, a status before one, also while dialling."""
        streaming = self.stream()
        self.socket.say(created("resp_1"))
        waiting = self.post()
        self.hangs = True
        dialling = self.stream()
        self.upstream.break_off(ShuttingDown())
        self.pump()
        self.assertEqual(streaming.kinds, ["response.created", "error"])
        self.assertTrue(streaming.ended)
        self.assert_error(waiting, 503, "shutting_down")
        self.assert_error(dialling, 503, "shutting_down")

    def test_stop_fires_when_all_transports_are_gone(self) -> None:
        """Each is closed with 1000."""
        self.first_turn("resp_1")
        self.first_turn("resp_2")
        gone = self.upstream.stop()
        self.assertNoResult(gone)
        self.pump()
        self.successResultOf(gone)
        self.assertEqual([s.closed for s in self.sockets], [1000, 1000])

    def test_stop_without_connections(self) -> None:
        """There is nothing to wait for."""
        self.successResultOf(self.upstream.stop())
