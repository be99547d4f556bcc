"""An upstream that a test plays by hand: blocking, one socket at a time."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
from types import TracebackType
from typing import Any

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10

TIMEOUT = 30.0  # seconds


class Upstream:
    """Listens on loopback, and leaves everything else to the test."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(TIMEOUT)
        self._wires: list[Wire] = []

    def __enter__(self) -> Upstream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for wire in self._wires:
            wire.socket.close()
        self._listening.close()

    @property
    def url(self) -> str:
        """What C{upstream.url} is to be."""
        return f"ws://127.0.0.1:{self._listening.getsockname()[1]}/v1/responses"

    def accept(self) -> Wire:
        """Wait for the next connection, and for its upgrade request."""
        connected, _ = self._listening.accept()
        connected.settimeout(TIMEOUT)
        wire = Wire(connected)
        self._wires.append(wire)
        return wire


class Wire:
    """
    One connection from the daemon.

    @ivar headers: Those of the upgrade request, with lower-case names.
    """

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._unread = b""
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._read_some()
        head, _, self._unread = head.partition(b"\r\n\r\n")
        self.headers: dict[str, str] = {}
        for line in head.decode("latin-1").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()

    def upgrade(self) -> None:
        """Let the daemon in."""
        key = self.headers["sec-websocket-key"].encode()
        accepted = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        self.socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accepted + b"\r\n\r\n"
        )

    def refuse(self, status: int) -> None:
        """Turn the daemon away."""
        self.socket.sendall(
            b"HTTP/1.1 %d Refused\r\nContent-Length: 0\r\n\r\n" % status
        )

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the daemon closes, with a close frame or not."""
        while True:
            frame = self._frame()
            if frame is None or frame[0] == _CLOSE:
                return None
            opcode, payload = frame
            if opcode == _PING:
                self._send(_PONG, payload)
            elif opcode == _TEXT:
                message: dict[str, Any] = json.loads(payload)
                return message

    def say(self, *events: dict[str, Any]) -> None:
        """Send events."""
        for event in events:
            self._send(_TEXT, json.dumps(event).encode())

    def _send(self, opcode: int, payload: bytes) -> None:
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, length)
        elif length < 65_536:
            head = struct.pack("!BBH", 0x80 | opcode, 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 127, length)
        self.socket.sendall(head + payload)

    def _frame(self) -> tuple[int, bytes] | None:
        head = self._read(2)
        if head is None:
            return None
        length = head[1] & 0x7F
        if length >= 126:
            extended = self._read(2 if length == 126 else 8)
            if extended is None:
                return None
            length = int.from_bytes(extended, "big")
        mask, payload = self._read(4), self._read(length)
        if mask is None or payload is None:
            return None
        return head[0] & 0x0F, bytes(
            byte ^ mask[index % 4] for index, byte in enumerate(payload)
        )

    def _read(self, size: int) -> bytes | None:
        while len(self._unread) < size:
            data = self._read_some()
            if not data:
                return None
            self._unread += data
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def _read_some(self) -> bytes:
        try:
            return self.socket.recv(65_536)
        except ConnectionResetError:
            return b""


def created(response_id: str) -> dict[str, Any]:
    """A C{response.created} event."""
    return {
        "type": "response.created",
        "response": {"id": response_id, "status": "in_progress", "output": []},
        "sequence_number": 0,
    }


def delta(text: str, number: int = 1) -> dict[str, Any]:
    """A C{response.output_text.delta} event."""
    return {
        "type": "response.output_text.delta",
        "delta": text,
        "output_index": 0,
        "sequence_number": number,
    }


def completed(response_id: str, number: int = 2) -> dict[str, Any]:
    """A C{response.completed} event."""
    return {
        "type": "response.completed",
        "response": {"id": response_id, "status": "completed", "output": []},
        "sequence_number": number,
    }
