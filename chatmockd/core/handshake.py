"""Whether a request is a good WebSocket handshake: RFC 6455, section 4.2.1."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from chatmockd.errors import InvalidRequest

VERSION = "13"


class UpgradeRequired(InvalidRequest):
    """There is nothing here but a WebSocket, and the request does not ask for it."""

    status = 426
    code = "upgrade_required"

    def __init__(self) -> None:
        super().__init__(
            "GET /v1/responses is for WebSockets: ask with 'Upgrade: websocket', or "
            "use POST."
        )

    def headers(self) -> dict[str, str]:
        return super().headers() | {"upgrade": "websocket", "connection": "Upgrade"}


class BadHandshake(InvalidRequest):
    """The request asks for a WebSocket, and not in the way of RFC 6455."""

    code = "bad_handshake"

    def headers(self) -> dict[str, str]:
        return super().headers() | {"sec-websocket-version": VERSION}


@dataclass(frozen=True)
class Handshake:
    """
    The parts of a request that ask for a WebSocket, as they were sent.

    @ivar protocol: C{HTTP/1.1}.
    @ivar has_body: The request has a body, or says that it has one.
    """

    method: str
    protocol: str
    upgrade: Sequence[str] = ()
    connection: Sequence[str] = ()
    version: Sequence[str] = ()
    key: Sequence[str] = ()
    has_body: bool = False


def checked_key(handshake: Handshake) -> str:
    """
    The C{Sec-WebSocket-Key} of a handshake that can be accepted.

    @raise UpgradeRequired: It is an ordinary request.
    @raise BadHandshake: It is something in between.
    """
    if handshake.method != "GET" or "websocket" not in _tokens(handshake.upgrade):
        raise UpgradeRequired()
    if handshake.protocol != "HTTP/1.1":
        raise BadHandshake("A WebSocket handshake is an HTTP/1.1 request.")
    if "upgrade" not in _tokens(handshake.connection):
        raise BadHandshake("'Upgrade: websocket' needs a 'Connection: Upgrade'.")
    if handshake.has_body:
        raise BadHandshake("A WebSocket handshake has no body.")
    if [version.strip() for version in handshake.version] != [VERSION]:
        raise BadHandshake(f"Sec-WebSocket-Version must be {VERSION}.")
    if len(handshake.key) != 1 or not _is_key(handshake.key[0].strip()):
        raise BadHandshake("There must be one Sec-WebSocket-Key, 16 bytes in base64.")
    return handshake.key[0].strip()


def _tokens(values: Sequence[str]) -> set[str]:
    return {token.strip().lower() for value in values for token in value.split(",")}


def _is_key(key: str) -> bool:
    try:
        return len(key) == 24 and len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
