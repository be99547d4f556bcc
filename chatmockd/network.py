"""How we reach any host: straight or through a proxy, in the clear or over TLS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.error import DNSLookupError
from twisted.internet.error import TimeoutError as TwistedTimeout
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

from chatmockd.core.proxy import Proxies, Proxy
from chatmockd.handover import Staged, TlsStage, TlsTimeout
from chatmockd.names import LookupFailed, NamedEndpoint, Names, in_threads
from chatmockd.trust import Trust
from chatmockd.tunnel import TunnelFailed, TunnelStage

_IDLE_S = 60  # seconds for which an HTTP connection is kept for the next request


class Network:
    """The only way out: everything that we call is called through here."""

    def __init__(self, reactor: Any, environ: Mapping[str, str]) -> None:
        """@raise ConfigError: The file of certificates cannot be used."""
        self._reactor = reactor
        self._names = Names(reactor, in_threads(reactor))
        self._proxies = Proxies(environ)
        self._trust = Trust(environ)

    def check(self, host: str, port: int, *, secure: bool) -> None:
        """
        Make sure that a way there can be found.

        @raise ValueError: The host's name, or the proxy's, is none.
        """
        proxy = self._proxies.way_to(host, port, secure=secure)
        for name, wanted in (
            (host, secure),
            (proxy.host if proxy else "", proxy is not None and proxy.secure),
        ):
            if wanted:
                self._trust.options(name)

    def endpoint(
        self, host: str, port: int, *, secure: bool, timeout: float
    ) -> IStreamClientEndpoint:
        """
        What connects there; over TLS it verifies the certificate and its name.

        @param timeout: Seconds until the name must have been looked up, and as many
            again until TCP, or the proxy's way through, must be there.
        @raise ProxyUnusable: The environment names a proxy that we cannot speak to.
        """
        proxy = self._proxies.way_to(host, port, secure=secure)
        if proxy is None:
            endpoint = self._straight(host, port, timeout)
        else:
            endpoint = self._through(proxy, host, port, timeout)
        if not secure:
            return endpoint
        return wrapClientTLS(self._trust.options(host), endpoint)

    def http_agent(self, connect_timeout: float, *, kept: int = 0) -> HttpConnections:
        """
        What makes HTTP requests.

        @param connect_timeout: Seconds until the host must have been reached.
        @param kept: How many connections to one host are kept for further requests.
        """
        return HttpConnections(self, self._reactor, connect_timeout, kept)

    def _straight(self, host: str, port: int, timeout: float) -> IStreamClientEndpoint:
        return NamedEndpoint(self._reactor, self._names, host, port, timeout)

    def _through(
        self, proxy: Proxy, host: str, port: int, timeout: float
    ) -> IStreamClientEndpoint:
        endpoint = self._straight(proxy.host, proxy.port, timeout)
        if proxy.secure:
            endpoint = wrapClientTLS(self._trust.options(proxy.host), endpoint)

        def make(users: IProtocolFactory, done: Deferred[IProtocol]) -> TunnelStage:
            return TunnelStage(users, done, proxy, host, port)

        return Staged(endpoint, make, self._reactor, timeout)


class _QuietPool(HTTPConnectionPool):
    """One that does not log the start and the end of each connection."""

    def __init__(self, reactor: Any, persistent: bool) -> None:
        super().__init__(reactor, persistent)
        # Its own for each pool, so that no other one falls silent.
        quiet: Any = type("_Quiet", (self._factory,), {"noisy": False})
        self._factory = quiet


@implementer(IAgentEndpointFactory)
class HttpConnections:
    """
    Connections for HTTP requests, each handed over when its certificate is good.

    So a failure to connect is told from one of a request that may have been sent.

    @ivar agent: Makes the requests; it follows no redirections.
    """

    agent: IAgent

    def __init__(
        self, network: Network, reactor: Any, connect_timeout: float, kept: int
    ) -> None:
        self._network = network
        self._reactor = reactor
        self._timeout = connect_timeout
        self._pool = _QuietPool(reactor, kept > 0)
        self._pool.maxPersistentPerHost = kept
        self._pool.cachedConnectionTimeout = _IDLE_S
        # What may have been begun is not begun again.
        self._pool.retryAutomatically = False
        self.agent = Agent.usingEndpointFactory(reactor, self, self._pool)

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """See L{IAgentEndpointFactory.endpointForURI}."""
        secure = uri.scheme == b"https"
        host = uri.host.decode("ascii").strip("[]")
        endpoint = self._network.endpoint(
            host, uri.port, secure=secure, timeout=self._timeout
        )
        if not secure:
            return endpoint
        return Staged(endpoint, TlsStage, self._reactor, self._timeout)

    def close(self) -> Deferred[None]:
        """Close the connections that are kept; fires when they are gone."""
        closed: Deferred[None] = self._pool.closeCachedConnections()
        return closed


def what_failed(phase: str, problem: BaseException) -> tuple[str, str]:
    """
    How far an attempt to connect came, and why no further, in words.

    @param phase: How far it came, where the problem does not tell by itself.
    @param problem: What Twisted or OpenSSL reported.
    """
    if isinstance(problem, TunnelFailed):
        return "proxy", str(problem.args[0] if problem.args else problem)
    if isinstance(problem, LookupFailed):
        return "DNS", str(problem.args[0])
    if isinstance(problem, DNSLookupError):
        return "DNS", "no such host name"
    if isinstance(problem, VerificationError):
        return "TLS", "the certificate is for another host name"
    if isinstance(problem, SSL.Error):
        reasons = problem.args[0] if problem.args else ()
        words = [entry[2] for entry in reasons if len(entry) > 2]
        return "TLS", ", ".join(words) or "the handshake failed"
    if isinstance(problem, TwistedTimeout) and problem.args[0]:
        phase = "TLS" if isinstance(problem, TlsTimeout) else phase
        return phase, str(problem.args[0])
    return phase, str(problem).rstrip(".") or type(problem).__name__
