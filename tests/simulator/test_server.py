"""The simulator as those see it who run it."""

from __future__ import annotations

from chatmockd.simulator import server
from chatmockd.simulator.faults import Faults
from chatmockd.simulator.server import Simulator
from tests.simulator.wired import WiredTestCase


class SimulatorTests(WiredTestCase):
    """What it shows, and what it can be told."""

    def test_profile(self) -> None:
        """There are two."""
        self.assertRaises(ValueError, Simulator, self.clock, "azure")

    def test_bearer(self) -> None:
        """Only the given token is let in, when one is given."""
        self.simulator = Simulator(self.clock, bearer="secret")
        self.assertFalse(self.dial().opened)
        self.assertFalse(self.dial(headers={"Authorization": "Bearer x"}).opened)
        self.assertTrue(self.dial(headers={"Authorization": "Bearer secret"}).opened)

    def test_seen(self) -> None:
        """Each request with its connection and the headers of its upgrade."""
        first = self.connect(headers={"originator": "one"})
        second = self.connect(headers={"originator": "two"})
        for client in (first, second, first):
            client.ask("hello", client_metadata={"a": "b"})
        self.assertEqual([seen.connection for seen in self.simulator.seen], [1, 2, 1])
        seen = self.simulator.seen[1]
        self.assertEqual(seen.headers["originator"], "two")
        self.assertEqual(seen.body["client_metadata"], {"a": "b"})
        self.assertEqual(seen.body["type"], "response.create")

    def test_seen_is_bounded(self) -> None:
        """By number, and by size."""
        self.patch(server, "_MOST_SEEN", 3)
        self.patch(server, "_MOST_SEEN_BYTES", 10_000)
        client = self.connect()
        for number in range(5):
            client.ask(str(number))
        self.assertEqual([seen.body["input"] for seen in self.simulator.seen], [*"234"])
        client.ask("x" * 9_000)
        client.ask("y" * 2_000)
        self.assertEqual(len(self.simulator.seen), 1)

    def test_connections(self) -> None:
        """Those that are open, and how many there were."""
        clients = [self.connect(), self.connect()]
        self.assertEqual(
            {connection.number for connection in self.simulator.connections}, {1, 2}
        )
        clients[0].leave()
        self.assertEqual(
            {connection.number for connection in self.simulator.connections}, {2}
        )
        self.assertEqual(self.simulator.opened, 2)

    def test_faults_can_change(self) -> None:
        """For the turns that follow, by replacing them or in place."""
        client = self.connect()
        self.simulator.faults = Faults(failed="server_error", after=1)
        self.assertEqual(client.ask()[-1]["type"], "response.failed")
        self.simulator.faults.failed = None
        self.assertEqual(client.ask()[-1]["type"], "response.completed")

    def test_close_all(self) -> None:
        """With a code and a reason."""
        clients = [self.connect(), self.connect()]
        self.simulator.close_all(1012, "restart")
        for client in clients:
            client.flush()
            self.assertEqual(client.closed, (True, 1012, "restart"))
        self.assertEqual(self.simulator.connections, set())

    def test_drop_all(self) -> None:
        """Without a word."""
        client = self.connect()
        self.simulator.drop_all()
        client.flush()
        assert client.closed is not None
        self.assertEqual(client.closed[:2], (False, 1006))

    def test_saying_something_out_of_turn(self) -> None:
        """A connection may be told to say anything."""
        client = self.connect()
        (connection,) = self.simulator.connections
        connection.say({"type": "keepalive", "sequence_number": 0})
        client.flush()
        self.assertEqual(client.events[-1]["type"], "keepalive")


class StopTests(WiredTestCase):
    """The end of all connections."""

    def test_stop(self) -> None:
        """It waits for the last connection, be its upgrade answered or not."""
        client = self.connect()
        self.set(never_answer=True)
        waiting = self.dial()
        stopped = self.simulator.stop()
        client.flush()
        self.assertNoResult(stopped)
        waiting.flush()
        self.successResultOf(stopped)
        self.assertEqual(self.simulator.connections, set())

    def test_stop_when_idle(self) -> None:
        """Then there is nothing to wait for, and it may be said twice."""
        for _ in range(2):
            self.successResultOf(self.simulator.stop())
