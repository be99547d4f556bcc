"""Signing in, staying signed in and signing out, with real processes throughout."""

from __future__ import annotations

import base64
import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen

from tests.end_to_end.client import Client
from tests.end_to_end.place import CHATMOCKD, PlacedTests, Process, wait_for

PORT_TAKEN, TEMPORARY, NOT_SIGNED_IN, INTERRUPTED = 13, 75, 77, 130
PROCESSES, ROUNDS = 8, 3


def expired() -> str:
    """An access token whose time is over."""
    claims = json.dumps({"exp": int(time.time()) - 1}).encode()
    return f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c2ln"


def fetch(url: str, body: bytes | None = None) -> tuple[int, str]:
    """What a browser would get, redirections followed."""
    request = Request(url, data=body, headers={"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=20) as response:
            return response.status, response.read().decode()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


class AccountCase(PlacedTests):
    """A simulator that demands the tokens which it has issued."""

    def setUp(self) -> None:
        super().setUp()
        simulator = self.place.start_program(
            *(sys.executable, "-m", "chatmockd.simulator"),
            *("--profile", "chatgpt", "--accounts"),
        )
        self.url = simulator.search(r"^ws://\S+$")[0]
        self.issuer = simulator.search(r"^http://\S+$")[0]
        self.file = self.place.home / ".chatgpt-local" / "auth.json"

    def words(self, command: str, *more: str) -> list[str]:
        """A command line, against the simulated issuer."""
        issuer = ("--set", f"account.issuer={self.issuer}")
        return [str(CHATMOCKD), command, *issuer, *more]

    def run_command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; none may show where it went wrong inside."""
        ended = self.place.run(*self.words(*words))
        self.assertNotIn("Traceback", ended.stdout + ended.stderr)
        return ended

    def begin_login(self, *more: str) -> tuple[Process, str]:
        """Start C{chatmockd login}; return the URL that it shows, too."""
        login = self.place.start_program(
            *self.words("login", "--no-browser", "--callback-port", "0", *more)
        )
        return login, login.search(rf"^{re.escape(self.issuer)}/oauth/\S+$")[0]

    def sign_in(self) -> None:
        """As a user does, who agrees."""
        login, url = self.begin_login()
        status, page = fetch(url)
        self.assertEqual(status, 200)
        self.assertIn("You are signed in", page)
        self.assertEqual(login.exit_status(), 0, login.errors)

    @property
    def tokens(self) -> Any:
        return json.loads(self.file.read_text())["tokens"]

    def counts(self) -> Any:
        """What the issuer has counted."""
        return json.loads(fetch(f"{self.issuer}/simulated/account")[1])

    def expire(self) -> None:
        """Put an access token in the file whose time is over."""
        document = json.loads(self.file.read_text())
        document["tokens"]["access_token"] = expired()
        draft = self.file.with_name("draft")
        draft.write_text(json.dumps(document))
        draft.replace(self.file)

    def ask(self, port: int) -> None:
        """One turn, which has to go well."""
        with Client(port) as client:
            answer = client.post().json()
            self.assertEqual(client.status, 200, answer)
            self.assertEqual(answer["status"], "completed")


class LoginTests(AccountCase):
    """From nothing to an answer."""

    def test_a_browser(self) -> None:
        """Sign in, serve, and get an answer from an upstream that demands a token."""
        login, url = self.begin_login()
        self.assertEqual(fetch(url)[0], 200)
        self.assertEqual(login.exit_status(), 0, login.errors)
        self.assertIn("Signed in as simulated@example.com (plan plus).", login.output)
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        for token in ("access_token", "refresh_token", "id_token"):
            self.assertNotIn(self.tokens[token], login.output + login.errors)
        self.assertNotRegex(login.output + login.errors, "[\x1b\u2500-\u257f]")
        daemon = self.place.start(
            f"upstream.url={self.url}", f"account.issuer={self.issuer}", simulate=False
        )
        self.ask(daemon.port)
        self.assertEqual(self.counts()["refreshes"], 0)

    def test_a_code_to_type(self) -> None:
        """For a machine without a browser."""
        login = self.place.start_program(*self.words("login", "--headless"))
        code = login.search(r"^Code: (\S+)$")[1]
        page = login.search(r"^(http\S+/codex/device)$")[1]
        self.assertIn("Agreed", fetch(f"{page}?user_code={code}")[1])
        self.assertEqual(login.exit_status(), 0, login.errors)
        self.assertTrue(self.tokens["refresh_token"])

    def test_what_is_not_our_sign_in(self) -> None:
        """A wrong state is refused, and the right one still comes through."""
        login, url = self.begin_login()
        query = parse_qs(urlsplit(url).query)
        callback = query["redirect_uri"][0]
        for wrong in ({"code": "x", "state": "y"}, {"code": "x"}, {"error": "no"}, {}):
            status, page = fetch(f"{callback}?{urlencode(wrong)}")
            self.assertEqual(status, 400, page)
        self.assertEqual(fetch(callback.replace("callback", "other"))[0], 404)
        self.assertEqual(fetch(url)[0], 200)
        self.assertEqual(login.exit_status(), 0)

    def test_the_user_declines(self) -> None:
        """The browser and the terminal say so."""
        login, url = self.begin_login()
        query = parse_qs(urlsplit(url).query)
        said = {"error": "access_denied", "state": query["state"][0]}
        status, page = fetch(f"{query['redirect_uri'][0]}?{urlencode(said)}")
        self.assertEqual(status, 400)
        self.assertIn("access_denied", page)
        self.assertEqual(login.exit_status(), 1)
        self.assertIn("access_denied", login.errors)
        self.assertFalse(self.file.exists())

    def test_ctrl_c(self) -> None:
        """Status 130, one line, and the port is free again."""
        login, url = self.begin_login()
        callback = urlsplit(parse_qs(urlsplit(url).query)["redirect_uri"][0])
        login.send(signal.SIGINT)
        self.assertEqual(login.exit_status(), INTERRUPTED)
        self.assertEqual(login.errors.split(), ["Interrupted."])
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", callback.port or 0), 5).close()

    def test_the_port_is_taken(self) -> None:
        """Status 13, as in ChatMock."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = str(other.getsockname()[1])
            ended = self.run_command("login", "--no-browser", "--callback-port", port)
        self.assertEqual(ended.returncode, PORT_TAKEN)
        self.assertIn(f"Port {port} of 127.0.0.1 is taken", ended.stderr)

    def test_no_network(self) -> None:
        """Status 75, with what could not be reached."""
        with socket.create_server(("127.0.0.1", 0)) as gone:
            self.issuer = f"http://127.0.0.1:{gone.getsockname()[1]}"
        ended = self.run_command("login", "--headless")
        self.assertEqual(ended.returncode, TEMPORARY)
        self.assertIn(f"Cannot reach {self.issuer}/api", ended.stderr)

    def test_nowhere_to_write(self) -> None:
        """The browser is told as well."""
        (self.place.home / ".chatgpt-local").write_text("")
        login, url = self.begin_login()
        status, page = fetch(url)
        self.assertEqual(status, 400)
        self.assertIn("cannot be written", page)
        self.assertEqual(login.exit_status(), 1)
        self.assertIn("cannot be written", login.errors)


class LogoutTests(AccountCase):
    """The end of a login."""

    def test_revoked_and_deleted(self) -> None:
        """With what else is in the file left there."""
        self.sign_in()
        document = json.loads(self.file.read_text()) | {"OPENAI_API_KEY": "sk-own"}
        self.file.write_text(json.dumps(document))
        ended = self.run_command("logout")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("Signed out simulated@example.com.", ended.stdout)
        self.assertEqual(self.counts()["revoked"], 1)
        self.assertEqual(
            json.loads(self.file.read_text()), {"OPENAI_API_KEY": "sk-own"}
        )
        again = self.run_command("logout")
        self.assertEqual(
            (again.returncode, again.stdout), (0, "Nobody is signed in.\n")
        )

    def test_the_issuer_is_out_of_reach(self) -> None:
        """The tokens are deleted all the same, and the user knows."""
        self.sign_in()
        with socket.create_server(("127.0.0.1", 0)) as gone:
            self.issuer = f"http://127.0.0.1:{gone.getsockname()[1]}"
        ended = self.run_command("logout")
        self.assertEqual(ended.returncode, 0)
        self.assertIn("could not be revoked", ended.stdout)
        self.assertNotIn("tokens", json.loads(self.file.read_text()))

    def test_a_file_that_is_no_login(self) -> None:
        """It is left alone."""
        self.file.parent.mkdir()
        self.file.write_text("{")
        ended = self.run_command("logout")
        self.assertEqual(ended.returncode, NOT_SIGNED_IN)
        self.assertIn(f"{self.file} is not a login", ended.stderr)
        self.assertEqual(self.file.read_text(), "{")


class RenewalTests(AccountCase):
    """Tokens while a daemon runs."""

    def setUp(self) -> None:
        super().setUp()
        self.sign_in()
        self.daemon = self.place.start(
            f"upstream.url={self.url}", f"account.issuer={self.issuer}", simulate=False
        )

    def test_an_expired_token(self) -> None:
        """It is renewed before the upgrade, and saved."""
        before = self.tokens["refresh_token"]
        self.expire()
        self.ask(self.daemon.port)
        self.assertEqual(self.counts()["refreshes"], 1)
        self.assertNotEqual(self.tokens["refresh_token"], before)
        self.ask(self.daemon.port)
        self.assertEqual(self.counts()["refreshes"], 1)

    def test_a_refused_token(self) -> None:
        """A 401 renews it, and the client gets its answer."""
        self.ask(self.daemon.port)
        fetch(f"{self.issuer}/simulated/account/forget", b"{}")
        self.ask(self.daemon.port)
        self.assertEqual(self.counts()["refreshes"], 1)

    def test_the_login_ends(self) -> None:
        """401 that says so; after another login it works, without a restart."""
        self.expire()
        token = self.tokens["refresh_token"]
        body = json.dumps({"token": token}).encode()
        fetch(f"{self.issuer}/oauth/revoke", body)
        with Client(self.daemon.port) as client:
            error = client.post().json()["error"]
            self.assertEqual((client.status, error["code"]), (401, "sign_in_again"))
            self.assertIn("chatmockd login", error["message"])
        self.assertNotIn(token, self.daemon.log)
        self.sign_in()
        self.ask(self.daemon.port)


class AskingTests(AccountCase):
    """C{chatmockd models} and C{chatmockd info}."""

    def ask_command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of them against the simulated upstream."""
        ended = self.run_command(*words, "--set", f"upstream.url={self.url}")
        printed = ended.stdout + ended.stderr
        if self.file.exists():
            for name in ("access_token", "refresh_token", "id_token"):
                self.assertNotIn(self.tokens[name], printed)
        self.assertNotIn("\x1b", printed)
        return ended

    def test_nobody(self) -> None:
        """Status 77 from both, which say what to do."""
        for command in ("models", "info"):
            ended = self.ask_command(command)
            self.assertEqual(ended.returncode, NOT_SIGNED_IN, ended.stderr)
            self.assertIn("chatmockd login", ended.stdout)
        ended = self.ask_command("info", "--json")
        self.assertEqual(ended.returncode, NOT_SIGNED_IN)
        self.assertIs(json.loads(ended.stdout)["signed_in"], False)

    def test_models(self) -> None:
        """Those of the account, best first; hidden ones stay hidden."""
        self.sign_in()
        ended = self.ask_command("models")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        names = [line.split()[0] for line in ended.stdout.splitlines()]
        self.assertEqual(names, ["gpt-5.5", "gpt-5.4", "gpt-5.4-mini"])
        self.assertIn("low, medium, high, xhigh", ended.stdout)

    def test_info(self) -> None:
        """Who it is, and what is left, as the upstream says at this moment."""
        self.sign_in()
        ended = self.ask_command("info")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        for words in (
            "simulated@example.com",
            "as the upstream said now",
            "12.0 % used",
            "gpt-5.5, gpt-5.4, gpt-5.4-mini",
        ):
            self.assertIn(words, ended.stdout)
        self.assertNotIn("Not all of it", ended.stdout)
        # Tokens that are not good any more are renewed on the way.
        fetch(f"{self.issuer}/simulated/account/forget", b"{}")
        ended = self.ask_command("info", "--json")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertEqual(self.counts()["refreshes"], 1)
        told = json.loads(ended.stdout)
        self.assertEqual((told["signed_in"], told["live"]), (True, True))
        self.assertEqual(told["email"], "simulated@example.com")
        self.assertEqual(told["plan"], "plus")
        self.assertEqual(told["upstream"], self.url)
        self.assertEqual(told["limits"]["primary"]["used_percent"], 12)
        self.assertIsNone(told["problem"])


class ManyProcessesTests(AccountCase):
    """One login, and many who use it."""

    def test_one_call(self) -> None:
        """Eight processes at once: one refresh a round, and no token comes twice."""
        self.sign_in()
        folder = self.file.parent
        renewing = [
            self.place.start_program(
                *(sys.executable, "-m", "tests.end_to_end.renewing"),
                *(self.issuer, str(folder), str(ROUNDS)),
            )
            for _ in range(PROCESSES)
        ]
        for process in renewing:
            process.search("^ready$")
        for number in range(ROUNDS):
            self.expire()
            (folder / f"go-{number}").touch()
            for process in renewing:
                process.search(f"^{number}: ")
        for process in renewing:
            self.assertEqual(process.exit_status(), 0, process.errors)
        self.assertEqual(len({process.output for process in renewing}), 1)
        self.assertEqual(
            self.counts(), {"refreshes": ROUNDS, "reuses": 0, "revoked": 0}
        )
        left = {file.name for file in Path(folder).iterdir()}
        expected = {"auth.json", "auth.json.lock", "go-0", "go-1", "go-2"}
        self.assertEqual(left, expected)


class ServeTests(AccountCase):
    """C{chatmockd serve}."""

    def test_chatmocks_options(self) -> None:
        """They are taken, and it serves where they say."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        serving = self.place.start_program(
            *(str(CHATMOCKD), "serve", "--simulate", "--port", str(port)),
            *("--verbose", "--fast-mode", "--reasoning-effort", "high"),
            *("--set", "store.kind=memory"),
        )
        serving.search(f"serving on http://127.0.0.1:{port}")
        self.ask(port)
        wait_for("the line", lambda: "/v1/responses" in serving.output)
        serving.send(signal.SIGINT)
        self.assertEqual(serving.exit_status(), 0)

    def test_the_port_is_taken(self) -> None:
        """Status 13, and one line."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = str(other.getsockname()[1])
            ended = self.place.run(
                *(str(CHATMOCKD), "serve", "--simulate", "--port", port),
                *("--set", "store.kind=memory"),
            )
        self.assertEqual(ended.returncode, PORT_TAKEN, ended.stdout + ended.stderr)
        self.assertNotIn("Traceback", ended.stderr)
