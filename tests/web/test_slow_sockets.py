"""Client WebSockets that read slowly, or not at all."""

from __future__ import annotations

from tests.bridge import completed, created, delta
from tests.core.cases import case
from tests.web.socket_client import SocketBridge, SocketClient


class BackPressureTests(SocketBridge):
    """Clients that read slowly, or not at all."""

    settings = {"upstream__profile": "openai", "upstream__idle_timeout_s": "60"}

    def stalled(self, **more: object) -> SocketClient:
        client = self.open()
        client.say(**more)
        self.socket.say(created("resp_1"))
        client.stall()
        return client

    def flood(self, number: int = 0) -> int:
        """Send until the bridge reads no more; return how many events that took."""
        socket = self.sockets[number]
        for count in range(1, 200):
            socket.say(delta("x" * 10_000, count))
            if socket.link.client_end.paused:
                return count
        self.fail("the upstream was never paused")

    def test_the_upstream_is_paused_and_nothing_is_lost(self) -> None:
        """In any mode; memory stays small, and all of it arrives."""
        for mode in ("retained", "durable", "off"):
            with case(mode=mode):
                self.configure(**self.settings, continuity__mode=mode)
                self.sockets.clear()
                client = self.stalled()
                count = self.flood()
                waiting = client.link.server_end.waiting()
                self.assertLess(waiting, 200_000)
                self.socket.say(delta("x" * 10_000, count + 1))
                self.assertEqual(client.link.server_end.waiting(), waiting)
                client.read_on()
                self.socket.say(completed("resp_1", count + 2))
                numbers = [event["sequence_number"] for event in client.events]
                self.assertEqual(numbers, list(range(count + 3)))

    def test_all_lanes_are_paused(self) -> None:
        """Also one that begins meanwhile; afterwards all arrive."""
        client = self.open()
        for lane in ("a", "b"):
            client.say(stream_id=lane)
            self.socket.say(created(f"resp_{lane}"))
        client.stall()
        self.flood(0)
        self.assertTrue(self.sockets[1].link.client_end.paused)
        client.say(stream_id="c")
        self.socket.say(created("resp_c"), delta("x" * 100_000, 1))
        self.assertTrue(self.sockets[2].link.client_end.paused)
        client.read_on()
        for number, lane in enumerate("abc"):
            self.sockets[number].say(completed(f"resp_{lane}", 300))
            self.assertEqual(client.lane(lane)[0], "response.created")
            self.assertEqual(client.lane(lane)[-1], "response.completed")

    def test_a_listener_that_catches_up(self) -> None:
        """In mode durable another one may have kept the turn going."""
        self.configure(**self.settings, continuity__mode="durable")
        client = self.stalled()
        other = self.ask(
            "GET", "/v1/responses/resp_1?stream=true", {"Accept": "text/event-stream"}
        )
        for number in range(1, 100):
            self.socket.say(delta("x" * 10_000, number))
        self.assertLess(client.link.server_end.waiting(), 200_000)
        self.socket.say(completed("resp_1", 100))
        self.assertTrue(other.ended)
        client.read_on()
        numbers = [event["sequence_number"] for event in client.events]
        self.assertEqual(numbers, list(range(101)))

    def test_one_that_reads_nothing_is_given_up(self) -> None:
        """After C{upstream.idle_timeout_s}, and not for want of pongs."""
        client = self.stalled()
        self.flood()
        self.wait(55)
        self.assertFalse(client.link.cut)
        self.wait(10)
        self.assertTrue(client.link.cut)
        self.assertEqual(self.open_sockets, 0)

    def test_one_that_reads_slowly_is_not(self) -> None:
        """It takes ten minutes over a picture, but it takes it."""
        client = self.stalled()
        self.socket.say(delta("x" * 300_000, 1))
        for _ in range(12):
            self.wait(50)
            client.link.server_end.trickle(20_000)
        client.read_on()
        self.socket.say(completed("resp_1", 2))
        self.assertEqual(client.kinds[-1], "response.completed")

    def test_pings_without_reading(self) -> None:
        """Only the last one is answered, when there is room again."""
        client = self.stalled()
        self.flood()
        for number in range(10_000):
            client.parser.send_ping(b"%d" % number)
        client.flush()
        self.pump()
        self.assertLess(client.link.server_end.waiting(), 200_000)
        client.read_on()
        self.assertEqual(client.pongs, [b"9999"])

    def test_refusals_without_reading(self) -> None:
        """When a mebibyte of them waits, nothing more is read."""
        client = self.open()
        client.stall()
        for _ in range(2000):
            for _ in range(30):
                client.parser.send_text(b"{")
            client.flush()
            self.pump()
            if client.link.server_end.paused:
                break
        self.assertTrue(client.link.server_end.paused)
        self.assertLess(client.link.server_end.waiting(), 1_200_000)
        client.read_on()
        self.assertFalse(client.link.server_end.paused)
        client.say()
        self.assertEqual(self.dials, 1)
        self.wait(100)
        self.assertFalse(client.lost)

    def test_too_much_waits(self) -> None:
        """No more is read until some has run."""
        self.configure(**self.settings, upstream__first_event_timeout_s="0")
        client = self.open()
        for number in range(70):
            client.say(stream_id=f"lane-{number % 2}")
        self.assertTrue(client.link.server_end.paused)
        self.wait(120)
        self.assertFalse(client.link.cut)
        for number in range(3):
            self.answer_socket(2 * number, f"resp_{number}_0")
            self.answer_socket(2 * number + 1, f"resp_{number}_1")
        self.assertFalse(client.link.server_end.paused)
        client.close()
        self.assertTrue(client.lost)
