"""Turns on one WebSocket: lanes, pace, its limit, and other messages."""

from __future__ import annotations

from tests.simulator.wired import Client, WiredTestCase, kinds

_TOLD = "Remember the token ALPHA-42."
_ASKED = "What token did I ask you to remember?"


class LaneTests(WiredTestCase):
    """Several turns on one socket."""

    def test_same_lane_in_order(self) -> None:
        """The second turn waits for the first."""
        self.set(pace_s=1.0)
        client = self.connect()
        client.create("Say one")
        client.create("Say two")
        self._wait(client, 30)
        self.assertEqual(kinds(client.events).count("response.completed"), 2)
        middle = kinds(client.events).index("response.completed")
        self.assertEqual(client.events[middle + 1]["type"], "response.created")

    def test_lanes_are_concurrent(self) -> None:
        """Events of different lanes come in between each other, with their names."""
        self.set(pace_s=1.0)
        client = self.connect()
        client.create("Say one", stream_id="a")
        client.create("Say two", stream_id="b")
        client.create("Say three")
        self._wait(client, 1)
        self.assertEqual(
            [event.get("stream_id") for event in client.events],
            ["a", "b", None] * 2,
        )

    def test_each_lane_remembers(self) -> None:
        """A fork leaves the response it came from alone."""
        client = self.connect()
        root = client.respond(_TOLD, store=False)
        fork = client.respond(
            "x", stream_id="a", previous_response_id=root["id"], store=False
        )
        for lane, previous in (("a", fork), (..., root)):
            said = client.text(
                _ASKED,
                stream_id=lane,
                previous_response_id=previous["id"],
                store=False,
            )
            self.assertIn("ALPHA-42", said)

    def test_a_failed_fork_leaves_its_parent(self) -> None:
        """Only a lane's own failure takes its response away."""
        client = self.connect()
        root = client.respond(_TOLD, store=False)["id"]
        event = client.ask(
            "x [[simulate: error]]", stream_id="a", previous_response_id=root
        )[-1]
        self.assertEqual(event["stream_id"], "a")
        self.assertIn("ALPHA-42", client.text(_ASKED, previous_response_id=root))

    def test_sixteen_at_a_time(self) -> None:
        """The seventeenth turn starts when one has ended."""
        self.set(silent=True, after=1)
        client = self.connect()
        for number in range(16):
            client.create(stream_id=f"l{number}")
        self.assertEqual(len(client.events), 16)
        client.create("17", stream_id="last")
        self.assertEqual(len(client.events), 16)

    def test_a_waiting_turn_starts(self) -> None:
        """As soon as there is room."""
        self.set(pace_s=1.0)
        client = self.connect()
        for number in range(17):
            client.create("Say x", stream_id=f"l{number}")
        self.assertEqual(len(client.events), 16)
        self._wait(client, 30)
        self.assertEqual(kinds(client.events).count("response.completed"), 17)

    def test_thirty_two_names(self) -> None:
        """The default lane does not count; known names stay usable."""
        client = self.connect()
        client.ask()
        for number in range(32):
            client.ask(stream_id=f"l{number}")
        error = client.error(stream_id="one.more")
        self.assertEqual(error["code"], "websocket_stream_limit_reached")
        self.assertEqual(client.ask(stream_id="l0")[-1]["type"], "response.completed")

    def _wait(self, client: Client, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            client.flush()


class PaceTests(WiredTestCase):
    """When events come."""

    def test_seconds_between_events(self) -> None:
        """The first comes at once."""
        self.set(pace_s=0.5)
        client = self.connect()
        self.assertEqual(len(client.ask("Say hi")), 1)
        self.clock.advance(0.5)
        client.flush()
        self.assertEqual(len(client.events), 2)

    def test_a_directive_sets_the_pace_of_its_turn(self) -> None:
        """The next turn is as fast as ever."""
        client = self.connect()
        self.assertEqual(len(client.ask("Say hi [[simulate: pace_s=0.5]]")), 1)
        for _ in range(20):
            self.clock.advance(0.5)
        client.flush()
        self.assertEqual(client.ask("Say hi")[-1]["type"], "response.completed")

    def test_a_peer_that_does_not_read(self) -> None:
        """Nothing is made while it does not read, and nothing is lost."""
        client = self.connect()
        (connection,) = self.simulator.connections
        connection.pause()
        self.assertEqual(client.ask("count to 100"), [])
        connection.resume()
        client.flush()
        self.assertEqual(client.events[-1]["type"], "response.completed")

    def test_timers_end_with_the_socket(self) -> None:
        """A client that leaves takes its turns along."""
        self.set(pace_s=1.0, max_age_s=3600.0)
        client = self.connect()
        client.create()
        self.assertTrue(self.clock.getDelayedCalls())
        client.leave()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.simulator.connections, set())


class LimitTests(WiredTestCase):
    """The connection limit."""

    def _at_its_limit(self, client: Client) -> None:
        self.assertEqual(
            client.events[-1]["error"]["code"], "websocket_connection_limit_reached"
        )
        self.assertEqual(client.closed, (True, 1000, None))

    def test_age(self) -> None:
        """An idle connection ends at its age."""
        self.set(max_age_s=3600.0)
        client = self.connect()
        client.ask()
        self.clock.advance(3599)
        client.flush()
        self.assertIsNone(client.closed)
        self.clock.advance(1)
        client.flush()
        self._at_its_limit(client)

    def test_age_within_a_turn(self) -> None:
        """A running turn may end first."""
        self.set(max_age_s=2.0, pace_s=1.0)
        client = self.connect()
        client.create("Say hi")
        for _ in range(20):
            self.clock.advance(1)
            client.flush()
        self.assertEqual(client.events[-2]["type"], "response.completed")
        self._at_its_limit(client)

    def test_idle(self) -> None:
        """So long after a turn, unless another one begins."""
        self.set(idle_limit_s=5.0)
        client = self.connect()
        client.ask()
        self.clock.advance(4)
        client.ask()
        self.clock.advance(4)
        client.flush()
        self.assertIsNone(client.closed)
        self.clock.advance(1)
        client.flush()
        self._at_its_limit(client)

    def test_as_an_error(self) -> None:
        """The fault closes as well."""
        client = self.connect()
        client.ask("x [[simulate: error=websocket_connection_limit_reached after=2]]")
        self._at_its_limit(client)

    def test_at_once(self) -> None:
        """A test may say when."""
        client = self.connect()
        (connection,) = self.simulator.connections
        connection.limit_reached()
        client.flush()
        self._at_its_limit(client)


class OtherMessageTests(WiredTestCase):
    """What is no C{response.create}."""

    def test_nonsense(self) -> None:
        """An error, and the connection lives."""
        client = self.connect()
        for message, binary in ((b"hello", False), (b"{}", False), (b"{}", True)):
            client.send(message, binary=binary)
        self.assertEqual([event["status"] for event in client.events], [400] * 3)
        self.assertEqual(client.text("Say hi"), "hi")
        self.assertEqual(len(self.simulator.seen), 1)

    def test_steering(self) -> None:
        """It is declined."""
        client = self.connect()
        client.send({"type": "response.steer", "previous_response_id": "r"})
        self.assertEqual(kinds(client.events), ["response.steer.failed"])
