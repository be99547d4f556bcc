"""C{twistd chatmockd} as people start it: foreground, background, and not at all."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import unittest
from pathlib import Path
from typing import ClassVar

from tests.end_to_end.client import Client, ask, is_healthy, text_of
from tests.end_to_end.place import (
    LISTEN,
    SERVING,
    TWISTD,
    Daemon,
    Place,
    PlacedTests,
    is_running,
    wait_for,
    wait_until_ended,
)
from tests.end_to_end.upstream import Upstream, completed, created

CANARY = "sk-canary-0123456789"


class ForegroundTests(unittest.TestCase):
    """C{twistd -n}: what C{make run} does."""

    place: ClassVar[Place]
    daemon: ClassVar[Daemon]

    @classmethod
    def setUpClass(cls) -> None:
        cls.place = cls.enterClassContext(Place())
        cls.daemon = cls.place.start()

    @unittest.skipUnless(shutil.which("curl"), "there is no curl")
    def test_the_line_to_paste(self) -> None:
        """It prints a curl line; pasted into a shell, that streams an answer."""
        line = self.daemon.search(r"^ *(curl .*)$")[1]
        pasted = self.place.run("/bin/sh", "-c", line)
        self.assertEqual(pasted.returncode, 0, pasted.stderr)
        self.assertIn("event: response.output_text.delta\n", pasted.stdout)
        self.assertTrue(pasted.stdout.endswith("}\n\n"), pasted.stdout[-200:])
        last = pasted.stdout.rstrip().rpartition("\n\n")[2]
        self.assertTrue(last.startswith("event: response.completed\n"), last)
        response = json.loads(last.partition("data: ")[2])["response"]
        self.assertEqual(text_of(response), "1, 2, 3, 4, 5")

    def test_the_line_names_the_port(self) -> None:
        """The line to paste goes to the port that it really listens on."""
        line = self.daemon.search(r"^ *curl .*$")[0]
        self.assertIn(f"http://127.0.0.1:{self.daemon.port}/v1/responses", line)

    def test_the_line_to_sign_in(self) -> None:
        """It names the command where it is: beside the twistd that was called."""
        line = self.daemon.search(r"^ *CHATGPT_LOCAL_HOME=\S+ (\S+) login ")
        self.assertEqual(Path(line[1]), TWISTD.with_name("chatmockd"))

    def test_a_follow_up_on_the_retained_socket(self) -> None:
        """What I told it is still known when I follow up by previous_response_id."""
        told = ask(self.daemon.port, input="Remember the token ALPHA-42.")
        answer = ask(
            self.daemon.port,
            input="What token did I ask you to remember?",
            previous_response_id=told["id"],
        )
        self.assertIn("ALPHA-42", text_of(answer))

    def test_every_request_is_in_the_log_by_its_id(self) -> None:
        """The x-request-id of an answer finds its line in the log."""
        with Client(self.daemon.port) as client:
            client.post()
            client.json()
            line = self.daemon.log_line(client.headers["x-request-id"])
            self.assertIn("POST /v1/responses 200", line)
            client.ask("GET", "/nowhere")
            client.json()
            line = self.daemon.log_line(client.headers["x-request-id"])
            self.assertIn("GET /nowhere 404", line)

    def test_no_pid_file(self) -> None:
        """In the foreground with --pidfile= it leaves no pid file."""
        self.assertIsNone(self.place.pid)

    def test_what_was_said_is_not_in_the_log(self) -> None:
        """The log tells nothing of what people wrote."""
        ask(self.daemon.port, input="Say xylophone-secret.")
        self.assertNotIn("xylophone", self.daemon.log)


class SecretTests(PlacedTests):
    """An API key is for the upstream alone."""

    def start(self, upstream: Upstream) -> None:
        self.daemon = self.place.start(
            "upstream.profile=openai",
            f"upstream.url={upstream.url}",
            simulate=False,
            environ={"OPENAI_API_KEY": CANARY},
        )

    def assert_kept(self) -> None:
        """The key is nowhere where others can see it."""
        for text in (self.daemon.output, self.daemon.errors):
            self.assertNotIn(CANARY, text)
        cmdline = Path(f"/proc/{self.daemon.pid}/cmdline")
        if cmdline.exists():
            self.assertNotIn(CANARY.encode(), cmdline.read_bytes())
        for file in self.place.folder.rglob("*"):
            if file.is_file():
                self.assertNotIn(CANARY.encode(), file.read_bytes(), file)

    def test_a_turn(self) -> None:
        """The upgrade carries it; the log, the output and the process list do not."""
        with Upstream() as upstream:
            self.start(upstream)
            with Client(self.daemon.port) as client:
                client.post()
                wire = upstream.accept()
                self.assertEqual(wire.headers["authorization"], f"Bearer {CANARY}")
                wire.upgrade()
                request = wire.receive()
                self.assertNotIn(CANARY, json.dumps(request))
                wire.say(created("resp_1"), completed("resp_1"))
                self.assertNotIn(CANARY, client.body().decode())
                self.daemon.log_line(client.headers["x-request-id"])
                self.assert_kept()

    def test_a_refusal(self) -> None:
        """Neither when the upstream will not have it."""
        with Upstream() as upstream:
            self.start(upstream)
            with Client(self.daemon.port) as client:
                client.post()
                wire = upstream.accept()
                wire.refuse(401)
                self.assertNotIn(CANARY, client.body().decode())
                self.assertEqual(client.status, 401)
                self.daemon.log_line(client.headers["x-request-id"])
                self.assert_kept()


class BackgroundTests(PlacedTests):
    """C{twistd chatmockd}, without C{-n}."""

    @property
    def log(self) -> str:
        try:
            return (self.place.folder / "twistd.log").read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def start(self) -> int:
        """Start it as a user would; return its port."""
        started = self.place.twistd(
            *("chatmockd", "--simulate", "--set", LISTEN),
            *("--set", "server.log_requests=true"),
        )
        self.assertEqual(started.returncode, 0, started.stderr)
        listening = wait_for(
            "the log to name the port",
            lambda: re.search(SERVING, self.log),
        )
        return int(listening[1])

    def test_start_serve_and_stop(self) -> None:
        """It comes back at once and serves; SIGTERM ends it, pid file and all."""
        port = self.start()
        pid = self.place.pid
        assert pid is not None
        self.assertTrue(is_running(pid))
        self.assertEqual(text_of(ask(port)), "1, 2, 3, 4, 5")
        os.kill(pid, signal.SIGTERM)
        wait_until_ended(pid)
        self.assertIsNone(self.place.pid)
        self.assertIn("stopped", self.log)
        self.assertNotIn("Traceback", self.log)
        with self.assertRaises(ConnectionRefusedError):
            Client(port)

    def test_its_log_while_it_runs(self) -> None:
        """A new part on a signal, a new log where it was deleted; the owner's alone."""
        port = self.start()
        pid = self.place.pid
        assert pid is not None
        log = self.place.folder / "twistd.log"
        for number in (signal.SIGUSR1, signal.SIGHUP):
            before = self.log
            os.kill(pid, number)
            ask(port)
            wait_for("a new part", lambda: before not in self.log)  # noqa: B023
            self.assertEqual(log.with_name("twistd.log.1").read_text(), before)
        log.unlink()
        ask(port)
        wait_for("a new log", lambda: "/v1/responses" in self.log)
        self.assertEqual(log.stat().st_mode & 0o777, 0o600)
        os.kill(pid, signal.SIGTERM)
        wait_until_ended(pid)
        self.assertIn("stopped", self.log)

    @unittest.skipUnless(hasattr(resource, "prlimit"), "only Linux tells of others")
    def test_more_connections_than_a_shell_allows(self) -> None:
        """The limit on open files is raised to what the settings may come to."""
        words = f"ulimit -Sn 256 && exec {TWISTD} chatmockd --simulate --set {LISTEN}"
        started = self.place.run("sh", "-c", words)
        self.assertEqual(started.returncode, 0, started.stderr)
        pid = self.place.pid
        assert pid is not None
        wait_for("it to log", lambda: "serving on" in self.log)
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        os.kill(pid, signal.SIGTERM)
        wait_until_ended(pid)
        self.assertEqual(soft, min(3024, hard))

    def test_no_second_one_beside_it(self) -> None:
        """A second start in the same folder refuses, and the first one goes on."""
        port = self.start()
        pid = self.place.pid
        assert pid is not None
        second = self.place.twistd("chatmockd", "--simulate", "--set", LISTEN)
        self.assertNotEqual(second.returncode, 0)
        self.assertEqual(self.place.pid, pid)
        self.assertTrue(is_healthy(port))
        os.kill(pid, signal.SIGTERM)
        wait_until_ended(pid)


class TakenPortTests(PlacedTests):
    """A daemon that cannot listen must not look like one that does."""

    def setUp(self) -> None:
        super().setUp()
        self.taken = self.enterContext(socket.create_server(("127.0.0.1", 0)))
        self.port = self.taken.getsockname()[1]

    def start(self, *mode: str) -> subprocess.CompletedProcess[str]:
        listen = f"server.listen=tcp:{self.port}:interface=127.0.0.1"
        return self.place.run(
            str(TWISTD), *mode, "chatmockd", "--simulate", "--set", listen
        )

    def test_in_the_foreground(self) -> None:
        """Exit status 1, the cause is on the screen in a line, no pid file is left."""
        ended = self.start("-n")
        self.assertEqual(ended.returncode, 1)
        self.assertNotIn("Traceback", ended.stdout + ended.stderr)
        self.assertIn(f"Couldn't listen on 127.0.0.1:{self.port}", ended.stdout)
        self.assertIn("Address already in use", ended.stdout)
        self.assertIsNone(self.place.pid)

    def test_in_the_background(self) -> None:
        """The command fails with status 1 and the cause; nothing runs on."""
        ended = self.start()
        self.assertEqual(ended.returncode, 1)
        self.assertIn(f"Couldn't listen on 127.0.0.1:{self.port}", ended.stderr)
        log = self.place.folder / "twistd.log"
        # The command may end before the process that it gave up has.
        wait_for(
            "the cause in the log",
            lambda: "Address already in use" in log.read_text(encoding="utf-8"),
        )
        self.assertNotIn("Traceback", log.read_text(encoding="utf-8"))
        self.assertIsNone(self.place.pid)

    def test_what_the_system_refuses_is_one_line(self) -> None:
        """A log file, or a socket's folder, that is not there: no traceback."""
        nowhere = self.place.folder / "nowhere"
        for words in (
            (f"--logfile={nowhere}/log", "chatmockd", "--simulate"),
            ("chatmockd", "--simulate", "--set", f"server.listen=unix:{nowhere}/it"),
        ):
            with self.subTest(words=words):
                ended = self.place.twistd("-n", *words)
                said = ended.stdout + ended.stderr
                self.assertEqual(ended.returncode, 1, said)
                self.assertIn("chatmockd: cannot start: [Errno 2]", said)
                self.assertIn(str(nowhere), said)
                self.assertNotIn("Traceback", said)
                self.assertIsNone(self.place.pid)
