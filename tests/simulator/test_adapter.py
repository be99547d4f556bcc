"""The seam to Autobahn: handshakes, limits and failures of our own."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.testing import MemoryReactorClock
from twisted.test.iosim import makeFakeServer

from chatmockd.simulator.adapter import MAX_MESSAGE_BYTES
from chatmockd.simulator.server import Simulator
from tests.simulator.wired import WiredTestCase


class HandshakeTests(WiredTestCase):
    """Upgrades."""

    def _status(self, **options: Any) -> str:
        client = self.dial(**options)
        self.assertFalse(client.opened)
        line: str = client.protocol.http_status_line
        return line

    def test_both_profiles(self) -> None:
        """Each has its path, and sends no surprise."""
        for profile in ("openai", "chatgpt"):
            client = self.connect(simulator=Simulator(self.clock, profile))
            self.assertEqual(client.text("Say hi"), "hi")

    def test_refused(self) -> None:
        """With the status, headers and body of the fault."""
        self.set(refuse=429, refuse_headers={"retry-after": "7"})
        client = self.dial()
        self.assertIn("429 Too Many Requests", client.protocol.http_status_line)
        self.assertEqual(client.protocol.http_headers["retry-after"], "7")
        self.assertIsNotNone(client.closed)
        self.assertEqual((self.simulator.opened, len(self.simulator.seen)), (0, 0))

    def test_every_status(self) -> None:
        """Those that were seen upstream."""
        for status in (401, 403, 404, 426, 429, 503):
            self.set(refuse=status)
            self.assertIn(f" {status} ", self._status())

    def test_never_answered(self) -> None:
        """The client waits for ever."""
        self.set(never_answer=True)
        client = self.dial()
        self.clock.advance(3600)
        client.flush()
        self.assertEqual((client.opened, client.closed), (False, None))
        client.leave()

    def test_path(self) -> None:
        """Elsewhere there is nothing."""
        self.assertIn("404", self._status(path="/v1/chat/completions"))

    def test_plain_http(self) -> None:
        """A request without an upgrade gets an error, as JSON."""
        for request, status in (
            (b"GET /v1/responses HTTP/1.1\r\nHost: x\r\n\r\n", b"426"),
            (b"POST /v1/responses HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
        ):
            protocol = self.simulator.factory.buildProtocol(None)
            transport = makeFakeServer(protocol)
            protocol.makeConnection(transport)
            protocol.dataReceived(request)
            head, _, body = transport.getOutBuffer().partition(b"\r\n\r\n")
            self.assertTrue(head.startswith(b"HTTP/1.1 " + status))
            self.assertIn("message", msgspec.json.decode(body)["error"])
            self.assertTrue(transport.disconnecting)


class MessageTests(WiredTestCase):
    """Messages and control frames."""

    def test_too_large(self) -> None:
        """More than 16 MiB is answered with close 1009."""
        client = self.connect()
        client.send(b" " * (MAX_MESSAGE_BYTES + 1))
        assert client.closed is not None
        self.assertEqual(client.closed[:2], (True, 1009))

    def test_just_not_too_large(self) -> None:
        """16 MiB are read."""
        client = self.connect()
        client.send(b" " * MAX_MESSAGE_BYTES)
        self.assertEqual(client.events[-1]["type"], "error")

    def test_ping(self) -> None:
        """Every ping has its pong, within a turn as well."""
        pongs: list[bytes] = []
        client = self.connect()
        client.protocol.onPong = pongs.append
        client.create("x [[simulate: silent after=2]]")
        client.protocol.sendPing(b"are you there")
        client.flush()
        self.assertEqual(pongs, [b"are you there"])

    def test_the_client_closes(self) -> None:
        """The closing handshake is answered, also while a turn runs."""
        self.set(pace_s=1.0)
        client = self.connect()
        client.create()
        client.protocol.sendClose(1000)
        client.flush()
        self.assertEqual(client.closed, (True, 1000, None))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_peer_that_never_closes(self) -> None:
        """It is dropped some seconds after our close frame."""
        client = self.connect()
        self.simulator.close_all()
        client.protocol.onCloseFrame = lambda code, reason: None
        client.flush()
        self.assertIsNone(client.closed)
        self.clock.advance(5)
        client.flush()
        self.assertIsNotNone(client.closed)

    def test_our_own_mistakes(self) -> None:
        """An exception is logged and ends the connection; no client waits for it."""
        client = self.connect()
        schema = {"type": "array", "minItems": "many"}
        tool = {"type": "function", "name": "broken_tool", "parameters": schema}
        client.create("broken_tool", tools=[tool])
        self.assertIsNotNone(client.closed)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class FactoryTests(WiredTestCase):
    """The factory on its own."""

    def test_quiet(self) -> None:
        """It says nothing about starting and stopping."""
        self.assertFalse(self.simulator.factory.noisy)

    def test_no_timers_of_autobahn(self) -> None:
        """Only the given clock is used, and only when there is a reason."""
        clock = MemoryReactorClock()
        self.simulator = Simulator(clock)
        silent = self.simulator.factory.buildProtocol(None)
        silent.makeConnection(makeFakeServer(silent))
        self.assertEqual(clock.getDelayedCalls(), [])
        client = self.connect()
        client.ask()
        self.assertEqual(clock.getDelayedCalls(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
