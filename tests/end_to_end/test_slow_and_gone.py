"""Clients that are slow, rude, gone or many; the upstream is another process."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
import unittest
from pathlib import Path
from typing import ClassVar

from tests.end_to_end.client import (
    Client,
    ask,
    deltas_of,
    events_in,
    is_healthy,
    text_of,
)
from tests.end_to_end.place import Daemon, Place, wait_for
from tests.end_to_end.upstream import Upstream, created, delta

MIB = 1024 * 1024
_PROC = Path("/proc/self/status").exists()
KEY = {"OPENAI_API_KEY": "sk-1"}


def _rss(pid: int) -> int:
    """Resident memory of a process, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None, status
    return int(found[1]) * 1024


def _ticks(pid: int) -> int:
    """How much CPU time a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _come_to_rest(pid: int) -> None:
    """Wait until a process has done next to nothing for a while."""
    seen, since = _ticks(pid), time.monotonic()

    def rests() -> bool:
        nonlocal seen, since
        if _ticks(pid) > seen + 1:
            seen, since = _ticks(pid), time.monotonic()
        return time.monotonic() - since > 0.4

    wait_for("the daemon to come to rest", rests)


@unittest.skipUnless(_PROC, "memory is read from /proc, and there is none")
class StalledTests(unittest.TestCase):
    """A client stops reading; the simulated upstream could go on and on."""

    daemon: ClassVar[Daemon]

    @classmethod
    def setUpClass(cls) -> None:
        place = cls.enterClassContext(Place())
        url = place.start_simulator()
        cls.daemon = place.start(
            "upstream.profile=openai",
            f"upstream.url={url}",
            simulate=False,
            environ=KEY,
        )

    def stall(self, text: str) -> Client:
        """A client which asks, reads the headers, and then nothing."""
        client = self.enterContext(Client(self.daemon.port, receive_buffer=65_536))
        self.assertEqual(client.stream(text).status, 200)
        return client

    def test_a_long_answer(self) -> None:
        """It costs the daemon little memory, and arrives whole when I read on."""
        ask(self.daemon.port)
        before = _rss(self.daemon.pid)
        # Some 10 MB each, of which the kernel holds up to 4 MB.
        clients = [self.stall("Write 40000 words.") for _ in range(3)]
        _come_to_rest(self.daemon.pid)
        self.assertLess((_rss(self.daemon.pid) - before) / len(clients), MIB)
        self.assertTrue(is_healthy(self.daemon.port))
        for client in clients[1:]:
            client.reset()
        events = events_in(clients[0].body())
        self.assertEqual(
            [event["sequence_number"] for event in events], list(range(len(events)))
        )
        self.assertEqual(events[-1]["type"], "response.completed")
        self.assertEqual(len(deltas_of(events).split()), 40_000)
        self.assertEqual(deltas_of(events), text_of(events[-1]["response"]))

    def test_large_events(self) -> None:
        """Events of megabytes arrive whole as well."""
        client = self.stall("[[simulate: event_bytes=3000000]] Say hello.")
        _come_to_rest(self.daemon.pid)
        events = events_in(client.body())
        self.assertEqual(events[-1]["type"], "response.completed")
        self.assertGreater(len(text_of(events[-1]["response"])), 3_000_000)
        self.assertEqual(deltas_of(events), text_of(events[-1]["response"]))

    def test_others_meanwhile(self) -> None:
        """Nobody else notices."""
        self.stall("Write 12000 words.")
        self.assertEqual(text_of(ask(self.daemon.port)), "1, 2, 3, 4, 5")


class GoneTests(unittest.TestCase):
    """A client leaves in the middle; upstream is played by the test."""

    daemon: ClassVar[Daemon]
    upstream: ClassVar[Upstream]

    @classmethod
    def setUpClass(cls) -> None:
        cls.upstream = cls.enterClassContext(Upstream())
        place = cls.enterClassContext(Place())
        cls.daemon = place.start(
            "upstream.profile=openai",
            f"upstream.url={cls.upstream.url}",
            # Given up at once, not when nobody has come back for a while.
            "continuity.abandon_grace_s=0",
            simulate=False,
            environ=KEY,
        )

    def assert_given_up(self, *, reset: bool, stream: bool, begun: bool) -> None:
        """The client goes; the upstream connection is closed."""
        client = self.enterContext(Client(self.daemon.port))
        client.post(stream=stream)
        wire = self.upstream.accept()
        wire.upgrade()
        self.assertIsNotNone(wire.receive())
        if begun:
            wire.say(created("resp_1"), delta("Hello"))
            if stream:
                client.until("response.output_text.delta")
        if reset:
            client.reset()
        else:
            client.close()
        self.assertIsNone(wire.receive())
        self.daemon.log_line("client gone")
        self.assertTrue(is_healthy(self.daemon.port))

    def test_reset_in_a_stream(self) -> None:
        """It resets its connection in the middle of a stream."""
        self.assert_given_up(reset=True, stream=True, begun=True)

    def test_closed_in_a_stream(self) -> None:
        """It closes its connection in the middle of a stream."""
        self.assert_given_up(reset=False, stream=True, begun=True)

    def test_reset_before_the_first_event(self) -> None:
        """It resets its connection before anything was answered."""
        self.assert_given_up(reset=True, stream=True, begun=False)

    def test_reset_while_it_waits_for_json(self) -> None:
        """It resets its connection while it waits for JSON."""
        self.assert_given_up(reset=True, stream=False, begun=True)

    def test_no_more_to_say_in_a_turn(self) -> None:
        """It closes its side only, which looks the same from here."""
        client = self.enterContext(Client(self.daemon.port))
        client.stream("Hello?")
        wire = self.upstream.accept()
        wire.upgrade()
        self.assertIsNotNone(wire.receive())
        client.socket.shutdown(socket.SHUT_WR)
        self.assertIsNone(wire.receive())
        self.assertEqual(client.socket.recv(1), b"")

    def test_reset_during_the_upgrade(self) -> None:
        """It resets its connection before upstream has even let the daemon in."""
        client = self.enterContext(Client(self.daemon.port))
        client.stream("Hello?")
        wire = self.upstream.accept()
        client.reset()
        self.assertIsNone(wire.receive())
        self.assertTrue(is_healthy(self.daemon.port))

    def test_reset_while_it_is_stalled(self) -> None:
        """It resets its connection after it has not read for a while."""
        client = self.enterContext(Client(self.daemon.port, receive_buffer=4096))
        client.stream("Hello?")
        wire = self.upstream.accept()
        wire.upgrade()
        self.assertIsNotNone(wire.receive())
        wire.say(created("resp_1"), delta("x" * 8_000_000))
        self.assertEqual(client.status, 200)
        client.reset()
        self.assertIsNone(wire.receive())
        self.assertTrue(is_healthy(self.daemon.port))


class RudeTests(unittest.TestCase):
    """What no client of ours would send: it harms nobody else."""

    daemon: ClassVar[Daemon]

    @classmethod
    def setUpClass(cls) -> None:
        place = cls.enterClassContext(Place())
        cls.daemon = place.start("server.max_body_bytes=1048576")

    def tearDown(self) -> None:
        self.assertTrue(is_healthy(self.daemon.port))

    def test_a_large_body(self) -> None:
        """20 MB where 1 MB is allowed: 413, and the daemon stays small."""
        before = _rss(self.daemon.pid) if _PROC else 0
        with Client(self.daemon.port) as client:
            content = b'{"model":"gpt-5.5","input":"' + b"x" * 12_000_000 + b'"}'
            client.ask("POST", "/v1/responses", content)
            error = client.json()["error"]
            self.assertEqual((client.status, error["code"]), (413, "body_too_large"))
        if _PROC:
            self.assertLess(_rss(self.daemon.pid) - before, 10 * MIB)

    def test_a_large_body_without_a_length(self) -> None:
        """The same in chunks, so that nobody knows how much is to come."""
        with Client(self.daemon.port) as client:
            client.socket.sendall(
                b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            )
            chunk = b"100000\r\n" + b" " * MIB + b"\r\n"
            for _ in range(20):
                client.socket.sendall(chunk)
            client.socket.sendall(b"0\r\n\r\n")
            self.assertTrue(client.socket.recv(65_536).startswith(b"HTTP/1.1 413 "))

    def test_garbage(self) -> None:
        """Bytes that are no HTTP: the connection ends, and nothing else."""
        for garbage in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(500),
            b"\x00" * 1000 + b"\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET /health HTTP/9.9\r\n\r\n",
            b"POST /v1/responses HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        ):
            with self.subTest(garbage=garbage[:40]), Client(self.daemon.port) as client:
                # It may hang up while we are still sending.
                with contextlib.suppress(OSError):
                    client.socket.sendall(garbage + b"\r\n\r\n")
                    client.socket.shutdown(socket.SHUT_WR)
                answer = b""
                with contextlib.suppress(ConnectionError):
                    while data := client.socket.recv(65_536):
                        answer += data
                self.assertNotIn(b"HTTP/1.1 200", answer)
                self.assertNotIn(b"<html", answer)
                self.assertTrue(is_healthy(self.daemon.port))

    def test_no_more_to_say(self) -> None:
        """A client that closes its side behind its request gets its answer."""
        for request, status in (
            (b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"200"),
            (b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404"),
            (b"GET /health HTTP/1.1\r\n\r\n", b"400"),
        ):
            with self.subTest(request=request), Client(self.daemon.port) as client:
                client.socket.sendall(request)
                client.socket.shutdown(socket.SHUT_WR)
                answer = b""
                while data := client.socket.recv(65_536):
                    answer += data
                self.assertTrue(answer.startswith(b"HTTP/1.1 " + status), answer)
                self.assertIn(b"}", answer)

    def test_half_a_request(self) -> None:
        """Half a head, and half a body, and then silence: nobody else waits."""
        head = b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\n"
        body = b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        for half in (head, head + body):
            for _ in range(5):
                client = self.enterContext(Client(self.daemon.port))
                client.socket.sendall(half)
        self.assertEqual(text_of(ask(self.daemon.port)), "1, 2, 3, 4, 5")


class ManyTests(unittest.TestCase):
    """Many at a time."""

    daemon: ClassVar[Daemon]

    @classmethod
    def setUpClass(cls) -> None:
        cls.daemon = cls.enterClassContext(Place()).start()

    def test_fifty_streams(self) -> None:
        """Fifty streams run side by side, all end, and each gets what it asked for."""
        clients = [self.enterContext(Client(self.daemon.port)) for _ in range(50)]
        for number, client in enumerate(clients):
            client.stream(f"[[simulate: pace_s=0.01]] Count to {number + 10}.")
        ids = set()
        for number, client in enumerate(clients):
            events = list(client.events())
            said = ", ".join(str(each) for each in range(1, number + 11))
            self.assertEqual(deltas_of(events), said)
            self.assertEqual(
                [event["sequence_number"] for event in events],
                list(range(len(events))),
            )
            self.assertEqual(events[-1]["type"], "response.completed")
            ids.add(events[-1]["response"]["id"])
        self.assertEqual(len(ids), 50)

    def test_fifty_conversations(self) -> None:
        """Fifty conversations do not hear of each other."""
        markers = []
        for number in range(50):
            told = ask(self.daemon.port, input=f"Remember the token T-{number}-T.")
            markers.append(told["id"])
        clients = [self.enterContext(Client(self.daemon.port)) for _ in markers]
        for client, marker in zip(clients, markers, strict=True):
            client.stream(
                "What token did I ask you to remember?", previous_response_id=marker
            )
        for number, client in enumerate(clients):
            answer = client.until("response.completed")["response"]
            self.assertIn(f"T-{number}-T", text_of(answer))
