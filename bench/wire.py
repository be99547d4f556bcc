"""Bytes on the loopback wire: WebSocket frames, SSE in HTTP chunks. No I/O."""

from __future__ import annotations

import base64
import hashlib
from typing import NamedTuple

from bench.events import Event

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA

LAST_CHUNK = b"0\r\n\r\n"
"""What ends a chunked HTTP body."""


def accept_key(key: bytes) -> bytes:
    """What C{Sec-WebSocket-Accept} says to a client's C{Sec-WebSocket-Key}."""
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())


def server_frame(opcode: int, payload: bytes) -> bytes:
    """One whole, unmasked WebSocket frame."""
    size = len(payload)
    first = 0x80 | opcode
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65536:
        return bytes((first, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload


class ClientFrame(NamedTuple):
    """One frame that a client sent, unmasked."""

    final: bool
    opcode: int
    payload: bytes
    end: int
    """Where the next frame begins in the bytes it was read from."""


def read_client_frame(received: bytes) -> ClientFrame | None:
    """The first frame in C{received}, or None while it is not all there."""
    if len(received) < 6:
        return None
    size = received[1] & 0x7F
    at = 2
    if size == 126:
        size, at = int.from_bytes(received[2:4], "big"), 4
    elif size == 127:
        size, at = int.from_bytes(received[2:10], "big"), 10
    end = at + 4 + size
    if len(received) < end:
        return None
    mask = received[at : at + 4] * (size // 4 + 1)
    key = int.from_bytes(mask[:size], "big")
    masked = int.from_bytes(received[at + 4 : end], "big")
    payload = (masked ^ key).to_bytes(size, "big")
    return ClientFrame(received[0] >= 0x80, received[0] & 0xF, payload, end)


def as_frame(event: Event) -> bytes:
    """The event as one WebSocket text message."""
    return server_frame(TEXT, event[1])


def as_chunk(event: Event) -> bytes:
    """The event as SSE, in one HTTP chunk of its own."""
    sse = b"event: %b\ndata: %b\n\n" % (event[0].encode(), event[1])
    return b"%x\r\n%b\r\n" % (len(sse), sse)
