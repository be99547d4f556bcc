"""C{twistd chatmockd}: its options, and the wiring of the daemon."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, cast

import msgspec
from twisted.application.service import IService, Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.python import usage

from chatmockd.config import Place, at_home, find_file, load
from chatmockd.core.proxy import ProxyUnusable
from chatmockd.exposure import port_of
from chatmockd.network import Network
from chatmockd.settings import ConfigError, Settings
from chatmockd.upstream.handshake import Address

if TYPE_CHECKING:
    from chatmockd.account.tokens import Credentials
    from chatmockd.pulse import Pulse
    from chatmockd.store.tree import Tree
    from chatmockd.upstream.leasing import Hear, Leasing

EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h
_HTTP_KEPT = 100  # connections for HTTP requests, between turns


class Options(usage.Options):
    """The command line after C{twistd chatmockd}."""

    synopsis = "[options]"
    optFlags = [
        ["simulate", None, "Answer from a built-in upstream, without any account."],
        ["check", None, "Check the configuration and exit."],
    ]
    optParameters = [
        ["config", "c", None, "The configuration file (TOML)."],
    ]

    settings: Settings

    def __init__(self) -> None:
        super().__init__()
        self["set"] = []

    def opt_set(self, word: str) -> None:
        """Override one key: section.key=value. May be given again and again."""
        self["set"].append(word)

    def postOptions(self) -> None:
        """
        Read the configuration, once and for all.

        What is wrong with it is one line on stderr and exit status 78; twistd has not
        written its pid file yet.
        """
        named, home = self["config"], Path.home()
        file = at_home(named, home) if named else find_file(os.environ, home)
        try:
            self.settings = load(
                file,
                os.environ,
                self["set"],
                checks=(_check_endpoints, partial(_check_upstream, _network_of(self))),
            )
        except ConfigError as problem:
            _leave(f"chatmockd: {problem}", EXIT_CONFIG)
        if self["check"]:
            source = "built-in defaults" if file is None else str(file)
            _leave(f"chatmockd: configuration is good ({source})", 0)


def makeService(options: Options) -> IService:
    """Wire the daemon; everything that could be refused has been checked before."""
    # Importing Klein installs the default reactor, so not before twistd chose one.
    from twisted.internet import reactor as _reactor

    from chatmockd.account.asking import Asking
    from chatmockd.account.catalog import ModelCatalog
    from chatmockd.account.chatgpt import ChatGptLogin
    from chatmockd.account.issuer import Issuer
    from chatmockd.account.limits import AccountLimits
    from chatmockd.account.state_folder import StateFolder
    from chatmockd.account.tokens import ApiKey, FixedKey
    from chatmockd.account.upkeep import Upkeep
    from chatmockd.core.admission import Admission
    from chatmockd.daemon import Daemon, signals_of
    from chatmockd.open_files import allow_connections
    from chatmockd.outbound import HttpOutbound
    from chatmockd.pulse import Pulse
    from chatmockd.steady import keep_steady
    from chatmockd.turns.registry import Turns
    from chatmockd.upstream.calls import Calls
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

    sys.excepthook = _tell_why_it_ends
    reactor: Any = _reactor
    keep_steady(reactor)
    settings = options.settings
    allow_connections(settings.continuity.max_retained)
    network = Network(reactor, _network_of(options))
    outbound = HttpOutbound(reactor, network)
    home = Path.home()
    credentials: Credentials
    settled: Callable[[], Deferred[None]] = partial(succeed, None)
    companions: list[Service] = []
    announce: Callable[[Sequence[IListeningPort]], None] = _say_nothing
    if options["simulate"]:
        from chatmockd.simulator.service import SimulatedUpstream

        simulated = SimulatedUpstream(reactor, settings.upstream.profile)
        companions.append(simulated)
        announce = partial(_show_how_to_try, simulated.issuer)
        credentials = FixedKey("simulated")
        there = msgspec.structs.replace(settings.upstream, url=simulated.url)
        signing_in = msgspec.structs.replace(settings.account, issuer=simulated.issuer)
        settings = msgspec.structs.replace(settings, upstream=there, account=signing_in)
    elif settings.upstream.profile == "openai":
        credentials = ApiKey(settings.upstream.api_key_file, os.environ)
    else:
        issuer = Issuer(settings.account.issuer, settings.account.client_id, outbound)
        login = ChatGptLogin(os.environ, home, reactor, time, issuer)
        settled = login.settled
        credentials = login
    pulse = Pulse(reactor)
    # What the simulator says is good for this run only.
    folder = StateFolder(None)
    if not options["simulate"]:
        folder = StateFolder.beside(settings.store.path, home)
    limits = AccountLimits(reactor, time, folder, settings.upstream_url)
    catalog = ModelCatalog(
        reactor.seconds,
        time,
        Asking(
            outbound,
            credentials,
            settings.upstream_url,
            originator=settings.upstream.originator,
            user_agent=settings.upstream.user_agent,
        ),
        folder,
        settings.upstream.profile,
        settings.upstream_url,
        sync=settings.models.sync,
        refresh_interval=settings.models.refresh_interval_s,
        signed_in=limits.sees,
    )
    companions.append(Upkeep(catalog, limits, settled))
    upstream = _upstream(settings, network, credentials, pulse, limits.heard)
    tree = _open_tree(settings, home, reactor, simulated=bool(options["simulate"]))
    turns = Turns(settings, upstream, tree, reactor, time)
    following = Following(settings, pulse, limits.headers)
    defaults = defaults_of(settings, catalog)
    dialects = Dialects(turns, following, defaults)
    api = Api(
        reactor,
        responses=Responses(turns, following, defaults),
        chat=Chat(settings, dialects),
        stored=Stored(turns, following),
        sockets=Sockets(settings, turns, pulse, defaults),
        ollama=Ollama(settings, dialects, catalog, reactor, time),
        passed_on=PassedOn(turns, Calls(settings, outbound, credentials), time),
        models=Models(catalog, expose_efforts=settings.models.expose_efforts),
        status=Status(settings, turns, catalog, limits, pulse, time),
    )
    site = ApiSite(
        api.resource(),
        guarded(
            Admission(settings.server.allowed_hosts, settings.server.allowed_origins),
            settings.server.max_body_bytes,
        ),
        reactor,
        time,
        settings.server.log_requests,
    )
    return Daemon(
        reactor,
        [
            serverFromString(reactor, description)
            for description in settings.server.descriptions()
        ],
        site,
        api,
        turns,
        upstream,
        drain_s=settings.server.drain_s,
        allow_remote=settings.server.allow_remote,
        companions=companions,
        announce=announce,
        watch_signals=signals_of(reactor.callWhenRunning, reactor.callFromThread),
        ask_to_stop=reactor.stop,
    )


def _tell_why_it_ends(
    kind: type[BaseException], problem: BaseException, trace: TracebackType | None
) -> None:
    """
    What the operator reads when the process cannot go on.

    That a port is taken, or a log file cannot be written, is the operator's business,
    and no mistake of ours; forty lines of where twistd found out would hide it.
    """
    if isinstance(problem, CannotListenError):
        print(f"chatmockd: server.listen: {problem}", file=sys.stderr)
    elif isinstance(problem, OSError):
        print(f"chatmockd: cannot start: {problem}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, problem, trace)


def _upstream(
    settings: Settings,
    network: Network,
    credentials: Credentials,
    pulse: Pulse,
    hear: Hear,
) -> Leasing:
    """The way to the upstream that the operator chose."""
    from chatmockd.upstream.exchanges import Exchanges
    from chatmockd.upstream.factory import UpstreamFactory
    from chatmockd.upstream.fallback import Fallback

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


def _open_tree(
    settings: Settings, home: Path, reactor: Any, *, simulated: bool
) -> Tree | None:
    """
    Where turns are kept, in mode durable.

    A store that cannot be used is told in one line, like a bad configuration; the
    daemon has not been put in the background yet.

    @param simulated: Keep them apart from those of a real upstream.
    """
    from chatmockd.store.memory import memory_store
    from chatmockd.store.sqlite import StoreUnusable, sqlite_store
    from chatmockd.store.tree import Tree

    if settings.continuity.mode != "durable":
        return None
    if settings.store.kind == "memory":
        return Tree(memory_store("disk", reactor), memory_store(clock=reactor))
    path = at_home(settings.store.path, home)
    if simulated:
        path = path.with_name(f"simulated-{path.name}")
    try:
        return Tree(sqlite_store(reactor, path.absolute()), memory_store(clock=reactor))
    except StoreUnusable as problem:
        _leave(f"chatmockd: store.path: {problem}", EXIT_CONFIG)


def _show_how_to_try(issuer: str, ports: Sequence[IListeningPort]) -> None:
    """Print lines to paste, past the log, which stdout is by now in the foreground."""
    from chatmockd.daemon import address_of

    host = ports[0].getHost()
    if isinstance(host, IPv4Address | IPv6Address) and sys.__stdout__ is not None:
        where = address_of(host)
        # Listening everywhere is no name to call anybody by.
        where = where.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")
        # Beside twistd, which need not be on the path of whoever pastes this.
        command = Path(sys.argv[0]).with_name("chatmockd")
        body = '{"model": "gpt-5.5", "input": "Count to 5.", "stream": true}'
        print(
            "\nTry it:\n\n"
            f"  curl -N {where}/v1/responses "
            f"-H 'Content-Type: application/json' -d '{body}'\n\n"
            "Try signing in, with a login of its own:\n\n"
            f"  CHATGPT_LOCAL_HOME=simulated-login {command} login "
            f"--set account.issuer={issuer}\n",
            file=sys.__stdout__,
            flush=True,
        )


def _say_nothing(ports: Sequence[IListeningPort]) -> None:
    """People with an account know what they want."""


def _check_endpoints(settings: Settings, place: Place) -> None:
    listen = place("server", "listen")
    for description in settings.server.descriptions():
        try:
            # Nothing is asked of the reactor before the endpoint listens.
            serverFromString(cast(Any, None), description)
        except TypeError:
            # Twisted has called a function with as many words as there were.
            raise ConfigError(
                f"{listen}: {description!r} is not an endpoint description: it has too "
                "few parts between its colons, or too many; a colon that is no border "
                "is written \\:, as in tcp6:8000:interface=\\:\\:1"
            ) from None
        except Exception as problem:
            raise ConfigError(
                f"{listen}: {description!r} is not an endpoint description: {problem}"
            ) from None
        if not 0 <= port_of(description) < 65_536:
            raise ConfigError(
                f"{listen}: {description!r}: ports are numbers from 0 to 65535"
            )


def _network_of(options: Options) -> Mapping[str, str]:
    """What the environment says of the network; a simulator needs none of it."""
    return {} if options["simulate"] else os.environ


def _check_upstream(
    environ: Mapping[str, str], settings: Settings, place: Place
) -> None:
    """Try what would fail only when the daemon is put together."""
    try:
        address = Address.of(settings.upstream_url)
        # Nothing is asked of the reactor before anything is dialled.
        network = Network(None, environ)
        network.check(address.host, address.port, secure=address.secure)
    except (ConfigError, ProxyUnusable) as problem:
        raise ConfigError(str(problem)) from None
    except Exception as problem:
        raise ConfigError(
            f"{place('upstream', 'url')}: {settings.upstream_url!r} names no host and "
            f"port that can be reached: {problem or type(problem).__name__}"
        ) from None


def _leave(line: str, status: int) -> NoReturn:
    print(line, file=sys.stderr if status else sys.stdout)
    raise SystemExit(status)
