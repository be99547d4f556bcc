"""Outgoing frames, held against Autobahn's reading of them."""

from __future__ import annotations

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.mask import masked_text

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)


class MaskedTextTests(SynchronousTestCase):
    """What a server makes of our frames."""

    def setUp(self) -> None:
        super().setUp()
        factory = WebSocketServerFactory(reactor=MemoryReactorClock())
        factory.setProtocolOptions(openHandshakeTimeout=0)
        self.server = WebSocketServerProtocol()
        self.server.factory = factory
        self.server.makeConnection(StringTransport())
        self.server.dataReceived(UPGRADE)
        self.heard: list[tuple[bytes, bool]] = []
        self.server.onMessage = lambda *message: self.heard.append(message)

    @given(st.text(max_size=200), st.binary(min_size=4, max_size=4))
    @example("", b"\0\0\0\0")
    @example("x" * 125, b"\xff\0\xff\0")
    @example("x" * 126, b"\1\2\3\4")
    @example("\0" * 65_535, b"\1\2\3\4")
    @settings(deadline=None)
    def test_any_message_arrives(self, text: str, key: bytes) -> None:
        """As one text message."""
        self.heard.clear()
        self.server.dataReceived(masked_text(text.encode(), key))
        self.assertEqual(self.heard, [(text.encode(), False)])

    def test_the_message_does_not_travel_in_the_clear(self) -> None:
        """Masking is there so that proxies do not take it for something else."""
        self.assertNotIn(b"GET / HTTP", masked_text(b"GET / HTTP/1.1", b"\1\2\3\4"))
