"""Which requests become WebSockets."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.handshake import (
    BadHandshake,
    Handshake,
    UpgradeRequired,
    checked_key,
)
from tests.core.cases import case

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
GOOD = Handshake(
    method="GET",
    protocol="HTTP/1.1",
    upgrade=["websocket"],
    connection=["Upgrade"],
    version=["13"],
    key=[KEY],
)


class HandshakeTests(SynchronousTestCase):
    """RFC 6455, section 4.2.1."""

    def test_good_ones(self) -> None:
        """Tokens may be in any case, and among others."""
        for handshake in (
            GOOD,
            replace(GOOD, upgrade=["WebSocket"], connection=["keep-alive, Upgrade"]),
            replace(GOOD, connection=["keep-alive", "upgrade"], key=[f" {KEY} "]),
        ):
            with case(handshake=handshake):
                self.assertEqual(checked_key(handshake), KEY)

    def test_ordinary_requests(self) -> None:
        """They are told what there is here."""
        for handshake in (
            replace(GOOD, upgrade=[]),
            replace(GOOD, upgrade=["h2c"]),
            replace(GOOD, method="HEAD"),
        ):
            with case(handshake=handshake):
                error = self.assertRaises(UpgradeRequired, checked_key, handshake)
                self.assertEqual(error.status, 426)
                self.assertEqual(error.headers()["upgrade"], "websocket")

    def test_bad_ones(self) -> None:
        """Something is missing, doubled, wrong or too much."""
        for handshake in (
            replace(GOOD, protocol="HTTP/1.0"),
            replace(GOOD, connection=[]),
            replace(GOOD, connection=["keep-alive"]),
            replace(GOOD, version=[]),
            replace(GOOD, version=["8"]),
            replace(GOOD, version=["13", "13"]),
            replace(GOOD, key=[]),
            replace(GOOD, key=[KEY, KEY]),
            replace(GOOD, key=[""]),
            replace(GOOD, key=["dGhlIHNhbXBsZQ=="]),
            replace(GOOD, key=["!" * 22 + "=="]),
            replace(GOOD, key=["ä" * 22 + "=="]),
            replace(GOOD, has_body=True),
        ):
            with case(handshake=handshake):
                error = self.assertRaises(BadHandshake, checked_key, handshake)
                self.assertEqual(error.status, 400)
                self.assertEqual(error.headers()["sec-websocket-version"], "13")
