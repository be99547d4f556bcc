"""In which order the daemon starts and stops."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any

from twisted.application.service import (
    Application,
    IServiceCollection,
    MultiService,
    Service,
)
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import ILogObserver
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chatmockd.daemon import Daemon, address_of
from tests.bridge import Answer, Bridge, completed, created, delta
from tests.core.cases import case


@implementer(IListeningPort)
class Port:
    """A port that says where it listens."""

    socket: socket.socket

    def __init__(self, host: str) -> None:
        self.host = host
        self.listening = True

    def startListening(self) -> None:
        """It does already."""

    def stopListening(self) -> Deferred[None]:
        self.listening = False
        return succeed(None)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", self.host, 8000)


@implementer(IStreamServerEndpoint)
class Endpoint:
    """Gives its port, or fails."""

    def __init__(self, result: Port | Exception) -> None:
        self.result = result

    def listen(self, factory: Any) -> Deferred[Any]:
        if isinstance(self.result, Exception):
            return fail(self.result)
        return succeed(self.result)


class _Daemon(Bridge):
    settings = {"upstream__profile": "openai"}

    def build(
        self,
        *results: Port | Exception,
        allow_remote: bool = False,
        drain: float = 30,
        observe: Callable[[], ILogObserver] | None = None,
    ) -> Daemon:
        self.announced: list[Any] = []
        self.signal: Callable[[], None] | None = None
        self.asked: list[str] = []
        self.companion = Service()

        def watch(signalled: Callable[[], None]) -> None:
            self.signal = signalled

        return Daemon(
            self.clock,
            [Endpoint(result) for result in results],
            self.site,
            self.api,
            self.turns,
            self.upstream,
            drain_s=drain,
            patience=300,
            allow_remote=allow_remote,
            companions=[self.companion],
            announce=self.announced.append,
            watch_signals=watch,
            ask_to_stop=lambda: self.asked.append("stop"),
            observe=observe,
        )

    def started(self, drain: float = 30) -> Daemon:
        self.port = Port("127.0.0.1")
        daemon = self.build(self.port, drain=drain)
        daemon.privilegedStartService()
        daemon.startService()
        return daemon


class LogTests(_Daemon):
    """Who writes the log of the application that the daemon belongs to."""

    def observer(self, daemon: Daemon) -> Any:
        """What twistd finds when it looks for somebody."""
        application = Application("chatmockd")
        daemon.setServiceParent(application)
        self.assertEqual(list(IServiceCollection(application)), [daemon])
        return application.getComponent(ILogObserver, None)

    def test_one_of_ours(self) -> None:
        """If there is to be one; it begins only then."""

        @implementer(ILogObserver)
        def observer(event: object) -> None:
            """Write nothing."""

        self.assertIs(self.observer(self.build(observe=lambda: observer)), observer)
        self.assertIsNone(self.observer(self.build()))

    def test_other_parents(self) -> None:
        """A daemon may be a part of something that is no application."""
        parent = MultiService()
        daemon = self.build(observe=lambda: self.fail("nobody would listen to it"))
        daemon.setServiceParent(parent)
        self.assertEqual(list(parent), [daemon])


class AddressTests(SynchronousTestCase):
    """Where a port listens, as people write it."""

    def test_addresses(self) -> None:
        """To be pasted behind curl, but for sockets that are files."""
        for host, shown in (
            (IPv4Address("TCP", "127.0.0.1", 80), "http://127.0.0.1:80"),
            (IPv6Address("TCP", "::1", 80), "http://[::1]:80"),
            (UNIXAddress(b"/run/chatmockd.sock"), "unix:/run/chatmockd.sock"),
        ):
            with case(host=host):
                self.assertEqual(address_of(host), shown)


class StartTests(_Daemon):
    """Ports."""

    def test_ports_are_told_to_notice_who_is_gone(self) -> None:
        """Before anybody connects."""
        port = Port("127.0.0.1")
        with closing(socket.socket()) as port.socket:
            self.build(port).privilegedStartService()
            kept = port.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            self.assertTrue(kept)

    def test_a_port_that_cannot_be_had_stops_the_start(self) -> None:
        """A daemon that listens on nothing would only look alive."""
        taken = CannotListenError("127.0.0.1", 8000, OSError("in use"))
        daemon = self.build(Port("127.0.0.1"), taken)
        self.assertRaises(CannotListenError, daemon.privilegedStartService)

    def test_an_inherited_socket_beyond_loopback_is_refused(self) -> None:
        """The configuration cannot tell where systemd bound it."""
        daemon = self.build(Port("0.0.0.0"))
        self.assertRaises(PermissionError, daemon.privilegedStartService)
        daemon = self.build(Port("0.0.0.0"), allow_remote=True)
        daemon.privilegedStartService()

    def test_the_ports_are_announced_when_clients_can_come(self) -> None:
        """And the companions run by then."""
        self.started()
        self.assertEqual(self.announced, [[self.port]])
        self.assertTrue(self.companion.running)


class StopTests(_Daemon):
    """SIGTERM."""

    def test_an_idle_daemon_stops_at_once(self) -> None:
        """Ports, client connections, upstream connections, companions."""
        daemon = self.started()
        self.first_turn("resp_1")
        link = self.connect_client()
        stopped = daemon.stopService()
        self.assertFalse(self.port.listening)
        self.pump()
        self.successResultOf(stopped)
        self.assertTrue(link.cut)
        self.assertEqual(self.open_sockets, 0)
        self.assertFalse(self.companion.running)

    def test_running_turns_end_first(self) -> None:
        """Their last byte arrives; nothing new is begun meanwhile."""
        daemon = self.started()
        answer = self.stream()
        self.socket.say(created("resp_1"))
        stopped = daemon.stopService()
        late = self.post()
        self.assert_error(late, 503, "shutting_down")
        self.assertEqual(self.ask("GET", "/health").status, 503)
        self.wait(20)
        self.assertNoResult(stopped)
        self.socket.say(completed("resp_1"))
        self.assertEqual(answer.kinds[-1], "response.completed")
        self.assertTrue(answer.ended)
        self.successResultOf(stopped)

    def test_turns_that_do_not_end_are_ended(self) -> None:
        """After C{server.drain_s}, with an error event and a proper end."""
        daemon = self.started(drain=10)
        streaming = self.stream()
        self.socket.say(created("resp_1"))
        waiting = self.post()
        stopped = daemon.stopService()
        self.wait(9)
        self.assertFalse(streaming.ended)
        self.wait(2)
        self.assertEqual(streaming.events[-1][1]["code"], "shutting_down")
        self.assertTrue(streaming.ended)
        self.assert_error(waiting, 503, "shutting_down")
        self.successResultOf(stopped)

    def test_a_second_signal_waits_for_nothing(self) -> None:
        """Turns end with an error event at once."""
        daemon = self.started()
        answer = self.stream()
        self.socket.say(created("resp_1"))
        stopped = daemon.stopService()
        assert self.signal is not None
        self.signal()
        self.pump()
        self.assertEqual(answer.events[-1][1]["code"], "shutting_down")
        self.assertTrue(answer.ended)
        self.successResultOf(stopped)

    def test_a_second_signal_is_heard_whenever_it_comes(self) -> None:
        """Also when it comes before the daemon has begun to stop."""
        daemon = self.started()
        answer = self.stream()
        self.socket.say(created("resp_1"))
        assert self.signal is not None
        self.signal()
        self.assertEqual(self.asked, ["stop"])
        self.signal()
        stopped = daemon.stopService()
        self.clock.advance(0)
        self.pump()
        self.assertEqual(answer.events[-1][1]["code"], "shutting_down")
        self.successResultOf(stopped)

    def test_the_last_client_leaving_ends_the_wait_in_peace(self) -> None:
        """It is nobody's failure."""
        for streaming in (True, False):
            daemon = self.started()
            answer = self.post(stream=streaming)
            stopped = daemon.stopService()
            answer.leave()
            self.wait(1)
            self.successResultOf(stopped)
            self.upstream._stopping = False

    def test_a_client_that_reads_nothing_is_not_waited_for_long(self) -> None:
        """Its connection is cut off."""
        daemon = self.started(drain=1)
        answer = self.stream()
        answer.stall()
        self.socket.say(created("resp_1"))
        stopped = daemon.stopService()
        self.wait(3)
        self.assertNoResult(stopped)
        self.wait(5)
        self.successResultOf(stopped)
        self.assertTrue(answer.link.cut)

    def test_an_upstream_that_does_not_answer_is_not_waited_for_long(self) -> None:
        """Nor is its closing handshake."""
        daemon = self.started()
        self.first_turn("resp_1")
        self.patch(self.socket.protocol, "dataReceived", lambda data: None)
        stopped = daemon.stopService()
        self.wait(8)
        self.successResultOf(stopped)


class StopReplayingTests(_Daemon):
    """Streams of turns that have ended, when the daemon stops."""

    settings = {**_Daemon.settings, "continuity__mode": "durable"}

    def replays(self) -> list[Answer]:
        """Two, to clients that do not read: asked for by id, and by repetition."""
        key = {"Idempotency-Key": "k"}
        first = self.stream(headers=key)
        self.socket.say(created("resp_1"))
        for number in range(1, 11):
            self.socket.say(delta("x" * 60_000, number))
        self.socket.say(completed("resp_1", 11))
        self.whole = first.body
        links = [self.connect_client(), self.connect_client()]
        for link in links:
            link.server_end.stalled = True
        path = "/v1/responses/resp_1?stream=true"
        return [
            self.ask("GET", path, link=links[0]),
            self.stream(headers=key, link=links[1]),
        ]

    def test_they_end_first(self) -> None:
        """To the last byte, if it takes the client no longer than a turn may take."""
        daemon = self.started(drain=10)
        replays = self.replays()
        stopped = daemon.stopService()
        self.wait(9)
        for answer in replays:
            self.assertNoResult(stopped)
            answer.read_on()
            self.assertEqual((answer.body, answer.ended), (self.whole, True))
        self.successResultOf(stopped)

    def test_one_that_does_not_end_is_cut_off(self) -> None:
        """After C{server.drain_s}, and not so that it could pass for whole."""
        daemon = self.started(drain=10)
        replays = self.replays()
        stopped = daemon.stopService()
        self.wait(9)
        self.assertNoResult(stopped)
        self.wait(2)
        self.successResultOf(stopped)
        for answer in replays:
            answer.read_on()
            self.assertTrue(answer.broken)
            self.assertFalse(answer.ended)
        cut = [line for line in self.log if "cut off in a replay" in line]
        self.assertEqual(len(cut), 2)

    def test_a_second_signal_cuts_them_off(self) -> None:
        """At once."""
        daemon = self.started()
        replays = self.replays()
        stopped = daemon.stopService()
        assert self.signal is not None
        self.signal()
        self.pump()
        self.successResultOf(stopped)
        self.assertTrue(all(answer.broken for answer in replays))
