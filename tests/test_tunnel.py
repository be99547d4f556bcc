"""Ways through a proxy, in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chatmockd.core.proxy import Proxy
from chatmockd.handover import Staged
from chatmockd.names import LookupFailed
from chatmockd.network import what_failed
from chatmockd.tunnel import TunnelFailed, TunnelStage
from tests.core.cases import case


class _User(Protocol):
    """Who wants the way through."""

    def __init__(self) -> None:
        self.got = b""
        self.lost = 0

    def dataReceived(self, data: bytes) -> None:
        self.got += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost += 1


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """The way to the proxy."""

    def __init__(self) -> None:
        self.attempt: Deferred[Any] = Deferred()
        self.protocol: Any = None

    def connect(self, factory: Any) -> Deferred[Any]:
        self.factory = factory
        return self.attempt


class TunnelTests(SynchronousTestCase):
    """The conversation with the proxy, and what comes of it."""

    def start(self, authorization: str | None = None, host: str = "api.test") -> None:
        """Ask for a way."""
        self.clock = Clock()
        self.endpoint = _Endpoint()
        self.user = _User()
        proxy = Proxy("p.test", 3128, authorization=authorization)

        def make(users: IProtocolFactory, done: Deferred[IProtocol]) -> TunnelStage:
            return TunnelStage(users, done, proxy, host, 443)

        staged = Staged(self.endpoint, make, self.clock, 10)
        self.way = staged.connect(Factory.forProtocol(lambda: self.user))

    def connect(self) -> None:
        """The proxy is there."""
        self.wire = StringTransport(IPv4Address("TCP", "10.0.0.1", 3128))
        self.protocol = self.endpoint.factory.buildProtocol(None)
        self.protocol.makeConnection(self.wire)
        self.endpoint.attempt.callback(self.protocol)

    def say(self, data: bytes) -> None:
        """The proxy, and whoever is behind it."""
        self.protocol.dataReceived(data)

    def refused(self) -> str:
        """Why there is no way, having made sure that the connection is cut."""
        failure = self.failureResultOf(self.way, TunnelFailed)
        phase, cause = what_failed("connect", failure.value)
        self.assertEqual(phase, "proxy")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return cause

    def test_a_way_through(self) -> None:
        """Bytes behind the answer are the host's; what is written goes straight."""
        self.start()
        self.connect()
        self.assertEqual(
            self.wire.value(),
            b"CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n",
        )
        for piece in (b"HT", b"TP/1.1 200 ok\r\nVia: x\r\n", b"\r\nhel"):
            self.say(piece)
        self.say(b"lo")
        self.assertIs(self.successResultOf(self.way), self.user)
        self.assertEqual(self.user.got, b"hello")
        self.assertIs(self.user.transport, self.wire)
        self.clock.advance(100)
        self.protocol.connectionLost(Failure(ConnectionRefusedError()))
        self.assertEqual(self.user.lost, 1)

    def test_credentials(self) -> None:
        """From the proxy's URL."""
        self.start("Basic abc", host="fd00::1")
        self.connect()
        self.assertIn(b"CONNECT [fd00::1]:443 HTTP/1.1", self.wire.value())
        self.assertIn(b"\r\nProxy-Authorization: Basic abc\r\n\r\n", self.wire.value())

    def test_refusals(self) -> None:
        """Each says what the proxy did."""
        for said, why in (
            (b"HTTP/1.1 407 x\r\n\r\n", "wants user name and password"),
            (b"HTTP/1.1 403 x\r\n\r\n", r"refused .* api.test:443 \(403 Forbidden\)"),
            (b"HTTP/1.0 502 x\r\n\r\n", "502 Bad Gateway"),
            (b"HTTP/1.1 799\r\n\r\n", "799 no known status"),
            (b"HTTP/1.1 abc\r\n\r\n", "is not HTTP"),
            (b"SSH-2.0-OpenSSH", "does not speak HTTP"),
            (b"HTTP/1.1 200 ok\r\n" + b"A: b\r\n" * 5000, "16384 bytes of headers"),
        ):
            with case(said=said[:30]):
                self.start()
                self.connect()
                self.say(said)
                self.assertRegex(self.refused(), f"p.test:3128: .*{why}")
                self.assertTrue(self.wire.disconnected)
                self.assertEqual(self.user.got, b"")

    def test_wrong_credentials(self) -> None:
        """And they are not in the error."""
        self.start("Basic canary")
        self.connect()
        self.say(b"HTTP/1.1 407 x\r\n\r\n")
        why = self.refused()
        self.assertIn("does not take the user name and password", why)
        self.assertNotIn("canary", why)

    def test_silence(self) -> None:
        """Before the proxy is there, and behind that."""
        for connects in (False, True):
            with case(connects=connects):
                self.start()
                if connects:
                    self.connect()
                self.clock.advance(10)
                self.assertIn("no answer within 10 s", self.refused())

    def test_nobody_there(self) -> None:
        """Which is told of the proxy, and not of the host behind it."""
        self.start()
        self.endpoint.attempt.errback(ConnectionRefusedError())
        self.assertIn("p.test:3128: Connection was refused", self.refused())

    def test_a_name_that_nobody_looks_up(self) -> None:
        """The look-up has as long as all of it, and knows better what was missing."""

        def too_late(result: object, seconds: float) -> None:
            raise LookupFailed(f"no answer within {seconds:g} s")

        attempt: Deferred[Any] = Deferred()
        self.patch(
            _Endpoint,
            "connect",
            lambda endpoint, factory: attempt.addTimeout(10, self.clock, too_late),
        )
        self.start()
        self.clock.advance(10)
        self.assertEqual(
            self.refused(), "p.test:3128: DNS lookup failed: no answer within 10 s"
        )

    def test_a_hang_up(self) -> None:
        """Without an answer."""
        self.start()
        self.connect()
        self.protocol.connectionLost(connectionDone)
        self.assertIn("closed the connection without an answer", self.refused())

    def test_giving_up(self) -> None:
        """Cancelling leaves nothing behind, however far it came."""
        for connects in (False, True):
            with case(connects=connects):
                self.start()
                if connects:
                    self.connect()
                self.way.cancel()
                self.assertTrue(self.failureResultOf(self.way))
                self.assertEqual(self.clock.getDelayedCalls(), [])
                if connects:
                    self.assertTrue(self.wire.disconnected)
