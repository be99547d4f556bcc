"""Which endpoints stay on this machine."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.exposure import beyond_loopback, is_loopback, port_of
from tests.core.cases import case


class BeyondLoopbackTests(SynchronousTestCase):
    """Read from an endpoint description, before anything listens."""

    def test_staying_here(self) -> None:
        """Loopback interfaces, wherever they stand, and sockets of the file system."""
        for description in (
            "tcp:8000:interface=127.0.0.1",
            "tcp:interface=127.0.0.1:port=8000",
            "tcp:8000:127.0.0.1",
            "tcp:port=8000:backlog=5:interface=localhost",
            "tcp:0:interface=127.255.255.254",
            "tcp6:8000:interface=\\:\\:1",
            "tcp6:8000:50:\\:\\:1",
            "ssl:443:key.pem:cert.pem:TLSv1_2_METHOD:127.0.0.1",
            "ssl:443:privateKey=key.pem:interface=127.0.0.1",
            "unix:/run/chatmockd.sock",
            "unix:address=/run/x:mode=600",
            "systemd:domain=INET:index=0",
        ):
            with case(description=description):
                self.assertIsNone(beyond_loopback(description))

    def test_leaving(self) -> None:
        """The reason is a clause for an error message."""
        for description, reason in (
            ("tcp:8000", "listens on all interfaces"),
            ("tcp:port=8000", "listens on all interfaces"),
            ("tcp:8000:interface=", "listens on all interfaces"),
            ("tcp:8000:interface=0.0.0.0", "listens on 0.0.0.0"),
            ("tcp:8000:0.0.0.0", "listens on 0.0.0.0"),
            ("tcp:8000:interface=192.168.1.5", "listens on 192.168.1.5"),
            ("tcp:8000:interface=mybox.lan", "listens on mybox.lan"),
            ("tcp:interface=127.0.0.1:8000:10.0.0.1", "listens on 10.0.0.1"),
            ("tcp6:8000", "listens on all interfaces"),
            ("tcp6:8000:interface=\\:\\:", "listens on ::"),
            ("tcp6:8000:interface=fe80\\:\\:1", "listens on fe80::1"),
            ("ssl:443", "listens on all interfaces"),
            ("ssl:443:127.0.0.1", "listens on all interfaces"),
            ("ssl:443:key.pem:cert.pem:127.0.0.1", "listens on all interfaces"),
            ("tcp:8000:interface=127.0.0.1:interface=0.0.0.0", "listens on 0.0.0.0"),
            ("", "is of the kind '', which may listen anywhere"),
            ("fd:3", "is of the kind 'fd', which may listen anywhere"),
            (
                "haproxy:tcp:8000:interface=127.0.0.1",
                "is of the kind 'haproxy', which may listen anywhere",
            ),
            ("TCP:8000", "is of the kind 'TCP', which may listen anywhere"),
        ):
            with case(description=description):
                self.assertEqual(beyond_loopback(description), reason)

    def test_as_twisted_understands_it(self) -> None:
        """It is Twisted that will listen, so its reading of a description counts."""
        for description in (
            "tcp:8000",
            "tcp:8000:127.0.0.1",
            "tcp:8000:10.0.0.1:50",
            "tcp:interface=127.0.0.1:8000:10.0.0.1",
            "tcp:interface=127.0.0.1:port=8000",
            "tcp:8000:interface=10.0.0.1:interface=127.0.0.1",
            "tcp:8000:127.0.0.1:interface=10.0.0.1",
            "tcp:port=8000:127.0.0.1",
            "tcp:8000:interface=127.0.0\\.1",
            "tcp6:8000",
            "tcp6:8000:50",
            "tcp6:8000:50:\\:\\:1",
            "tcp6:8000:50:\\:\\:",
            "tcp6:8000:\\:\\:1",
            "tcp6:8000:interface=\\:\\:",
        ):
            reactor = MemoryReactor()
            try:
                serverFromString(reactor, description).listen(Factory())
            except (TypeError, ValueError):
                continue  # Twisted does not understand it at all
            ((port, _, _, interface),) = reactor.tcpServers
            with case(description=description, interface=interface):
                stays = beyond_loopback(description) is None
                self.assertEqual(stays, is_loopback(interface))
                if port == 8000:
                    self.assertEqual(port_of(description), port)

    @given(st.text(alphabet="tcp6ssl:=\\interface0.1 ", max_size=40))
    @settings(max_examples=100, deadline=None)
    def test_any_description(self, description: str) -> None:
        """Whatever is typed there, the answer is a reason or none."""
        reason = beyond_loopback(description)
        self.assertTrue(reason is None or reason)
        self.assertGreaterEqual(port_of(description), 0)


class PortOfTests(SynchronousTestCase):
    """The port that a description names."""

    def test_ports(self) -> None:
        """Nought where there is none, or none that is a number."""
        for description, port in (
            ("tcp:8000:interface=127.0.0.1", 8000),
            ("tcp:interface=127.0.0.1:port=8000", 8000),
            ("tcp:interface=127.0.0.1:8000", 8000),
            ("tcp6:70000", 70_000),
            ("ssl:443:key.pem", 443),
            ("tcp:0", 0),
            ("tcp:http", 0),
            ("tcp:port=", 0),
            ("tcp", 0),
            ("unix:8000", 0),
            ("systemd:domain=INET:index=5", 0),
        ):
            with case(description=description):
                self.assertEqual(port_of(description), port)


class IsLoopbackTests(SynchronousTestCase):
    """Names and addresses that can only be this machine."""

    def test_loopback(self) -> None:
        """The one name, and both families of addresses."""
        for host in (
            "localhost",
            "LOCALHOST",
            "localhost.",
            "127.0.0.1",
            "127.1.2.3",
            "::1",
            "[::1]",
        ):
            with case(host=host):
                self.assertTrue(is_loopback(host))

    def test_not_loopback(self) -> None:
        """Whatever might resolve to something else."""
        for host in (
            "",
            "0.0.0.0",
            "::",
            "10.0.0.1",
            "localhost.localdomain",
            "127.0.0.1.nip.io",
            "127.1",
            "127.0.0.1/8",
            "::ffff:10.0.0.1",
            "localhost..",
        ):
            with case(host=host):
                self.assertFalse(is_loopback(host))
