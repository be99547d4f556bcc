"""Turns over HTTP, and what goes wrong with them."""

from __future__ import annotations

import msgspec

from chatmockd.simulator.faults import Faults
from tests.core.cases import case
from tests.simulator.going_in import TURN, OriginCase


class WholeTests(OriginCase):
    """A turn without C{stream}."""

    def test_a_response_object(self) -> None:
        """That of the terminal event, with nothing around it."""
        status, said = self.ask("POST", "/v1/responses", TURN)
        self.assertEqual(status, 200)
        response = msgspec.json.decode(said)
        self.assertEqual(response["object"], "response")
        self.assertEqual(response["output"][-1]["content"][0]["text"], "hi")

    def test_damaged_frames(self) -> None:
        """They are events of a stream, of which there is none."""
        for malformed in ("json", "array", "untyped", "utf8"):
            with case(malformed=malformed):
                self.build(faults=Faults(malformed=malformed, after=2))
                self.assertEqual(self.ask("POST", "/v1/responses", TURN)[0], 200)

    def test_an_end_in_the_middle(self) -> None:
        """No half of a response is sent as if it were a whole one."""
        for faults in (Faults(close=1011, after=2), Faults(drop=True, after=2)):
            with case(faults=faults):
                self.build(faults=faults)
                browser = self.say_turn()
                self.assertEqual((browser.read, browser.gone), (b"", True))

    def test_silence(self) -> None:
        """It stays unanswered, until the client leaves."""
        self.build(faults=Faults(silent=True, after=2))
        browser = self.say_turn()
        self.assertEqual((browser.read, browser.gone), (b"", False))
        assert browser.transport is not None
        browser.transport.loseConnection()
        browser.pump.flush()
        self.assertTrue(browser.gone)
