"""How a connection comes about: address, upgrade request, and why it was refused."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
from autobahn.websocket.types import ConnectingRequest
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS

from chatmockd import __version__
from chatmockd.core import failure
from chatmockd.core.profile import Profile
from chatmockd.errors import ChatmockdError, UpstreamRefused, UpstreamUnreachable

_MAX_REPLY = 65_536  # bytes of a handshake reply, its body included
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

    def endpoint(self, reactor: IReactorTime, timeout: float) -> IStreamClientEndpoint:
        """
        What connects there; with C{wss} it verifies the certificate and its name.

        Autobahn's own C{connectWS} verifies nothing.
        """
        endpoint = HostnameEndpoint(reactor, self.host, self.port, timeout=timeout)
        if not self.secure:
            return endpoint
        return wrapClientTLS(optionsForClientTLS(self.host), endpoint)


def upgrade_request(
    address: Address, profile: Profile, credentials: Mapping[str, str]
) -> ConnectingRequest:
    """The upgrade request for one new connection."""
    headers = {**profile.headers, **credentials}
    if profile.name == "chatgpt":
        # The backend routes by session-id, which keeps a conversation's cache warm.
        session = str(uuid.uuid4())
        headers["originator"] = "chatmockd"
        headers["session-id"] = session
        headers["x-client-request-id"] = session
    host = f"[{address.host}]" if ":" in address.host else address.host
    return ConnectingRequest(
        host=host,
        port=address.port,
        resource=address.resource,
        headers=headers,
        useragent=f"chatmockd/{__version__}",
    )


class Reply:
    """
    The bytes of the answer to an upgrade, until it is whole.

    Autobahn drops the transport as soon as it has read a refusal's headers, and what
    the upstream has to say stands in the body.
    """

    def __init__(self) -> None:
        self._bytes = b""

    def __bytes__(self) -> bytes:
        return self._bytes

    def feed(self, data: bytes) -> tuple[bytes, bytes] | None:
        """
        Take the next bytes.

        @return: None while more is to come; else the reply's head, and what follows it.
        """
        self._bytes += data
        end = self._bytes.find(_HEADERS_END)
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
    error = failure.refused(
        said,
        status=status if status in _PASSED_ON else 502,
        retry_after=reply.headers().get("retry-after"),
        fallback=f"{sentence}.",
    )
    if error.message == f"{sentence}.":
        return error
    return UpstreamRefused(
        f"{sentence}: {error.message}",
        status=error.status,
        type=error.type,
        code=error.code,
        param=error.param,
        retry_after=error.retry_after,
        should_retry=error.should_retry,
    )


def unreachable(address: Address, phase: str, problem: BaseException) -> ChatmockdError:
    """
    What to tell the client about a connection that did not come about.

    @param phase: How far it got: C{"connect"}, C{"TLS"} or C{"WebSocket upgrade"}.
    @param problem: What Twisted or OpenSSL reported.
    """
    if isinstance(problem, DNSLookupError):
        return UpstreamUnreachable(str(address), "DNS", "no such host name")
    if isinstance(problem, VerificationError):
        return UpstreamUnreachable(
            str(address), "TLS", "the certificate is for another host name"
        )
    if isinstance(problem, SSL.Error):
        reasons = problem.args[0] if problem.args else ()
        words = [entry[2] for entry in reasons if len(entry) > 2]
        return UpstreamUnreachable(
            str(address), "TLS", ", ".join(words) or "the handshake failed"
        )
    cause = str(problem).rstrip(".") or type(problem).__name__
    return UpstreamUnreachable(str(address), phase, cause)
