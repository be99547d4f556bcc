"""How many connections there may be, as whom they sign in, and how they all end."""

from __future__ import annotations

from typing import NoReturn

from chatmockd.account.tokens import ApiKey
from chatmockd.errors import ShuttingDown
from tests.bridge import Bridge, completed, created
from tests.upstream.retained_bridge import error


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

    def test_an_attempt_that_cannot_even_be_begun(self) -> None:
        """It takes no room either, however often it is made."""

        def broken(users: object) -> NoReturn:
            raise RuntimeError("can't start new thread")

        patch = self.patch(self.upstream._endpoint, "connect", broken)
        for _ in range(3):
            answer = self.post()
            self.assert_error(answer, 502, "upstream_unreachable")
            self.assertIn("can't start new thread", answer.error["message"])
        self.assertEqual(set(self.upstream.counts().values()), {0})
        patch.restore()
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

    def test_a_connection_that_cannot_be_taken_back(self) -> None:
        """The client has its answer, and the connection goes."""

        def broken(*args: object, **more: object) -> NoReturn:
            raise ZeroDivisionError

        self.patch(self.upstream._table, "keep", broken)
        answer = self.post()
        self.socket.say(created("resp_1"), completed("resp_1"))
        self.assertEqual(answer.json["id"], "resp_1")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assert_all_gone()

    def test_a_connection_whose_loss_cannot_be_dealt_with(self) -> None:
        """It counts no more; the client is told what it is always told."""

        def broken(*args: object, **more: object) -> NoReturn:
            raise ZeroDivisionError

        self.patch(self.upstream, "turn_ended", broken)
        answer = self.stream()
        self.socket.say(created("resp_1"))
        self.assertRaises(ZeroDivisionError, self.socket.drop)
        self.pump()
        self.assertEqual(answer.events[-1][1]["code"], "upstream_disconnected")
        self.assert_all_gone()

    def assert_all_gone(self) -> None:
        """Nothing is left of any connection."""
        self.assertEqual(self.open_sockets, 0)
        self.assertEqual(set(self.upstream.counts().values()), {0})
        self.assertEqual(self.upstream._connections, {})


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
