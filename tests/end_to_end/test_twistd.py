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
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from tests.end_to_end.client import Client, ask, is_healthy, text_of
from tests.end_to_end.place import (
    EXIT_CONFIG,
    LISTEN,
    ROOT,
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
BAD = "[server]\nlisten = 'tcp:0:interface=127.0.0.1'\nbanana = 1\n"


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


class CheckTests(PlacedTests):
    """C{--check} validates and exits."""

    def test_a_good_file(self) -> None:
        """A good file: it says so on stdout, and exits 0."""
        file = self.place.write("good.toml", "[server]\ndrain_s = 3\n")
        ended = self.place.twistd("chatmockd", "--config", str(file), "--check")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertIn("good", ended.stdout)
        self.assertIn(str(file), ended.stdout)
        self.assertEqual(sorted(os.listdir(self.place.folder)), ["good.toml", "home"])

    def test_a_bad_file(self) -> None:
        """A bad file: one line on stderr, status 78."""
        file = self.place.write("bad.toml", BAD)
        ended = self.place.twistd("chatmockd", "--config", str(file), "--check")
        self.assertEqual((ended.returncode, ended.stdout), (EXIT_CONFIG, ""))
        self.assertEqual(ended.stderr.count("\n"), 1, ended.stderr)

    def test_the_file_in_my_home(self) -> None:
        """Without --config it takes ~/.config/chatmockd/chatmockd.toml."""
        file = self.place.write("home/.config/chatmockd/chatmockd.toml", BAD)
        ended = self.place.twistd("chatmockd", "--check")
        self.assertEqual(ended.returncode, EXIT_CONFIG)
        self.assertIn(f"{file}: server.banana", ended.stderr)

    def test_the_file_in_the_environment(self) -> None:
        """CHATMOCKD_CONFIG names a file, and goes before the one in my home."""
        self.place.write("home/.config/chatmockd/chatmockd.toml", BAD)
        file = self.place.write("mine.toml", "[server]\ndrain_s = 3\n")
        ended = self.place.twistd(
            "chatmockd", "--check", environ={"CHATMOCKD_CONFIG": str(file)}
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn(str(file), ended.stdout)

    def test_a_relative_file(self) -> None:
        """A relative --config is looked for where I am, whatever --rundir says."""
        self.place.write("mine.toml", "[server]\ndrain_s = 3\n")
        (self.place.folder / "run").mkdir()
        ended = self.place.twistd(
            "--rundir", "run", "chatmockd", "--check", "--config", "mine.toml"
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)

    def test_the_file_that_comes_with_it(self) -> None:
        """etc/chatmockd.toml is a good file."""
        file = ROOT / "etc" / "chatmockd.toml"
        ended = self.place.twistd("chatmockd", "--config", str(file), "--check")
        self.assertEqual(ended.returncode, 0, ended.stderr)


class RefusedConfigurationTests(PlacedTests):
    """What is wrong is said in one line; nothing has started, nothing is left."""

    def assert_refused(
        self,
        *words: str,
        says: str,
        environ: dict[str, str] | None = None,
        mode: Sequence[str] = ("-n",),
    ) -> None:
        before = sorted(os.listdir(self.place.folder))
        ended = self.place.twistd(
            *mode, "chatmockd", "--simulate", *words, environ=environ
        )
        self.assertEqual(ended.returncode, EXIT_CONFIG, ended.stderr)
        self.assertEqual(ended.stdout, "")
        self.assertEqual(ended.stderr.count("\n"), 1, ended.stderr)
        self.assertTrue(ended.stderr.endswith("\n"), ended.stderr)
        self.assertIn(says, ended.stderr)
        self.assertEqual(sorted(os.listdir(self.place.folder)), before)

    def config(self, text: str) -> tuple[str, str]:
        """The words for a file with this text."""
        return "--config", str(self.place.write("chatmockd.toml", text))

    def test_no_such_file(self) -> None:
        """A file that is not there."""
        file = str(self.place.folder / "absent.toml")
        self.assert_refused("--config", file, says=f"{file}: cannot be read")

    def test_not_toml(self) -> None:
        """A file that is not TOML."""
        words = self.config("[server\n")
        self.assert_refused(*words, says=f"{words[1]}: is not valid TOML")

    def test_what_is_no_endpoint(self) -> None:
        """What is wrong with it, and not what it might let in."""
        for listen, says in (
            ("banana", "'banana' is not an endpoint description: "),
            ("tcp6:8000:interface=::1", r"as in tcp6:8000:interface=\:\:1"),
            ("tcp:interface=127.0.0.1", "it has too few parts between its colons"),
        ):
            with self.subTest(listen=listen):
                self.assert_refused("--set", f"server.listen={listen}", says=says)

    def test_an_unknown_key(self) -> None:
        """A key that does not exist: the file, the key, and what there is."""
        words = self.config(BAD)
        self.assert_refused(
            *words,
            says=f"{words[1]}: server.banana: unknown key; allowed in [server]: listen",
        )

    def test_in_the_background(self) -> None:
        """The command that shall go into the background says it, and fails."""
        words = self.config(BAD)
        self.assert_refused(*words, says=f"{words[1]}: server.banana", mode=())

    def test_a_wrong_type(self) -> None:
        """A value of the wrong type: the file, the key, and what it must be."""
        words = self.config('[server]\ndrain_s = "long"\n')
        self.assert_refused(
            *words, says=f"{words[1]}: server.drain_s: must be a number"
        )

    def test_a_contradiction(self) -> None:
        """ChatMock's two switches against each other."""
        name = "CHATGPT_LOCAL_RESPONSES_WEBSOCKET_UPSTREAM"
        self.assert_refused(
            says=f"{name}_STATEFUL: true contradicts {name}: false",
            environ={name: "false", f"{name}_STATEFUL": "true"},
        )

    def test_beyond_loopback(self) -> None:
        """It does not listen for other machines unless I say so."""
        words = self.config('[server]\nlisten = "tcp:0"\n')
        self.assert_refused(*words, says="server.allow_remote = true")

    def test_a_set_that_is_none(self) -> None:
        """A --set without a section."""
        self.assert_refused("--set", "drain_s=1", says="--set drain_s=1")

    def test_an_endpoint_that_is_none(self) -> None:
        """A server.listen that nothing can listen on."""
        listen = "tcp:http:interface=127.0.0.1"
        self.assert_refused(
            "--set", f"server.listen={listen}", says=f"server.listen: {listen!r} is not"
        )
        words = self.config('[server]\nlisten = "tcp:99999:interface=127.0.0.1"\n')
        self.assert_refused(*words, says=f"{words[1]}: server.listen: 'tcp:99999")

    def test_an_upstream_that_is_none(self) -> None:
        """An upstream.url with a host that no name can be."""
        words = self.config('[upstream]\nurl = "wss://a..b/x"\n')
        self.assert_refused(*words, says=f"{words[1]}: upstream.url: 'wss://a..b/x'")

    def test_an_environment_key(self) -> None:
        """A CHATMOCKD_ name that is no key."""
        self.assert_refused(
            says="CHATMOCKD_SERVER__BANANA: server.banana: unknown key",
            environ={"CHATMOCKD_SERVER__BANANA": "1"},
        )


class SourcesTests(PlacedTests):
    """Defaults, file, environment and --set, and what they do."""

    def test_the_file_that_comes_with_it(self) -> None:
        """etc/chatmockd.toml starts the daemon; only the port is another one."""
        daemon = self.place.start(config=ROOT / "etc" / "chatmockd.toml")
        self.assertEqual(text_of(ask(daemon.port)), "1, 2, 3, 4, 5")

    def test_the_later_source_wins(self) -> None:
        """--set goes before the environment, and that before the file."""
        file = self.place.write(
            "chatmockd.toml",
            "[server]\nmax_body_bytes = 1\ndrain_s = 1\nlisten = 'tcp:1'\n",
        )
        daemon = self.place.start(
            "server.drain_s=3",
            config=file,
            listen=None,
            environ={
                "CHATMOCKD_SERVER__LISTEN": "tcp:0:interface=127.0.0.1",
                "CHATMOCKD_SERVER__DRAIN_S": "2",
            },
        )
        with Client(daemon.port) as client:
            self.assertEqual(client.post().status, 413)
        daemon.send(signal.SIGTERM)
        self.assertIn("have 3 s to end", daemon.log_line("stopping;"))

    def test_a_list_of_endpoints(self) -> None:
        """It listens on all endpoints of a list."""
        path = self.place.folder / "chatmockd.sock"
        file = self.place.write(
            "chatmockd.toml",
            f'[server]\nlisten = ["tcp:0:interface=127.0.0.1", "unix:{path}"]\n',
        )
        daemon = self.place.start(config=file, listen=None)
        self.assertTrue(is_healthy(daemon.port))
        with socket.socket(socket.AF_UNIX) as connected:
            connected.settimeout(10)
            connected.connect(str(path))
            connected.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(connected.recv(4096).startswith(b"HTTP/1.1 200 "))

    def test_allow_remote(self) -> None:
        """With server.allow_remote it listens where I tell it to."""
        daemon = self.place.start(
            "server.listen=tcp:0:interface=0.0.0.0",
            "server.allow_remote=true",
            listen=None,
        )
        self.assertIn("0.0.0.0", daemon.log_line("serving on"))
        self.assertTrue(is_healthy(daemon.port))

    def test_chatmocks_name_for_stateless(self) -> None:
        """ChatMock's ..._STATEFUL=false: each request is a conversation of its own."""
        name = "CHATGPT_LOCAL_RESPONSES_WEBSOCKET_UPSTREAM"
        daemon = self.place.start(environ={name: "true", f"{name}_STATEFUL": "false"})
        told = ask(daemon.port, input="Remember the token ALPHA-42.")
        asked = ask(
            daemon.port,
            input="What token did I ask you to remember?",
            previous_response_id=told["id"],
        )
        self.assertNotIn("ALPHA-42", text_of(asked))

    def test_logins_of_chatmock_and_codex(self) -> None:
        """CHATGPT_LOCAL_HOME, then CODEX_HOME, say where my login is."""
        for name in ("CHATGPT_LOCAL_HOME", "CODEX_HOME"):
            login = {"tokens": {"access_token": f"at-{name}", "account_id": "acct-1"}}
            self.place.write(f"{name}/auth.json", json.dumps(login))
        folders = {
            name: str(self.place.folder / name)
            for name in ("CHATGPT_LOCAL_HOME", "CODEX_HOME")
        }
        both, codex = folders, {"CODEX_HOME": folders["CODEX_HOME"]}
        for environ, token in (
            (both, "at-CHATGPT_LOCAL_HOME"),
            (codex, "at-CODEX_HOME"),
        ):
            with self.subTest(token=token), Upstream() as upstream:
                daemon = self.place.start(
                    f"upstream.url={upstream.url}", simulate=False, environ=environ
                )
                with Client(daemon.port) as client:
                    client.post()
                    wire = upstream.accept()
                    self.assertEqual(wire.headers["authorization"], f"Bearer {token}")
                    self.assertEqual(wire.headers["chatgpt-account-id"], "acct-1")

    def test_a_login_while_it_runs(self) -> None:
        """Not signed in: 401 that says how. After the login it works, at once."""
        with Upstream() as upstream:
            daemon = self.place.start(
                f"upstream.url={upstream.url}",
                simulate=False,
                environ={"CODEX_HOME": str(self.place.folder)},
            )
            with Client(daemon.port) as client:
                error = client.stream("Hello?").json()["error"]
                self.assertEqual(client.status, 401)
                self.assertEqual(error["code"], "credentials_missing")
                self.assertIn("chatmockd login", error["message"])
                login = {"tokens": {"access_token": "at-1"}}
                self.place.write("auth.json", json.dumps(login))
                client.post()
                wire = upstream.accept()
                self.assertEqual(wire.headers["authorization"], "Bearer at-1")


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
        started = self.place.twistd("chatmockd", "--simulate", "--set", LISTEN)
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
