"""The configuration as people write it: checked, refused in one line, and obeyed."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Sequence

from tests.end_to_end.client import Client, ask, is_healthy, text_of
from tests.end_to_end.place import EXIT_CONFIG, ROOT, PlacedTests
from tests.end_to_end.upstream import Upstream

BAD = "[server]\nlisten = 'tcp:0:interface=127.0.0.1'\nbanana = 1\n"


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
