"""Looking up hosts, and connecting to those that have several addresses."""

from __future__ import annotations

import socket
import threading
from queue import SimpleQueue
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import TimeoutError as TwistedTimeout
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.names import Host, LookupFailed, NamedEndpoint, Names, in_threads
from chatmockd.network import what_failed
from tests.core.cases import case

FIRST = IPv4Address("TCP", "192.0.2.1", 443)
SECOND = IPv6Address("TCP", "2001:db8::2", 443)


class _Asked:
    """The system, which answers when the test says so."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.answers: list[Deferred[list[Host]]] = []

    def __call__(self, host: str, port: int) -> Deferred[list[Host]]:
        self.names.append(host)
        answer: Deferred[list[Host]] = Deferred()
        self.answers.append(answer)
        return answer


class NamesTests(SynchronousTestCase):
    """Look-ups that take long, fail, and are asked for by many."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.asked = _Asked()
        self.names = Names(self.clock, self.asked)

    def look_up(self, host: str = "up.test") -> Deferred[list[Host]]:
        """For ten seconds."""
        return self.names.look_up(host, 443, 10)

    def problem(self, waiting: Deferred[list[Host]]) -> tuple[str, str]:
        """What the client would be told."""
        return what_failed("connect", self.failureResultOf(waiting, LookupFailed).value)

    def test_all_who_ask_at_once_share_one_look_up(self) -> None:
        """However many they are, the system is asked once for each name."""
        waiting = [self.look_up() for _ in range(30)]
        self.look_up("other.test").addErrback(lambda _: None)
        self.assertEqual(self.asked.names, ["up.test", "other.test"])
        self.asked.answers[0].callback([FIRST, SECOND])
        for each in waiting:
            self.assertEqual(self.successResultOf(each), [FIRST, SECOND])

    def test_nothing_is_remembered(self) -> None:
        """A name may mean another host a moment later."""
        for number in (1, 2):
            waiting = self.look_up()
            self.assertEqual(len(self.asked.answers), number)
            self.asked.answers[-1].callback([FIRST])
            self.successResultOf(waiting)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_leaving_early(self) -> None:
        """Who else waits is told all the same."""
        leaving, staying = self.look_up(), self.look_up()
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.asked.answers[0].callback([FIRST])
        self.assertEqual(self.successResultOf(staying), [FIRST])

    def test_why_there_is_no_address(self) -> None:
        """A name that does not exist is not a name server that does not answer."""
        for problem, words in (
            (socket.gaierror(socket.EAI_NONAME, "unknown"), "no such host name"),
            (socket.gaierror(socket.EAI_AGAIN, "Temporary"), "Temporary"),
            (OSError("too many files"), "too many files"),
            (UnicodeError("label too long"), "this can be no host name"),
            (RuntimeError("can't start new thread"), "can't start new thread"),
        ):
            with case(problem=problem):
                waiting = self.look_up()
                self.asked.answers[-1].errback(problem)
                self.assertEqual(self.problem(waiting), ("DNS", words))

    def test_an_answer_that_does_not_come(self) -> None:
        """Nobody waits longer than he wanted; the answer comes to nobody."""
        waiting = self.look_up()
        self.clock.advance(9)
        self.assertNoResult(waiting)
        self.clock.advance(1)
        self.assertEqual(self.problem(waiting), ("DNS", "no answer within 10 s"))
        self.asked.answers[0].callback([FIRST])

    def test_a_look_up_that_hangs_does_not_keep_others_back(self) -> None:
        """After five seconds it is not counted on; who answers first is believed."""
        early = self.look_up()
        self.clock.advance(4)
        self.look_up().addErrback(lambda _: None)
        self.assertEqual(len(self.asked.answers), 1)
        self.clock.advance(1)
        late = self.look_up()
        self.assertEqual(len(self.asked.answers), 2)
        self.asked.answers[1].callback([FIRST])
        self.assertEqual(self.successResultOf(early), [FIRST])
        self.assertEqual(self.successResultOf(late), [FIRST])
        self.asked.answers[0].errback(socket.gaierror(socket.EAI_AGAIN, "late"))

    def test_a_failure_counts_when_nothing_else_is_to_come(self) -> None:
        """The older look-up may have asked a network that is gone."""
        early = self.look_up()
        self.clock.advance(5)
        late = self.look_up()
        self.asked.answers[0].errback(socket.gaierror(socket.EAI_AGAIN, "first"))
        self.assertNoResult(early)
        self.asked.answers[1].errback(socket.gaierror(socket.EAI_AGAIN, "second"))
        self.assertEqual(self.problem(early), ("DNS", "second"))
        self.assertEqual(self.problem(late), ("DNS", "second"))

    def test_look_ups_that_hang_do_not_pile_up(self) -> None:
        """Four of them take up no more threads than that."""
        for _ in range(100):
            self.look_up().addErrback(lambda _: None)
            self.clock.advance(1)
        self.assertEqual(len(self.asked.answers), 4)
        self.asked.answers[0].errback(socket.gaierror(socket.EAI_AGAIN, "gone"))
        self.look_up().addErrback(lambda _: None)
        self.assertEqual(len(self.asked.answers), 5)

    def test_addresses_need_no_look_up(self) -> None:
        """They would wait for nobody but the name server."""
        for host, address in (
            ("192.0.2.1", FIRST),
            ("2001:db8::2", SECOND),
        ):
            with case(host=host):
                self.assertEqual(self.successResultOf(self.look_up(host)), [address])
        self.assertEqual(self.asked.names, [])


class InThreadsTests(SynchronousTestCase):
    """The system's own look-up, with real threads."""

    def setUp(self) -> None:
        self.calls: SimpleQueue[Any] = SimpleQueue()

    def callFromThread(self, *call: Any) -> None:
        """What of a reactor is used."""
        self.calls.put((*call, threading.current_thread()))

    def ask(self, host: str) -> Any:
        answer = in_threads(self)(host, 443)
        call, result, thread = self.calls.get(timeout=30)
        # The process does not wait for it to end.
        self.assertTrue(thread.daemon)
        self.assertIsNot(thread, threading.current_thread())
        call(result)
        return answer

    def test_an_answer(self) -> None:
        """In the form in which connections want it."""
        self.assertEqual(self.successResultOf(self.ask("192.0.2.1")), [FIRST])
        self.assertEqual(
            self.successResultOf(self.ask("2001:db8::2"))[0].host, SECOND.host
        )

    def test_no_answer(self) -> None:
        """What is wrong with the name is told."""
        self.failureResultOf(self.ask(f"{'a' * 64}.test"), UnicodeError)


class NamedEndpointTests(SynchronousTestCase):
    """Connecting to what was found."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.asked = _Asked()
        names = Names(self.reactor, self.asked)
        endpoint = NamedEndpoint(self.reactor, names, "up.test", 443, 10)
        self.attempt = endpoint.connect(Factory.forProtocol(Protocol))

    def dialled(self) -> list[str]:
        return [client[0] for client in self.reactor.tcpClients]

    def test_the_next_address_has_its_turn_when_one_does_not_answer(self) -> None:
        """Well within the time there is; the one that answers first is taken."""
        self.asked.answers[0].callback([FIRST, SECOND])
        self.assertEqual(self.dialled(), [FIRST.host])
        self.reactor.advance(1)
        self.assertEqual(self.dialled(), [FIRST.host, SECOND.host])
        protocol = self.reactor.tcpClients[1][2].buildProtocol(SECOND)
        self.assertIsNotNone(protocol)

    def test_addresses_that_do_not_answer(self) -> None:
        """Each has its ten seconds, if nobody ends it before; that is told."""
        self.asked.answers[0].callback([FIRST])
        self.reactor.advance(10)
        _, _, factory, timeout, _ = self.reactor.tcpClients[0]
        self.assertEqual(timeout, 10)
        factory.clientConnectionFailed(None, Failure(TwistedTimeout()))
        problem = self.failureResultOf(self.attempt, TwistedTimeout).value
        self.assertEqual(
            what_failed("connect", problem), ("connect", "no answer within 10 s")
        )

    def test_no_address(self) -> None:
        """Nothing is dialled."""
        self.asked.answers[0].errback(socket.gaierror(socket.EAI_NONAME, ""))
        self.failureResultOf(self.attempt, LookupFailed)
        self.assertEqual(self.dialled(), [])

    def test_giving_up_while_it_is_looked_up(self) -> None:
        """An answer that comes later is not dialled."""
        self.attempt.cancel()
        self.failureResultOf(self.attempt, CancelledError)
        self.asked.answers[0].callback([FIRST])
        self.assertEqual(self.dialled(), [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_giving_up_while_it_is_dialled(self) -> None:
        """Nothing goes on by itself."""
        self.asked.answers[0].callback([FIRST, SECOND])
        self.attempt.cancel()
        self.failureResultOf(self.attempt)
        self.reactor.advance(1)
        self.assertEqual(self.dialled(), [FIRST.host])
        self.assertEqual(self.reactor.getDelayedCalls(), [])
