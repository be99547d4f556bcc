"""What is compared: how each contender starts, and what it speaks to."""

from __future__ import annotations

import base64
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench import chatmock_package
from bench.authority import Authority
from bench.children import Child, free_port, module

_FAR_FUTURE = 4102444800


@dataclass(frozen=True)
class Loopback:
    """The loopback upstream of this run: its three ports, and whom to trust."""

    ws: int
    wss: int
    http: int
    authority: Authority

    def websocket_url(self, tls: bool) -> str:
        scheme, port = ("wss", self.wss) if tls else ("ws", self.ws)
        return f"{scheme}://127.0.0.1:{port}/v1/responses"


@dataclass(frozen=True)
class Launch:
    """How to start one process."""

    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    health: str | None = None


@dataclass(frozen=True)
class Contender:
    """
    One thing to measure.

    @ivar launch: Given the loopback upstream, a port to serve on, a folder for its
        files and whether to use TLS: how to start it. None for the upstream itself.
    @ivar follows_up: It understands C{previous_response_id}.
    @ivar answers_json: It also answers requests that do not stream.
    """

    name: str
    launch: Callable[[Loopback, int, Path, bool], Launch] | None
    follows_up: bool = True
    answers_json: bool = True


@dataclass(frozen=True)
class Running:
    """A contender that serves now."""

    contender: Contender
    port: int
    pid: int


_DAEMON_CONFIG = """\
[server]
listen = "tcp:{port}:interface=127.0.0.1"
[upstream]
profile = "openai"
url = "{url}"
[models]
sync = false
[continuity]
mode = "{mode}"
max_retained = 10000
[store]
path = "{store}"
"""


def _chatmockd(loopback: Loopback, port: int, folder: Path, tls: bool) -> Launch:
    return _daemon("retained", loopback, port, folder, tls)


def _durable(loopback: Loopback, port: int, folder: Path, tls: bool) -> Launch:
    return _daemon("durable", loopback, port, folder, tls)


def _daemon(
    mode: str, loopback: Loopback, port: int, folder: Path, tls: bool
) -> Launch:
    config = folder / "chatmockd.toml"
    url = loopback.websocket_url(tls)
    store = folder / "store" / "turns.sqlite"
    text = _DAEMON_CONFIG.format(port=port, url=url, mode=mode, store=store)
    config.write_text(text, encoding="utf-8")
    # Like the twistd script, which need not lie beside this Python.
    twistd = "from twisted.scripts.twistd import run; run()"
    arguments = ["-n", "--pidfile=", "chatmockd", "--config", str(config)]
    environment = {"OPENAI_API_KEY": "bench", "HOME": str(folder)}
    if tls:
        environment["SSL_CERT_FILE"] = str(loopback.authority.trust)
    return Launch([sys.executable, "-c", twistd, *arguments], environment, "/health")


def _naive(loopback: Loopback, port: int, folder: Path, tls: bool) -> Launch:
    url = loopback.websocket_url(tls)
    command = module("bench.peers.naive", f"--port={port}", f"--upstream={url}")
    trust = {"SSL_CERT_FILE": str(loopback.authority.trust)} if tls else {}
    return Launch(command, trust)


def _relay(loopback: Loopback, port: int, folder: Path, tls: bool) -> Launch:
    ports = (f"--port={port}", f"--upstream-port={loopback.http}")
    return Launch(module("bench.peers.relay", *ports))


def _chatmock(loopback: Loopback, port: int, folder: Path, tls: bool) -> Launch:
    """
    It keeps its account in a file; ours is made up, and its token never expires.
    """
    claims = base64.urlsafe_b64encode(json.dumps({"exp": _FAR_FUTURE}).encode())
    token = f"e30.{claims.decode().rstrip('=')}.bench"
    tokens = {"access_token": token, "id_token": token, "account_id": "bench"}
    account = json.dumps({"tokens": tokens})
    (folder / "auth.json").write_text(account, encoding="utf-8")
    launcher = Path(__file__).parent / "peers" / "chatmock_launcher.py"
    url = f"http://127.0.0.1:{loopback.http}/responses"
    serve = ["serve", "--port", str(port), "--no-model-sync"]
    return Launch(
        [str(chatmock_package.PYTHON), str(launcher), url, *serve],
        {"CHATGPT_LOCAL_HOME": str(folder), "NO_PROXY": "127.0.0.1"},
        "/health",
    )


CHATMOCKD = Contender("chatmockd", _chatmockd)
DURABLE = Contender("durable", _durable)
"""The daemon again, in mode durable: every turn is committed to disk."""

NAIVE = Contender("naive", _naive)
RELAY = Contender("relay", _relay, answers_json=False)
CHATMOCK = Contender("chatmock", _chatmock, follows_up=False)
DIRECT = Contender("direct", None, answers_json=False)
"""No bridge at all: the load client asks the loopback upstream."""

ALL = (CHATMOCKD, DURABLE, NAIVE, RELAY, CHATMOCK, DIRECT)


@contextlib.contextmanager
def loopback_upstream(authority: Authority, folder: Path) -> Iterator[Loopback]:
    """The loopback upstream, as long as the block runs."""
    certificate = f"--certificate={authority.server}"
    log = folder / "upstream.log"
    with Child(module("bench.upstream", certificate), log, {}) as child:
        yield Loopback(**json.loads(child.wait_for_line()), authority=authority)


@contextlib.contextmanager
def running(
    contender: Contender, loopback: Loopback, tls: bool = False
) -> Iterator[Running]:
    """C{contender} as a fresh process, as long as the block runs."""
    if contender.launch is None:
        yield Running(contender, loopback.http, 0)
        return
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        launch = contender.launch(loopback, port, folder, tls)
        log = folder / f"{contender.name}.log"
        with Child(launch.command, log, launch.environment) as child:
            child.wait_for_port(port, launch.health)
            yield Running(contender, port, child.pid)
