"""C{twistd chatmockd}: its options, and the service that they come to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, cast

import msgspec
from twisted.application.service import IService, Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.logger import ILogObserver
from twisted.python import usage

from chatmockd.account.state_folder import StateFolder
from chatmockd.account.tokens import FixedKey
from chatmockd.config import Place, at_home, find_file, load
from chatmockd.core.proxy import ProxyUnusable
from chatmockd.exposure import port_of
from chatmockd.log_file import log_into, log_wanted
from chatmockd.network import Network
from chatmockd.open_files import allow_connections
from chatmockd.outbound import HttpOutbound
from chatmockd.settings import ConfigError, Settings
from chatmockd.steady import keep_steady
from chatmockd.upstream.handshake import Address

EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h


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
    """Put the daemon together; what could be refused has been checked before."""
    # Importing Klein installs the default reactor, so not before twistd chose one.
    from twisted.internet import reactor as _reactor

    from chatmockd import wiring
    from chatmockd.store.sqlite import StoreUnusable

    sys.excepthook = _tell_why_it_ends
    reactor: Any = _reactor
    keep_steady(reactor)
    log = None if options.parent is None else _log_of(options.parent)
    settings = options.settings
    allow_connections(settings.continuity.max_retained)
    network = Network(reactor, _network_of(options))
    outbound = HttpOutbound(reactor, network)
    home = Path.home()
    companions: list[Service] = []
    announce: Callable[[Sequence[IListeningPort]], None] = _say_nothing
    if options["simulate"]:
        from chatmockd.simulator.service import SimulatedUpstream

        simulated = SimulatedUpstream(reactor, settings.upstream.profile)
        companions.append(simulated)
        announce = partial(_show_how_to_try, simulated.issuer)
        settings = _towards(simulated.url, simulated.issuer, settings)
        # What the simulator says is good for this run only.
        login = wiring.Login(FixedKey("simulated"), StateFolder(None))
    else:
        login = wiring.login_of(settings, os.environ, home, reactor, outbound)
    try:
        tree = wiring.tree_of(settings, home, reactor, simulated=options["simulate"])
    except StoreUnusable as problem:
        # In one line, like a bad configuration: we are not in the background yet.
        _leave(f"chatmockd: store.path: {problem}", EXIT_CONFIG)
    return wiring.daemon_of(
        settings,
        reactor,
        network,
        outbound,
        login,
        tree,
        companions=companions,
        announce=announce,
        observe=log,
    )


def _towards(url: str, issuer: str, settings: Settings) -> Settings:
    """The same with another upstream."""
    upstream = msgspec.structs.replace(settings.upstream, url=url)
    account = msgspec.structs.replace(settings.account, issuer=issuer)
    return msgspec.structs.replace(settings, upstream=upstream, account=account)


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


def _log_of(twistd: Mapping[str, Any]) -> Callable[[], ILogObserver] | None:
    path = log_wanted(twistd)
    if path is None:
        return None
    return partial(log_into, path, in_background=not twistd["nodaemon"])


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
