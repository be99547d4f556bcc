"""The loopback upstream: prebuilt answers over WebSocket, TLS and HTTP, almost free.

It runs as a process of its own, so that nothing it costs is counted for a bridge. The
C{model} of a request says what to answer: C{bench-200-0} is 200 events at once,
C{bench-200-20} is one event every 20 ms, and C{bench-200-0-10000} has deltas of 10,000
bytes. A C{previous_response_id} must be the newest response of its own WebSocket, as on
the real one.

On the HTTP port any POST gets the same answer as chunked SSE, one chunk per event, and
C{GET /counts} says what happened so far.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import CertificateOptions, PrivateCertificate
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer

from bench.events import DELTA_SIZE, TOKEN, Event, answer
from bench.loopback import clock, listen, run, server_of
from bench.wire import (
    CLOSE,
    LAST_CHUNK,
    PING,
    PONG,
    TEXT,
    accept_key,
    as_chunk,
    as_frame,
    read_client_frame,
    server_frame,
)

_MODEL = re.compile(rb'"model"\s*:\s*"bench-(\d+)-(\d+)(?:-(\d+))?"')
_MARKER = re.compile(rb'"previous_response_id"\s*:\s*"(resp_[0-9a-f]+)"')
_RESPONSE_ID = re.compile(rb"resp_[0-9a-f]{50}")
_SLICE = 65536
"""Bytes written at once in a burst, so that a slow reader is noticed."""

_tokens = (b"%016x" % n for n in itertools.count(int.from_bytes(os.urandom(4), "big")))


@dataclass
class Counts:
    """What the loopback upstream has seen since it began."""

    upgrades: int = 0
    answers: int = 0
    refused_markers: int = 0
    refused_models: int = 0


@lru_cache(maxsize=32)
def _pieces(
    encode: Callable[[Event], bytes], ending: bytes, count: int, size: int
) -> tuple[tuple[bytes, ...], bytes]:
    """One answer on the wire: each event by itself, and all of them in one."""
    *pieces, last = map(encode, answer(count, size))
    pieces.append(last + ending)
    return tuple(pieces), b"".join(pieces)


def _slices(blob: bytes) -> Iterator[bytes]:
    if len(blob) <= _SLICE:
        return iter((blob,))
    return (blob[at : at + _SLICE] for at in range(0, len(blob), _SLICE))


@implementer(IPushProducer)
class Speaker(Protocol):
    """One connection: says one answer at a time, no faster than it is read."""

    transport: Connection
    encode: Callable[[Event], bytes]
    ending = b""
    """What follows the last event of an answer."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._received = b""
        self._unsaid: Iterator[bytes] | None = None
        self._pace_s = 0.0
        self._due = 0.0
        self._timer: IDelayedCall | None = None
        self._paused = False

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.stopProducing()

    def say(self, request: bytes) -> bytes | None:
        """Begin the answer to C{request}; its response id, or None if it asks none."""
        wanted = _MODEL.search(request)
        if wanted is None:
            self._counts.refused_models += 1
            return None
        count, pace_ms, size = (int(n) if n else 0 for n in wanted.groups())
        self._counts.answers += 1
        token = next(_tokens)
        single, blob = _pieces(self.encode, self.ending, count, size or DELTA_SIZE)
        if pace_ms:
            self._unsaid = (piece.replace(TOKEN, token) for piece in single)
        else:
            self._unsaid = _slices(blob.replace(TOKEN, token))
        self._pace_s = pace_ms / 1000
        self._due = clock.seconds()
        if not self._paused:
            self._go_on()
        found = _RESPONSE_ID.search(single[0].replace(TOKEN, token))
        assert found is not None
        return found.group()

    def _go_on(self) -> None:
        """Say the next piece at its time, or in a burst all that fits."""
        self._timer = None
        while self._unsaid is not None and not self._paused:
            piece = next(self._unsaid, None)
            if piece is None:
                self._unsaid = None
                return
            self.transport.write(piece)
            if self._pace_s:
                self._due += self._pace_s
                wait = max(0.0, self._due - clock.seconds())
                self._timer = clock.callLater(wait, self._go_on)
                return

    def pauseProducing(self) -> None:
        self._paused = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def resumeProducing(self) -> None:
        self._paused = False
        if self._timer is None:
            self._go_on()

    def stopProducing(self) -> None:
        self.pauseProducing()
        self._unsaid = None

    def close(self) -> None:
        """End the connection once everything is written."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()


class WebSocketSpeaker(Speaker):
    """Speaks the Responses WebSocket, as far as a bridge needs it."""

    encode = staticmethod(as_frame)

    def __init__(self, counts: Counts) -> None:
        super().__init__(counts)
        self._upgraded = False
        self._message = b""
        self._newest: bytes | None = None

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        if not self._upgraded and not self._upgrade():
            return
        while (frame := read_client_frame(self._received)) is not None:
            self._received = self._received[frame.end :]
            if frame.opcode == PING:
                self.transport.write(server_frame(PONG, frame.payload))
            elif frame.opcode == CLOSE:
                self.transport.write(server_frame(CLOSE, frame.payload[:2]))
                self.close()
            elif frame.opcode != PONG:
                self._message += frame.payload
                if frame.final:
                    message, self._message = self._message, b""
                    self._answer(message)

    def _upgrade(self) -> bool:
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        if not blank:
            return False
        key = re.search(rb"(?i)\r\nsec-websocket-key: *([^\r]+)", head)
        if key is None:
            self.close()
            return False
        self._upgraded, self._received = True, rest
        self._counts.upgrades += 1
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n"
            % accept_key(key.group(1).strip())
        )
        return True

    def _answer(self, message: bytes) -> None:
        marker = _MARKER.search(message)
        if marker is not None and marker.group(1) != self._newest:
            self._counts.refused_markers += 1
            self._refuse("previous_response_not_found")
            return
        self._newest = self.say(message)
        if self._newest is None:
            self._refuse("model_not_found")

    def _refuse(self, code: str) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": code}
        event = {"type": "error", "status": 400, "error": error}
        self.transport.write(server_frame(TEXT, json.dumps(event).encode()))


class HttpSpeaker(Speaker):
    """Speaks HTTP/1.1 with keep-alive and answers each POST with chunked SSE."""

    encode = staticmethod(as_chunk)
    ending = LAST_CHUNK

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        while True:
            head, blank, rest = self._received.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            size = int(length.group(1)) if length else 0
            if not blank or len(rest) < size:
                return
            self._received = rest[size:]
            self._answer(head, rest[:size])

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET"):
            self._plain(200, json.dumps(asdict(self._counts)).encode())
        elif _MODEL.search(body) is None:
            self._counts.refused_models += 1
            self._plain(400, b'{"error":{"message":"no such model"}}')
        else:
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                b"transfer-encoding: chunked\r\n\r\n"
            )
            self.say(body)

    def _plain(self, status: int, body: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 %d Loopback\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (status, len(body), body)
        )


def main() -> None:
    """Listen on three ports of the loopback interface, say which, and serve."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--certificate", type=Path, required=True)
    pem = options.parse_args().certificate.read_text(encoding="ascii")
    counts = Counts()
    certificate = PrivateCertificate.loadPEM(pem)
    tls = CertificateOptions(
        privateKey=certificate.privateKey.original,
        certificate=certificate.original,
        # A client which offers ALPN is refused by OpenSSL if we choose nothing.
        acceptableProtocols=[b"http/1.1"],
    )
    ports = {
        "ws": listen(server_of(lambda: WebSocketSpeaker(counts))),
        "wss": listen(server_of(lambda: WebSocketSpeaker(counts)), tls=tls),
        "http": listen(server_of(lambda: HttpSpeaker(counts))),
    }
    print(json.dumps(ports), flush=True)
    run()


if __name__ == "__main__":
    main()
