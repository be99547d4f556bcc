"""Every fault of a turn as a client sees it."""

from __future__ import annotations

from tests.simulator.wired import WiredTestCase


class FaultTests(WiredTestCase):
    """Faults as a client sees them."""

    def test_close(self) -> None:
        """A close frame with any code, before, within and behind the turn."""
        whole = len(self.connect().ask("Say hi"))
        for after, got in ((0, 0), (3, 3), (whole - 1, whole - 1), (999, whole)):
            self.set(close=1011, reason="broken", after=after)
            client = self.connect()
            self.assertEqual(len(client.ask("Say hi")), got)
            self.assertEqual(client.closed, (True, 1011, "broken"))

    def test_close_without_a_code(self) -> None:
        """1005 stands for no code."""
        self.set(close=1005)
        client = self.connect()
        client.ask()
        self.assertEqual(client.closed, (True, None, None))

    def test_drop(self) -> None:
        """The events before it arrive, a close frame does not."""
        self.set(drop=True, after=2)
        client = self.connect()
        self.assertEqual(len(client.ask()), 2)
        assert client.closed is not None
        self.assertEqual(client.closed[:2], (False, 1006))

    def test_silence(self) -> None:
        """Nothing comes any more, and nothing ends."""
        for after in (0, 4):
            self.set(silent=True, after=after)
            client = self.connect()
            self.assertEqual(len(client.ask()), after)
            self.clock.advance(3600)
            client.flush()
            self.assertEqual(len(client.messages), after)
            self.assertIsNone(client.closed)
            self.assertEqual(client.ask("again"), [])

    def test_unusable_messages(self) -> None:
        """Malformed and binary ones arrive as such, and the turn goes on."""
        self.set(malformed="json", binary=True, after=1)
        client = self.connect()
        client.create("Say hi")
        self.assertEqual(client.messages[1][1], False)
        self.assertEqual(client.messages[2][1], True)
        self.assertIn(b"response.completed", client.messages[-1][0])

    def test_invalid_utf8(self) -> None:
        """A client that looks closes with 1007."""
        self.set(malformed="utf8")
        client = self.connect()
        client.protocol.failByDrop = False
        client.create("Say hi")
        self.assertIsNotNone(client.closed)

    def test_error_shapes(self) -> None:
        """All shapes reach the client."""
        for shape in ("nested", "flat", "detail", "status_code", "body"):
            self.set(error="server_error", shape=shape, message="no", after=2)
            events = self.connect().ask()
            self.assertEqual(len(events), 3)
            self.assertEqual(events[-1]["type"], "error")
            self.assertIn("no", str(events[-1]))

    def test_error_headers(self) -> None:
        """A limit tells when it ends."""
        self.set(error="rate_limit_exceeded", error_headers={"retry-after": "3"})
        (event,) = self.connect().ask()
        self.assertEqual(event["headers"], {"retry-after": "3"})

    def test_fragments(self) -> None:
        """Messages come in small frames and are the same messages."""
        self.set(fragment_bytes=100)
        client = self.connect()
        self.assertEqual(client.ask("Say hi")[-1]["type"], "response.completed")
        self.assertEqual(max(client.frames), 100)
        self.assertGreater(len(client.frames), len(client.messages) * 2)

    def test_large_events(self) -> None:
        """Beyond 16 MiB, the limit of what comes in."""
        self.set(event_bytes=17 * 1024 * 1024, after=5, drop=True)
        client = self.connect()
        client.create("Say hi")
        self.assertGreater(len(client.messages[-1][0]), 17 * 1024 * 1024)

    def test_trailing(self) -> None:
        """Frames behind the end are numbered on."""
        self.set(trailing=2)
        events = self.connect().ask("Say hi")
        numbers = [event["sequence_number"] for event in events]
        self.assertEqual(numbers, list(range(len(events))))
        self.assertEqual(events[-3]["type"], "response.completed")

    def test_a_directive_is_for_one_turn(self) -> None:
        """The next turn behaves well again."""
        client = self.connect()
        first = client.ask("Say hi [[simulate: failed=server_is_overloaded after=2]]")
        self.assertEqual(first[-1]["type"], "response.failed")
        self.assertEqual(client.text("Say hi"), "hi")

    def test_a_directive_that_is_no_good(self) -> None:
        """An error 400 which names the known settings."""
        error = self.connect().error("Say hi [[simulate: explode]]")
        self.assertEqual(error["code"], "invalid_directive")
        self.assertIn("silent", error["message"])
