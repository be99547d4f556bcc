"""Signing in with a browser, in memory."""

from __future__ import annotations

import errno
from typing import Any
from urllib.parse import parse_qs, urlsplit

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock

from chatmockd.account import login
from chatmockd.account.auth_file import Login
from chatmockd.account.login import PortTaken, pkce
from chatmockd.account.sign_in import SignInFailed
from chatmockd.simulator.accounts import challenge_of
from tests.account.simulated import SimulatedCase


class LoginTests(SimulatedCase):
    """What is listened on, for how long, and what is said when it cannot be."""

    def setUp(self) -> None:
        super().setUp()
        self.reactor = MemoryReactorClock()

    def begin(self) -> Deferred[Login]:
        return self.begun(
            login.sign_in(
                self.reactor,
                self.issuer,
                self.file,
                bind="127.0.0.1",
                port=1455,
                originator="chatmockd/test",
                show=self.show,
            )
        )

    def test_where_the_browser_is_waited_for(self) -> None:
        """On loopback, at the port that the issuer knows."""
        asking = self.begin()
        ((port, site, _, interface),) = self.reactor.tcpServers
        self.assertEqual((port, interface), (1455, "127.0.0.1"))
        query = parse_qs(urlsplit(self.shown[0]).query)
        self.assertEqual(query["originator"], ["chatmockd/test"])
        self.assertGreaterEqual(len(query["state"][0]), 32)
        asking.cancel()
        self.failureResultOf(asking, CancelledError)

    def test_nobody_comes(self) -> None:
        """A quarter of an hour is enough."""
        asking = self.begin()
        self.reactor.advance(899)
        self.assertNoResult(asking)
        self.reactor.advance(1)
        failure = self.failureResultOf(asking, SignInFailed)
        self.assertIn("within 15 minutes", str(failure.value))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_the_port_cannot_be_had(self) -> None:
        """Taken is one thing, anything else another."""
        for number, kind in (
            (errno.EADDRINUSE, PortTaken),
            (errno.EADDRNOTAVAIL, SignInFailed),
        ):

            def refuse(*_: Any, number: int = number, **__: Any) -> None:
                raise CannotListenError("127.0.0.1", 1455, OSError(number, "no"))

            self.patch(self.reactor, "listenTCP", refuse)
            problem = self.failureResultOf(self.begin(), kind).value
            self.assertIs(type(problem), kind)
            self.assertIn("1455", str(problem))
        self.assertEqual(self.shown, [])

    def test_pkce(self) -> None:
        """The challenge is that of the verifier, and neither comes twice."""
        verifier, challenge = pkce()
        self.assertEqual(challenge, challenge_of(verifier))
        self.assertGreaterEqual(len(verifier), 43)
        self.assertNotEqual(pkce()[0], verifier)
