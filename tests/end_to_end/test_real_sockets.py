"""
The daemon's service in this process, on real sockets towards both sides.

These tests need the real reactor, so pytest-twisted runs them: whether a certificate is
believed is OpenSSL's to say, with the trust store of the system, and a refused port is
the kernel's.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any

import h11
import pytest
import pytest_twisted
import trustme
from twisted.application.service import IService
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import (
    ClientFactory,
    Factory,
    Protocol,
    connectionDone,
)
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from chatmockd.simulator.faults import Faults
from chatmockd.simulator.server import Simulator
from chatmockd.tap import Options, makeService
from tests.end_to_end.client import events_in, text_of
from tests.end_to_end.place import SERVING

CANARY = "sk-canary-0123456789"
ELSEWHERE = "elsewhere.example"


class _Listener(Factory):
    """
    A port of the upstream's.

    @ivar heard: Every byte that a client was willing to tell us, decrypted.
    @ivar met: How many TCP connections there were.
    """

    noisy = False

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped
        self.heard = b""
        self.met = 0

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        self.met += 1
        # Not a ProtocolWrapper: Autobahn asks what class its transport has.
        protocol: Any = self._wrapped.buildProtocol(addr)
        take = protocol.dataReceived

        def hear(data: bytes) -> None:
            self.heard += data
            take(data)

        protocol.dataReceived = hear
        built: Protocol = protocol
        return built


class _Mute(Protocol):
    """Takes what comes and says nothing."""


class Answer(Protocol):
    """
    What one C{POST /v1/responses} is answered with.

    @ivar began: Fires with the head.
    @ivar ended: Fires when the answer is whole; fails when it is cut short.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._http = h11.Connection(h11.CLIENT)
        self.began: Deferred[None] = Deferred()
        self.ended: Deferred[None] = Deferred()
        self.status: int | None = None
        self.body = b""

    def connectionMade(self) -> None:
        transport = self.transport
        assert transport is not None
        head = h11.Request(
            method="POST",
            target="/v1/responses",
            headers=[
                ("Host", "localhost"),
                ("Connection", "close"),
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(self._content))),
            ],
        )
        for event in (head, h11.Data(data=self._content), h11.EndOfMessage()):
            transport.write(self._http.send(event) or b"")

    def dataReceived(self, data: bytes) -> None:
        self._http.receive_data(data)
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Response):
                self.status = event.status_code
                self.began.callback(None)
            elif isinstance(event, h11.Data):
                self.body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self.ended.callback(None)
                return
            else:
                return

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.ended.called:
            self.ended.errback(reason)

    def leave(self) -> None:
        """Reset the connection."""
        self.ended.addErrback(lambda failure: failure.trap(ConnectionAborted) and None)
        transport: Any = self.transport
        transport.abortConnection()


class _Dial(ClientFactory):
    """Connects one answer."""

    noisy = False

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return self._answer


def _number(port: Any) -> int:
    number: int = port.getHost().port
    return number


@implementer(ILogObserver)
class _Log:
    """
    What the daemon logs.

    @ivar failures: What it calls its own mistakes; pytest would not look at them.
    @ivar port: Where it serves.
    """

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.port = 0

    def __call__(self, event: LogEvent) -> None:
        line = formatEvent(event)
        if "log_failure" in event:
            self.failures.append(f"{line}: {event['log_failure']}")
        serving = re.search(SERVING, line)
        if serving is not None:
            self.port = int(serving[1])


class World:
    """
    A simulated upstream and a daemon, both listening on loopback.

    @ivar simulator: What answers behind every port of L{listen}.
    """

    def __init__(self, reactor: Any, folder: Path) -> None:
        self._reactor = reactor
        self._folder = folder
        self.simulator = Simulator(reactor)
        self._ports: list[IListeningPort] = []
        self._daemon: IService | None = None
        self._log = _Log()
        globalLogPublisher.addObserver(self._log)

    async def listen(
        self,
        certificate: trustme.LeafCert | None = None,
        *,
        mute: bool = False,
        site: Any = None,
    ) -> tuple[int, _Listener]:
        """
        Open a port of the upstream's.

        @param certificate: Speak TLS with it.
        @param mute: Do not even answer the upgrade request.
        @param site: Whoever answers instead of the simulator.
        """
        factory: Any = Factory.forProtocol(_Mute) if mute else self.simulator.factory
        factory = factory if site is None else site
        factory.noisy = False
        listener = _Listener(factory)
        if certificate is None:
            port = self._reactor.listenTCP(0, listener, interface="127.0.0.1")
        else:
            with certificate.private_key_and_cert_chain_pem.tempfile() as pem:
                options = DefaultOpenSSLContextFactory(pem, pem)
            port = self._reactor.listenSSL(0, listener, options, interface="127.0.0.1")
        self._ports.append(port)
        return _number(port), listener

    def serve(self, url: str, *sets: str) -> None:
        """Start the daemon as C{twistd} does, with its upstream at C{url}."""
        options = Options()
        options.parseOptions(
            [
                f"--config={self._file('chatmockd.toml', '')}",
                f"--set=upstream.api_key_file={self._file('key', CANARY)}",
                f"--set=upstream.url={url}",
                "--set=upstream.profile=openai",
                "--set=server.listen=tcp:0:interface=127.0.0.1",
                "--set=server.drain_s=0",
                # What these tests hold is the connection's own life.
                "--set=continuity.mode=retained",
                # Every connection to the upstream is to be one of a turn.
                "--set=models.sync=false",
                *(f"--set={each}" for each in sets),
            ]
        )
        self._daemon = makeService(options)
        self._daemon.privilegedStartService()
        self._daemon.startService()

    def _file(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.write_text(text)
        return path

    def ask(self, text: str, **more: Any) -> Answer:
        """Begin one turn, on a connection of its own."""
        body = json.dumps({"model": "gpt-5.5", "input": text, **more}).encode()
        answer = Answer(body)
        self._reactor.connectTCP("127.0.0.1", self._log.port, _Dial(answer))
        return answer

    async def post(self, text: str, **more: Any) -> tuple[int, bytes]:
        """One turn; its status and its body."""
        answer = self.ask(text, **more)
        await answer.ended
        assert answer.status is not None
        return answer.status, answer.body

    async def until(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait until it is so."""
        for _ in range(2000):
            if condition():
                return
            await deferLater(self._reactor, 0.005)
        raise AssertionError(f"waited in vain for {what}")

    @property
    def port(self) -> int:
        """Where the daemon serves."""
        return self._log.port

    async def stop_daemon(self) -> None:
        """Stop what L{serve} started."""
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            await daemon.stopService()

    async def stop(self) -> None:
        """Stop everything; nothing may have gone wrong unnoticed."""
        await self.stop_daemon()
        for port in self._ports:
            await maybeDeferred(port.stopListening)
        await self.simulator.stop()
        globalLogPublisher.removeObserver(self._log)
        assert not self._log.failures, self._log.failures


@pytest_twisted.async_yield_fixture
async def world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """A world on the real reactor, gone without a trace after the test."""
    from twisted.internet import reactor

    for name in list(os.environ):
        if name.startswith(("CHATMOCKD_", "CHATGPT_LOCAL_")):
            monkeypatch.delenv(name)
    # The daemon watches for these; the test run wants them back.
    signals = {each: signal.getsignal(each) for each in (SIGTERM, SIGINT)}
    world = World(reactor, tmp_path)
    yield world
    try:
        await world.stop()
    finally:
        for each, before in signals.items():
            signal.signal(each, before)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """The one authority which this process believes, while the test runs."""
    authority = trustme.CA()
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    return authority


def _assert_unreachable(status: int, body: bytes, *says: str) -> None:
    """A 502 in JSON, which says how far it got and why no further."""
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (502, "upstream_unreachable"), body
    for words in says:
        assert words in error["message"], error["message"]


# Certificates.


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest_twisted.ensureDeferred
async def test_a_believed_certificate(
    world: World, authority: trustme.CA, host: str
) -> None:
    """With a good certificate a conversation goes over one encrypted connection."""
    port, _ = await world.listen(authority.issue_cert(host))
    world.serve(f"wss://{host}:{port}/v1/responses")
    status, body = await world.post("Remember the token ALPHA-42.")
    assert status == 200, body
    status, body = await world.post(
        "What token did I ask you to remember?",
        previous_response_id=json.loads(body)["id"],
    )
    assert status == 200, body
    assert "ALPHA-42" in text_of(json.loads(body))
    assert world.simulator.opened == 1
    for seen in world.simulator.seen:
        assert seen.headers["authorization"] == f"Bearer {CANARY}"


@pytest_twisted.ensureDeferred
async def test_a_long_stream_over_tls(world: World, authority: trustme.CA) -> None:
    """Large events come through TLS as they are."""
    port, _ = await world.listen(authority.issue_cert("localhost"))
    world.serve(f"wss://localhost:{port}/v1/responses")
    text = "[[simulate: event_bytes=300000]] Say hello."
    status, body = await world.post(text, stream=True)
    events = events_in(body)
    assert status == 200
    assert events[-1]["type"] == "response.completed"
    assert len(text_of(events[-1]["response"])) > 300_000


@pytest.mark.parametrize("stream", [False, True])
@pytest_twisted.ensureDeferred
async def test_an_authority_that_nobody_knows(
    world: World, authority: trustme.CA, stream: bool
) -> None:
    """A certificate of another authority: 502, and my key was not sent."""
    port, listener = await world.listen(trustme.CA().issue_cert("localhost"))
    world.serve(f"wss://localhost:{port}/v1/responses")
    status, body = await world.post("Hello?", stream=stream)
    _assert_unreachable(status, body, "TLS", "certificate")
    assert listener.met > 0
    assert listener.heard == b""
    assert world.simulator.opened == 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest_twisted.ensureDeferred
async def test_a_certificate_for_somebody_else(
    world: World, authority: trustme.CA, host: str
) -> None:
    """A good certificate with another name in it: 502, and my key was not sent."""
    port, listener = await world.listen(authority.issue_cert(ELSEWHERE))
    world.serve(f"wss://{host}:{port}/v1/responses")
    status, body = await world.post("Hello?")
    _assert_unreachable(status, body, "TLS", "another host name")
    assert listener.met > 0
    assert listener.heard == b""
    assert world.simulator.opened == 0


@pytest_twisted.ensureDeferred
async def test_tls_towards_a_plain_port(world: World, authority: trustme.CA) -> None:
    """The port does not speak TLS: 502, and nothing was sent in the clear."""
    port, listener = await world.listen()
    world.serve(
        f"wss://localhost:{port}/v1/responses", "upstream.connect_timeout_s=0.3"
    )
    status, body = await world.post("Hello?")
    _assert_unreachable(status, body, "TLS")
    assert CANARY.encode() not in listener.heard
    assert world.simulator.opened == 0


# Ports.


@pytest.mark.parametrize("stream", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_refused_port(world: World, stream: bool) -> None:
    """Nobody listens upstream: 502 with the phase and the cause, streamed or not."""
    with socket.socket() as taken:
        # Bound, so that nobody else gets it, and not listening.
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        world.serve(f"ws://127.0.0.1:{port}/v1/responses")
        status, body = await world.post("Hello?", stream=stream)
    _assert_unreachable(status, body, f"127.0.0.1:{port}", "connect", "refused")


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest_twisted.ensureDeferred
async def test_a_port_that_says_nothing(world: World, scheme: str) -> None:
    """Somebody listens and never answers: 502 after the connect timeout."""
    port, listener = await world.listen(mute=True)
    world.serve(
        f"{scheme}://127.0.0.1:{port}/v1/responses", "upstream.connect_timeout_s=0.2"
    )
    status, body = await world.post("Hello?")
    _assert_unreachable(
        status, body, "TLS" if scheme == "wss" else "WebSocket upgrade", "0.2 s"
    )
    assert listener.met == 1


@pytest_twisted.ensureDeferred
async def test_it_comes_back(world: World) -> None:
    """An upstream that refused to talk is asked again for the next turn."""
    port, _ = await world.listen()
    world.serve(f"ws://127.0.0.1:{port}/v1/responses")
    world.simulator.faults = Faults(refuse=503)
    status, _ = await world.post("Hello?")
    assert status == 503
    world.simulator.faults = Faults()
    status, _ = await world.post("Hello?")
    assert status == 200


# Connections.


@pytest_twisted.ensureDeferred
async def test_a_client_that_leaves(world: World) -> None:
    """A client leaves its stream: the upstream connection is closed."""
    port, _ = await world.listen()
    world.serve(f"ws://127.0.0.1:{port}/v1/responses")
    answer = world.ask("[[simulate: pace_s=0.01]] Count to 999.", stream=True)
    await answer.began
    assert answer.status == 200
    assert len(world.simulator.connections) == 1
    answer.leave()
    await world.until("it to close", lambda: not world.simulator.connections)


@pytest_twisted.ensureDeferred
async def test_a_retained_connection_that_breaks(world: World) -> None:
    """The retained connection breaks: 400, and the next conversation gets another."""
    port, _ = await world.listen()
    world.serve(f"ws://127.0.0.1:{port}/v1/responses")
    _, body = await world.post("Hello?")
    world.simulator.drop_all()
    await world.until("it to break", lambda: not world.simulator.connections)
    marker = json.loads(body)["id"]
    status, body = await world.post("Hello?", previous_response_id=marker)
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (400, "previous_response_not_found")
    status, _ = await world.post("Hello?")
    assert status == 200
    assert world.simulator.opened == 2


@pytest_twisted.ensureDeferred
async def test_mode_off(world: World) -> None:
    """In the mode "off" every request has a connection, closed at its end."""
    port, _ = await world.listen()
    world.serve(f"ws://127.0.0.1:{port}/v1/responses", "continuity.mode=off")
    for number in (1, 2):
        status, _ = await world.post("Hello?")
        assert status == 200
        assert world.simulator.opened == number
        await world.until("it to close", lambda: not world.simulator.connections)
