"""An upstream that answers by itself, and keeps every request it was ever sent."""

from __future__ import annotations

import hashlib
import json
import secrets
import select
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tests.end_to_end.upstream import Wire, completed, created, delta

_TEXT, _CONTROL, _LAST = 1, 8, 0x80

Item = dict[str, Any]


def said(text: str) -> Item:
    """What a user says, in its long form: nobody has a reason to change it."""
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content}


def answered(text: str) -> Item:
    """What the model says, as it is told to an upstream that has not heard it."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "role": "assistant", "content": content}


def digest(transcript: Iterable[Item]) -> str:
    """The same for the same items in the same order, whatever their ids."""
    bare = [
        {name: item[name] for name in item if name not in ("id", "status")}
        for item in transcript
    ]
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Dispatch:
    """
    One request, as it came in.

    @ivar connection: The number of its connection, counted from 1.
    @ivar message: All of it.
    @ivar transcript: The conversation that it amounts to, on this connection.
    """

    connection: int
    message: dict[str, Any]
    transcript: list[Item]

    @property
    def text(self) -> str:
        """What the user said last."""
        text: str = self.transcript[-1]["content"][0]["text"]
        return text


def echo(dispatch: Dispatch) -> list[str]:
    """The answer where a test wants no particular one."""
    return ["You said: ", f"{dispatch.text}, ", f"item {len(dispatch.transcript)}."]


class RecordingUpstream:
    """
    Listens on loopback; each connection has a thread, and remembers its last response.

    It keeps what no connection keeps: it is asked what it has been sent when the daemon
    that sent it is long dead.

    @ivar dispatches: Every request so far.
    @ivar words: The pieces of the answer.
    @ivar pace: Seconds between two pieces.
    @ivar finishes: Whether an answer comes to its end. One that does not stops before
        the terminal event, and the connection stays open.
    @ivar leave: What becomes of the connection when a turn has ended.
    """

    def __init__(self) -> None:
        self.dispatches: list[Dispatch] = []
        self.words: Callable[[Dispatch], list[str]] = echo
        self.pace = 0.0
        self.finishes = True
        self.leave: Callable[[Wire], None] | None = None
        self._closing = threading.Event()
        self._open: dict[int, socket.socket] = {}
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=200)
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> RecordingUpstream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        with self._lock:
            # Closing alone does not wake the threads that wait for something.
            for each in (self._listening, *self._open.values()):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # the other side was faster
        for thread in self._threads:
            thread.join()
        self._listening.close()

    @property
    def url(self) -> str:
        """What C{upstream.url} is to be."""
        return f"ws://127.0.0.1:{self._listening.getsockname()[1]}/v1/responses"

    @property
    def open(self) -> int:
        """How many connections neither side has closed."""
        with self._lock:
            return len(self._open)

    def asked(self, text: str) -> list[Dispatch]:
        """The requests in which the user said this last."""
        return [dispatch for dispatch in self.dispatches if dispatch.text == text]

    def _accept(self) -> None:
        number = 0
        while not self._closing.is_set():
            try:
                connected, _ = self._listening.accept()
            except OSError:
                return
            number += 1
            thread = threading.Thread(target=self._serve, args=(connected, number))
            with self._lock:
                self._threads.append(thread)
                self._open[number] = connected
            thread.start()

    def _serve(self, connected: socket.socket, number: int) -> None:
        with connected:
            # Small events shall leave at once.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._talk(_WholeWire(connected), number)
            except OSError:
                pass  # the daemon is gone, which is what the tests are about
            finally:
                with self._lock:
                    del self._open[number]

    def _talk(self, wire: Wire, number: int) -> None:
        wire.upgrade()
        tip: str | None = None
        known: list[Item] = []
        while (message := wire.receive()) is not None:
            marker = message.get("previous_response_id")
            given = message["input"]
            if isinstance(given, str):
                given = [said(given)]
            transcript = given if marker is None else [*known, *given]
            dispatch = Dispatch(number, message, transcript)
            self.dispatches.append(dispatch)
            if marker not in (None, tip):
                wire.say(_not_found(marker))
                continue
            tip = f"resp_{secrets.token_hex(8)}"
            answer = self._answer(wire, tip, dispatch)
            if answer is None:
                continue
            known = [*transcript, answer]
            if self.leave is not None:
                self.leave(wire)

    def _answer(self, wire: Wire, response_id: str, dispatch: Dispatch) -> Item | None:
        wire.say(created(response_id))
        words = self.words(dispatch)
        for number, word in enumerate(words, 1):
            wire.say(delta(word, number))
            if select.select([wire.socket], [], [], self.pace)[0]:
                return None  # it closes, or has something else to say
        if not self.finishes:
            return None
        item = answered("".join(words))
        whole = {**item, "id": f"msg_{secrets.token_hex(8)}", "status": "completed"}
        end = completed(response_id, len(words) + 1)
        end["response"]["output"] = [whole]
        end["response"]["model"] = dispatch.message["model"]
        wire.say(end)
        return item


class _WholeWire(Wire):
    """Puts messages together that come in pieces, and tells an end from silence."""

    _message = b""

    def _read_some(self) -> bytes:
        some = super()._read_some()
        if not some:
            raise ConnectionError("closed by the other side")
        return some

    def _frame(self) -> tuple[int, bytes]:
        while True:
            head = self._take(2)
            length = head[1] & 0x7F
            if length >= 126:
                length = int.from_bytes(self._take(2 if length == 126 else 8), "big")
            mask = self._take(4)
            payload = _masked(self._take(length), mask)
            opcode = head[0] & 0x0F
            if opcode >= _CONTROL:
                return opcode, payload
            self._message += payload
            if head[0] & _LAST:
                message, self._message = self._message, b""
                return _TEXT, message

    def _take(self, size: int) -> bytes:
        taken = self._read(size)
        assert taken is not None
        return taken


def _masked(payload: bytes, mask: bytes) -> bytes:
    """As one number: byte by byte it takes longer than all the rest of a test."""
    size = len(payload)
    whole = (mask * (size // 4 + 1))[:size]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")
    return mixed.to_bytes(size, "big")


def _not_found(marker: str) -> dict[str, Any]:
    return {
        "type": "error",
        "status": 400,
        "error": {
            "type": "invalid_request_error",
            "code": "previous_response_not_found",
            "message": f"Previous response with id '{marker}' not found.",
            "param": "previous_response_id",
        },
    }
