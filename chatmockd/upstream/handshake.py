"""How a connection comes about: address, upgrade request, and why it was refused."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
from autobahn.websocket.types import ConnectingRequest
from twisted.internet.error import TimeoutError as TwistedTimeout
from twisted.internet.interfaces import IStreamClientEndpoint

from chatmockd import __version__
from chatmockd.core import failure
from chatmockd.core.profile import Profile
from chatmockd.errors import ChatmockdError, UpstreamRefused, UpstreamUnreachable
from chatmockd.names import LookupTimeout
from chatmockd.network import Network, what_failed
from chatmockd.settings import Upstream

_MAX_REPLY = 65_536  # bytes of a handshake reply, its body included
_HTTP = b"HTTP/1."
_HEADERS_END = b"\r\n\r\n"

# These tell a client something it can act on; whatever else refuses an upgrade is a
# matter between us and the upstream.
_PASSED_ON = frozenset({401, 403, 429, 503})


@dataclass(frozen=True)
class Address:
    """Where the upstream is."""

    host: str
    port: int
    resource: str
    secure: bool

    @classmethod
    def of(cls, url: str) -> Address:
        """
        The address that a checked C{ws://} or C{wss://} URL names.

        @raise ValueError: The port is not one.
        """
        parts = urlsplit(url)
        secure = parts.scheme == "wss"
        resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        port = parts.port or (443 if secure else 80)
        return cls(parts.hostname or "", port, resource, secure)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def endpoint(self, network: Network, timeout: float) -> IStreamClientEndpoint:
        """
        What connects there; with C{wss} it verifies the certificate and its name.

        Autobahn's own C{connectWS} verifies nothing.
        """
        return network.endpoint(
            self.host, self.port, secure=self.secure, timeout=timeout
        )

    def http_url(self, below: str = "") -> str:
        """
        Its twin for HTTP requests: the same path, as the servers have it.

        @param below: What follows the path, with a slash.
        """
        path, mark, query = self.resource.partition("?")
        scheme = "https" if self.secure else "http"
        return f"{scheme}://{self}{path}{below}{mark}{query}"


@dataclass(frozen=True)
class Introduction:
    """
    Who we say we are.

    @ivar originator: The program, for the ChatGPT backend.
    """

    originator: str = f"chatmockd/{__version__}"
    user_agent: str = f"chatmockd/{__version__}"

    @classmethod
    def of(cls, settings: Upstream) -> Introduction:
        """What the operator wants said, where he says so."""
        return cls(
            settings.originator or cls.originator, settings.user_agent or cls.user_agent
        )

    def headers(self, profile: Profile) -> dict[str, str]:
        """All of it except the C{User-Agent}, for one conversation."""
        if profile.name != "chatgpt":
            return {}
        # The backend routes by session-id, which keeps a conversation's cache warm.
        session = str(uuid.uuid4())
        return {
            "originator": self.originator,
            "session-id": session,
            "x-client-request-id": session,
        }


def upgrade_request(
    address: Address,
    profile: Profile,
    credentials: Mapping[str, str],
    introduction: Introduction,
) -> ConnectingRequest:
    """The upgrade request for one new connection."""
    headers = {**profile.headers, **credentials, **introduction.headers(profile)}
    host = f"[{address.host}]" if ":" in address.host else address.host
    return ConnectingRequest(
        host=host,
        port=address.port,
        resource=address.resource,
        headers=headers,
        useragent=introduction.user_agent,
    )


class Reply:
    """
    The bytes of the answer to an upgrade, until it is whole.

    Autobahn drops the transport as soon as it has read a refusal's headers, and what
    the upstream has to say stands in the body.
    """

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, data: bytes) -> tuple[bytes, bytes] | None:
        """
        Take the next bytes.

        @return: None while more is to come; else the reply's head, and what follows it.
        """
        self._bytes += data
        end = self._bytes.find(_HEADERS_END)
        if not self._bytes.startswith(_HTTP[: len(self._bytes)]):
            # There may never be an end to whatever this is.
            return self._bytes, b""
        if end < 0:
            if len(self._bytes) > _MAX_REPLY:
                return self._bytes, b""
            return None
        head, rest = self._bytes[: end + 4], self._bytes[end + 4 :]
        if self.status != 101:
            announced = self.headers().get("content-length", "")
            # Python refuses to read thousands of digits, and so many bytes are not
            # waited for anyway.
            length = int(announced) if re.fullmatch("[0-9]{1,9}", announced) else 0
            if len(rest) < length <= _MAX_REPLY:
                return None
        return head, rest

    @property
    def status(self) -> int | None:
        """The HTTP status; None while there is none."""
        words = self._bytes.split(b"\r\n", 1)[0].split()
        if len(words) < 2 or not words[0].startswith(b"HTTP/") or len(words[1]) != 3:
            return None
        return int(words[1]) if words[1].isdigit() else None

    def headers(self) -> dict[str, str]:
        """The headers, with lower-case names; the last one wins."""
        head = self._bytes.partition(_HEADERS_END)[0].decode("latin-1")
        headers = {}
        for line in head.split("\r\n")[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return headers

    def body(self) -> bytes:
        """As much of the body as came."""
        return self._bytes.partition(_HEADERS_END)[2]


class UpgradeToHttp(UpstreamRefused):
    """The upstream wants to be asked over HTTP (426)."""


def refused_upgrade(address: Address, reply: Reply) -> ChatmockdError:
    """What to tell the client about an upgrade that was not granted."""
    status = reply.status
    if status is None or status == 101:
        return UpstreamUnreachable(
            str(address), "WebSocket upgrade", "the answer is not a valid upgrade"
        )
    try:
        said = msgspec.json.decode(reply.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = None
    sentence = f"The upstream {address} refused the WebSocket upgrade with {status}"
    refusal = UpgradeToHttp if status == 426 else UpstreamRefused
    headers = reply.headers()
    error = failure.refused(
        said,
        status=status if status in _PASSED_ON else 502,
        retry_after=headers.get("retry-after"),
        date=headers.get("date"),
        fallback=f"{sentence}.",
    )
    told = "" if error.message == f"{sentence}." else f": {error.message}"
    return refusal(
        f"{sentence}{told}" if told else f"{sentence}.",
        status=error.status,
        type=error.type,
        code=error.code,
        param=error.param,
        retry_after=error.retry_after,
        should_retry=error.should_retry,
    )


def unreachable(
    address: Address, phase: str, problem: BaseException | None
) -> ChatmockdError:
    """
    What to tell the client about a connection that did not come about.

    @param phase: How far it got: C{"connect"}, C{"TLS"} or C{"WebSocket upgrade"}.
    @param problem: What Twisted or OpenSSL reported.
    """
    lost = ConnectionError("the connection was lost")
    phase, cause = what_failed(phase, problem or lost)
    if isinstance(problem, LookupTimeout | TwistedTimeout):
        cause = f"{cause} (upstream.connect_timeout_s)"
    return UpstreamUnreachable(str(address), phase, cause)
