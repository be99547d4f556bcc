"""Our own HTTP calls, and what is left of those that come to nothing."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from chatmockd.network import HttpConnections
from chatmockd.outbound import Answered, HttpOutbound, Unreachable
from tests.core.cases import case
from tests.http_bridge import HttpBridge, Network


class _OneWay:
    """A L{chatmockd.network.Network} that leads to the bridge's upstream."""

    def __init__(self, bridge: HttpBridge) -> None:
        self._bridge = bridge

    def http_agent(self, connect_timeout: float) -> HttpConnections:
        network: Any = Network(self._bridge)
        return HttpConnections(network, self._bridge.clock, connect_timeout, 0)


class CallTests(HttpBridge):
    """One call."""

    def call(self) -> Deferred[Answered]:
        """Ask, for ten seconds at most, for answers of up to 100 bytes."""
        network: Any = _OneWay(self)
        outbound = HttpOutbound(self.clock, network, most=100)
        asking = outbound.call("GET", "http://upstream.test/models", timeout=10)
        answered: Deferred[Answered] = Deferred.fromCoroutine(asking)
        self.pump()
        return answered

    def test_an_answer(self) -> None:
        """It is read to its end, and the connection is closed."""
        for body in (b"{}", b""):
            with case(body=body):
                answered = self.call()
                self.request.refuse(200, body)
                self.assertEqual(self.successResultOf(answered).body, body)
                self.assertFalse(self.request.is_open)

    def test_an_answer_that_never_ends(self) -> None:
        """After that time there is neither a call nor a connection."""
        answered = self.call()
        self.request.begin(200, {"content-length": "50"})
        self.request.say(b"{")
        self.wait(11)
        problem = self.failureResultOf(answered, Unreachable).value
        self.assertEqual(str(problem), "answer: no answer within 10 s")
        self.assertFalse(self.request.is_open)

    def test_leaving_before_there_is_a_connection(self) -> None:
        """Twisted has another word for that, which is not the caller's."""
        self.hangs = True
        answered = self.call()
        answered.cancel()
        self.failureResultOf(answered, CancelledError)

    def test_no_connection_for_too_long(self) -> None:
        """That is told as what it is."""
        self.hangs = True
        answered = self.call()
        self.wait(11)
        problem = self.failureResultOf(answered, Unreachable).value
        self.assertEqual(str(problem), "connect: no answer within 10 s")

    def test_leaving_in_the_middle_of_an_answer(self) -> None:
        """As when the daemon stops."""
        answered = self.call()
        self.request.begin(200, {"content-length": "50"})
        answered.cancel()
        self.pump()
        self.failureResultOf(answered, CancelledError)
        self.assertFalse(self.request.is_open)

    def test_an_answer_that_is_too_long(self) -> None:
        """No more of it is read."""
        answered = self.call()
        self.request.begin(200, {"content-length": "5000"})
        self.request.say(b"x" * 101)
        problem = self.failureResultOf(answered, Unreachable).value
        self.assertEqual(str(problem), "answer: it is longer than 100 bytes")
        self.assertFalse(self.request.is_open)
