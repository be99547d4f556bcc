"""Stopping: no turn is lost that can be finished, and nothing waits for ever."""

from __future__ import annotations

import signal
import socket
import time

from tests.end_to_end.client import Client, Event, events_in, text_of
from tests.end_to_end.place import Daemon, PlacedTests

SLOW = "[[simulate: pace_s=0.03]] Count to 10."
ENDLESS = "[[simulate: pace_s=0.05]] Count to 2000."
PROMPT = 4.0  # seconds within which a daemon is gone that has nothing to wait for


class _StoppingTests(PlacedTests):
    def begin(self, daemon: Daemon, text: str) -> Client:
        """A client with a stream that has begun."""
        client = self.enterContext(Client(daemon.port))
        client.stream(text).until("response.output_text.delta")
        return client

    def stop(self, daemon: Daemon, number: int = signal.SIGTERM) -> None:
        """Send the signal, and wait until it has been taken."""
        daemon.send(number)
        daemon.log_line("stopping;")

    def assert_ends_well(self, daemon: Daemon, seconds: float = PROMPT) -> None:
        """The process ends by itself, soon, with status 0."""
        begun = time.monotonic()
        self.assertEqual(daemon.exit_status(), 0)
        self.assertLess(time.monotonic() - begun, seconds)
        self.assertIn("stopped", daemon.log)

    def assert_broken_off(self, events: list[Event]) -> None:
        """The stream ends with an error event that says why."""
        self.assertEqual(events[-1]["type"], "error", events[-1])
        self.assertEqual(events[-1]["code"], "shutting_down")
        self.assertEqual(events[-1]["error"]["code"], "shutting_down")
        self.assertNotIn("response.completed", [event["type"] for event in events])


class DrainTests(_StoppingTests):
    """Time enough: running turns end as if nothing had happened."""

    def test_a_running_stream(self) -> None:
        """A stream goes on to response.completed and its last byte; exit status 0."""
        daemon = self.place.start()
        client = self.begin(daemon, SLOW)
        self.stop(daemon)
        events = list(client.events())
        self.assertEqual(events[-1]["type"], "response.completed")
        self.assertTrue(client.ended)
        self.assertTrue(client.is_closed())
        self.assert_ends_well(daemon)

    def test_a_running_json_answer(self) -> None:
        """A client that waits for JSON gets it."""
        daemon = self.place.start()
        waiting = self.enterContext(Client(daemon.port)).post(input=SLOW)
        # The second one's answer shows that the first one's turn has begun as well.
        self.begin(daemon, SLOW)
        self.stop(daemon)
        self.assertEqual(waiting.json()["status"], "completed")
        self.assertEqual(waiting.status, 200)
        self.assert_ends_well(daemon)

    def test_a_slow_reader(self) -> None:
        """A client that has megabytes left to read gets to read them."""
        daemon = self.place.start()
        slow = self.enterContext(Client(daemon.port, receive_buffer=4096))
        slow.stream("[[simulate: event_bytes=3000000]] Say hello.")
        self.assertEqual(slow.status, 200)
        self.stop(daemon)
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000)
        events = events_in(slow.body())
        self.assertEqual(events[-1]["type"], "response.completed")
        self.assertGreater(len(text_of(events[-1]["response"])), 3_000_000)
        self.assert_ends_well(daemon)

    def test_new_connections(self) -> None:
        """Meanwhile nobody new can connect."""
        daemon = self.place.start()
        client = self.begin(daemon, SLOW)
        self.stop(daemon)
        with self.assertRaises(ConnectionRefusedError):
            Client(daemon.port)
        self.assertEqual(list(client.events())[-1]["type"], "response.completed")
        self.assert_ends_well(daemon)

    def test_new_turns_on_an_old_connection(self) -> None:
        """A connection from before gets 503 for a new turn, and for its health."""
        daemon = self.place.start()
        early = self.enterContext(Client(daemon.port))
        self.assertEqual(early.ask("GET", "/health").json(), {"status": "ok"})
        client = self.begin(daemon, SLOW)
        self.stop(daemon)
        for ask in (early.post, lambda: early.ask("GET", "/health")):
            error = ask().json()["error"]
            self.assertEqual((early.status, error["code"]), (503, "shutting_down"))
        self.assertEqual(list(client.events())[-1]["type"], "response.completed")
        self.assert_ends_well(daemon)

    def test_idle_connections(self) -> None:
        """A connection that is kept alive and idle does not keep the daemon alive."""
        daemon = self.place.start()
        idle = self.enterContext(Client(daemon.port))
        self.assertEqual(idle.ask("GET", "/health").json(), {"status": "ok"})
        silent = self.enterContext(Client(daemon.port))
        self.stop(daemon)
        self.assertTrue(idle.is_closed())
        self.assertTrue(silent.is_closed())
        self.assert_ends_well(daemon)

    def test_a_retained_upstream_connection(self) -> None:
        """Neither does an upstream connection that waits for a follow-up."""
        daemon = self.place.start()
        with Client(daemon.port) as client:
            client.post().json()
        self.stop(daemon)
        self.assert_ends_well(daemon)

    def test_control_c(self) -> None:
        """Ctrl-C in the foreground does the same as SIGTERM."""
        daemon = self.place.start()
        client = self.begin(daemon, SLOW)
        self.stop(daemon, signal.SIGINT)
        self.assertEqual(list(client.events())[-1]["type"], "response.completed")
        self.assert_ends_well(daemon)

    def test_the_terminal_is_closed(self) -> None:
        """That does the same, also when both shell and system tell of it."""
        daemon = self.place.start()
        client = self.begin(daemon, SLOW)
        self.stop(daemon, signal.SIGHUP)
        daemon.send(signal.SIGHUP)
        self.assertEqual(list(client.events())[-1]["type"], "response.completed")
        self.assert_ends_well(daemon)


class ImpatientTests(_StoppingTests):
    """Too little time: the rest is ended, and told so."""

    def test_a_stream_that_takes_too_long(self) -> None:
        """After server.drain_s a stream ends with an error event, in good order."""
        daemon = self.place.start("server.drain_s=0.3")
        client = self.begin(daemon, ENDLESS)
        self.stop(daemon)
        self.assert_broken_off(list(client.events()))
        self.assertTrue(client.ended)
        self.assert_ends_well(daemon)

    def test_a_json_answer_that_takes_too_long(self) -> None:
        """A client that waits for JSON gets a 503 and when to come back."""
        daemon = self.place.start("server.drain_s=0.3")
        waiting = self.enterContext(Client(daemon.port)).post(input=ENDLESS)
        self.begin(daemon, ENDLESS)
        self.stop(daemon)
        error = waiting.json()["error"]
        self.assertEqual((waiting.status, error["code"]), (503, "shutting_down"))
        self.assertIn("retry-after", waiting.headers)
        self.assert_ends_well(daemon)

    def test_a_second_signal(self) -> None:
        """A second SIGTERM is now: still an error event, still exit status 0."""
        daemon = self.place.start("server.drain_s=60")
        client = self.begin(daemon, ENDLESS)
        self.stop(daemon)
        daemon.send(signal.SIGTERM)
        self.assert_broken_off(list(client.events()))
        self.assertTrue(client.ended)
        self.assert_ends_well(daemon)

    def test_control_c_twice(self) -> None:
        """So is a second Ctrl-C."""
        daemon = self.place.start("server.drain_s=60")
        client = self.begin(daemon, ENDLESS)
        self.stop(daemon, signal.SIGINT)
        daemon.send(signal.SIGINT)
        self.assert_broken_off(list(client.events()))
        self.assert_ends_well(daemon)

    def test_a_client_that_reads_nothing(self) -> None:
        """A client that reads nothing holds nothing up for more than a few seconds."""
        daemon = self.place.start("server.drain_s=0.3")
        stalled = self.enterContext(Client(daemon.port, receive_buffer=4096))
        stalled.stream("[[simulate: event_bytes=4000000]] Say hello.")
        self.assertEqual(stalled.status, 200)
        self.stop(daemon)
        self.assert_ends_well(daemon, 12)

    def test_a_client_that_reads_nothing_and_a_second_signal(self) -> None:
        """With a second signal not even that."""
        daemon = self.place.start("server.drain_s=60")
        stalled = self.enterContext(Client(daemon.port, receive_buffer=4096))
        stalled.stream("[[simulate: event_bytes=4000000]] Say hello.")
        self.assertEqual(stalled.status, 200)
        self.stop(daemon)
        daemon.send(signal.SIGTERM)
        self.assert_ends_well(daemon)

    def test_an_upload_that_never_ends(self) -> None:
        """Neither does a client that never finishes its request."""
        daemon = self.place.start("server.drain_s=0.3")
        slow = self.enterContext(Client(daemon.port))
        slow.socket.sendall(
            b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        self.begin(daemon, SLOW)
        self.stop(daemon)
        self.assert_ends_well(daemon, 12)
