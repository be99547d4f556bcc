"""A simulated upstream and the daemon's service, in this process, on real sockets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h11
import trustme
from twisted.application.service import IService
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import ClientFactory, Factory, Protocol, connectionDone
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from chatmockd.simulator.server import Simulator
from chatmockd.tap import Options, makeService
from tests.end_to_end.place import SERVING

CANARY = "sk-canary-0123456789"


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


def assert_unreachable(status: int, body: bytes, *says: str) -> None:
    """A 502 in JSON, which says how far it got and why no further."""
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (502, "upstream_unreachable"), body
    for words in says:
        assert words in error["message"], error["message"]
