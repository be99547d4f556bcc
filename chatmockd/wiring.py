"""
The parts of the daemon, and who is given what.

Importing this imports Klein, which installs the default reactor; so not before twistd
has chosen one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import time
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.logger import ILogObserver

from chatmockd.account.asking import Asking
from chatmockd.account.catalog import ModelCatalog
from chatmockd.account.chatgpt import ChatGptLogin
from chatmockd.account.issuer import Issuer
from chatmockd.account.limits import AccountLimits
from chatmockd.account.state_folder import StateFolder
from chatmockd.account.tokens import ApiKey, Credentials
from chatmockd.account.upkeep import Upkeep
from chatmockd.config import at_home
from chatmockd.core.admission import Admission
from chatmockd.daemon import Daemon, signals_of
from chatmockd.network import Network
from chatmockd.outbound import Outbound
from chatmockd.pulse import Pulse
from chatmockd.settings import Settings
from chatmockd.store.memory import memory_store
from chatmockd.store.sqlite import sqlite_store
from chatmockd.store.tree import Tree
from chatmockd.turns.registry import Turns
from chatmockd.upstream.calls import Calls
from chatmockd.upstream.exchanges import Exchanges
from chatmockd.upstream.factory import UpstreamFactory
from chatmockd.upstream.fallback import Fallback
from chatmockd.upstream.handshake import Address
from chatmockd.upstream.leasing import Hear, Leasing
from chatmockd.web.app import Api
from chatmockd.web.chat import Chat
from chatmockd.web.dialects import Dialects, defaults_of
from chatmockd.web.following import Following
from chatmockd.web.guard import guarded
from chatmockd.web.models import Models
from chatmockd.web.ollama import Ollama
from chatmockd.web.passed_on import PassedOn
from chatmockd.web.responses import Responses
from chatmockd.web.site import ApiSite
from chatmockd.web.status import Status
from chatmockd.web.stored import Stored
from chatmockd.web.upgrade import Sockets

_HTTP_KEPT = 100  # connections for HTTP requests, between turns


@dataclass(frozen=True)
class Login:
    """
    As whom the daemon asks its upstream.

    @ivar folder: Where what is learned of the account is kept.
    @ivar settled: Fires when no new tokens are on their way.
    """

    credentials: Credentials
    folder: StateFolder
    settled: Callable[[], Deferred[None]] = partial(succeed, None)


def login_of(
    settings: Settings,
    environ: Mapping[str, str],
    home: Path,
    reactor: Any,
    outbound: Outbound,
) -> Login:
    """The login of whoever lives in C{home}, read at use."""
    folder = StateFolder.beside(settings.store.path, home)
    if settings.upstream.profile == "openai":
        return Login(ApiKey(settings.upstream.api_key_file, environ), folder)
    account = settings.account
    issuer = Issuer(account.issuer, account.client_id, outbound)
    login = ChatGptLogin(environ, home, reactor, time, issuer)
    return Login(login, folder, login.settled)


def tree_of(
    settings: Settings, home: Path, reactor: Any, *, simulated: bool
) -> Tree | None:
    """
    Where turns are kept, in mode durable.

    @param simulated: Keep them apart from those of a real upstream.
    @raise StoreUnusable: The store cannot be opened.
    """
    if settings.continuity.mode != "durable":
        return None
    if settings.store.kind == "memory":
        return Tree(memory_store("disk", reactor), memory_store(clock=reactor))
    path = at_home(settings.store.path, home)
    if simulated:
        path = path.with_name(f"simulated-{path.name}")
    return Tree(sqlite_store(reactor, path.absolute()), memory_store(clock=reactor))


def daemon_of(
    settings: Settings,
    reactor: Any,
    network: Network,
    outbound: Outbound,
    login: Login,
    tree: Tree | None,
    *,
    companions: Sequence[Service],
    announce: Callable[[Sequence[IListeningPort]], None],
    observe: Callable[[], ILogObserver] | None,
) -> Daemon:
    """
    The whole of it.

    @param network: How connections get out of this machine.
    @param outbound: How single requests do.
    @param companions: What starts before it and stops after it.
    @param announce: Told the ports when clients can come.
    @param observe: Makes what the log is written with, instead of twistd's own.
    """
    pulse = Pulse(reactor)
    limits = AccountLimits(reactor, time, login.folder, settings.upstream_url)
    catalog = _catalog(settings, reactor, outbound, login, limits)
    upstream = _upstream(settings, network, login.credentials, pulse, limits.heard)
    turns = Turns(settings, upstream, tree, reactor, time)
    calls = Calls(settings, outbound, login.credentials)
    api = _api(settings, reactor, pulse, turns, calls, catalog, limits)
    server = settings.server
    site = ApiSite(
        api.resource(),
        guarded(
            Admission(server.allowed_hosts, server.allowed_origins),
            server.max_body_bytes,
        ),
        reactor,
        time,
        server.log_requests,
    )
    return Daemon(
        reactor,
        [
            serverFromString(reactor, description)
            for description in server.descriptions()
        ],
        site,
        api,
        turns,
        upstream,
        drain_s=server.drain_s,
        patience=settings.upstream.idle_timeout_s,
        allow_remote=server.allow_remote,
        companions=[*companions, Upkeep(catalog, limits, login.settled)],
        announce=announce,
        watch_signals=signals_of(reactor.callWhenRunning, reactor.callFromThread),
        ask_to_stop=reactor.stop,
        observe=observe,
    )


def _catalog(
    settings: Settings,
    reactor: Any,
    outbound: Outbound,
    login: Login,
    limits: AccountLimits,
) -> ModelCatalog:
    """The models that the account has."""
    url, upstream = settings.upstream_url, settings.upstream
    asking = Asking(
        outbound,
        login.credentials,
        url,
        originator=upstream.originator,
        user_agent=upstream.user_agent,
    )
    return ModelCatalog(
        reactor.seconds,
        time,
        asking,
        login.folder,
        upstream.profile,
        url,
        sync=settings.models.sync,
        refresh_interval=settings.models.refresh_interval_s,
        signed_in=limits.sees,
    )


def _upstream(
    settings: Settings,
    network: Network,
    credentials: Credentials,
    pulse: Pulse,
    hear: Hear,
) -> Leasing:
    """The way to the upstream that the operator chose."""
    timeout = settings.upstream.connect_timeout_s

    def exchanges() -> Exchanges:
        kept = min(settings.continuity.max_retained, _HTTP_KEPT)
        connections = network.http_agent(timeout, kept=kept)
        return Exchanges(settings, connections, credentials, pulse, hear)

    if settings.upstream.transport == "http":
        return exchanges()
    endpoint = Address.of(settings.upstream_url).endpoint(network, timeout)
    sockets = UpstreamFactory(settings, endpoint, credentials, pulse, hear)
    if settings.upstream.fallback == "none":
        return sockets
    return Fallback(sockets, exchanges())


def _api(
    settings: Settings,
    reactor: Any,
    pulse: Pulse,
    turns: Turns,
    calls: Calls,
    catalog: ModelCatalog,
    limits: AccountLimits,
) -> Api:
    """What clients can ask for."""
    following = Following(settings, pulse, limits.headers)
    defaults = defaults_of(settings, catalog)
    dialects = Dialects(turns, following, defaults)
    return Api(
        reactor,
        responses=Responses(turns, following, defaults),
        chat=Chat(settings, dialects),
        stored=Stored(turns, following),
        sockets=Sockets(settings, turns, pulse, defaults),
        ollama=Ollama(settings, dialects, catalog, reactor, time),
        passed_on=PassedOn(turns, calls, time),
        models=Models(catalog, expose_efforts=settings.models.expose_efforts),
        status=Status(settings, turns, catalog, limits, pulse, time),
    )
