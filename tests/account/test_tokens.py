"""What signs us in upstream, and what is said when there is nothing to sign in with."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.account.tokens import ApiKey, ChatGptLogin, Credentials, FixedKey
from chatmockd.errors import CredentialsMissing
from tests.core.cases import case

SECRET = "sk-canary-51d0"
CLAIM = "https://api.openai.com/auth"

# What would begin a new header line, or is no part of any credential.
INJECTIONS = (
    f"{SECRET}\r\nEvil: 1",
    f"{SECRET}\nx",
    f"{SECRET}\r",
    f"{SECRET}\x00x",
    f"{SECRET} x",
    f"{SECRET}\tx",
    f"{SECRET}é",
    f"{SECRET}\x7f",
    f"{SECRET}\u2028x",
)


def jwt(claims: Any) -> str:
    """A token with these claims, and no signature to speak of."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
    return f"e30.{payload.decode()}.c2ln"


class CredentialsCase(SynchronousTestCase):
    """A home of its own."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)

    def write_login(self, folder: str, **tokens: Any) -> Path:
        """An C{auth.json} with these tokens."""
        return self.write_text(folder, json.dumps({"tokens": tokens}))

    def write_text(self, folder: str, text: str | bytes) -> Path:
        """An C{auth.json} with this in it."""
        file = self.home / folder / "auth.json"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def login(self, **environ: str) -> ChatGptLogin:
        """The login of somebody who lives there."""
        return ChatGptLogin(environ, self.home)

    def complaint(self, credentials: Credentials) -> str:
        """What is said about credentials that are of no use: a 401, and no secret."""
        error = self.assertRaises(CredentialsMissing, credentials.headers)
        assert isinstance(error, CredentialsMissing)
        self.assertEqual(error.status, 401)
        for rendering in (str(error), repr(error), error.as_json().decode()):
            self.assertNotIn(SECRET, rendering)
        self.assertIsNone(error.__cause__)
        self.assertTrue(error.__suppress_context__ or error.__context__ is None)
        return str(error)


class FixedKeyTests(CredentialsCase):
    """A key that is known from the start."""

    def test_bearer(self) -> None:
        """It is the bearer."""
        self.assertEqual(FixedKey("k").headers(), {"Authorization": "Bearer k"})

    def test_injection(self) -> None:
        """It cannot bring a header of its own."""
        for key in INJECTIONS:
            with case(key=key):
                self.assertIn("fixed key", self.complaint(FixedKey(key)))


class ApiKeyTests(CredentialsCase):
    """An OpenAI key, from a file or from the environment."""

    def setUp(self) -> None:
        super().setUp()
        self.file = self.home / "key"

    def test_from_the_environment(self) -> None:
        """Blanks around it are not part of it."""
        credentials = ApiKey("", {"OPENAI_API_KEY": f" {SECRET}\n"})
        self.assertEqual(credentials.headers(), {"Authorization": f"Bearer {SECRET}"})

    def test_a_file_comes_first(self) -> None:
        """Whoever names a file means it."""
        self.file.write_text(f"{SECRET}\n")
        credentials = ApiKey(str(self.file), {"OPENAI_API_KEY": "other"})
        self.assertEqual(credentials.headers(), {"Authorization": f"Bearer {SECRET}"})

    def test_read_at_use(self) -> None:
        """A new key takes effect without a restart."""
        environ = {"OPENAI_API_KEY": "one"}
        from_file, from_environ = ApiKey(str(self.file), {}), ApiKey("", environ)
        self.assertIn(str(self.file), self.complaint(from_file))
        for key in ("one", "two"):
            self.file.write_text(key)
            environ["OPENAI_API_KEY"] = key
            for credentials in (from_file, from_environ):
                expected = {"Authorization": f"Bearer {key}"}
                self.assertEqual(credentials.headers(), expected)

    def test_there_is_none(self) -> None:
        """The answer says where one could be put."""
        self.file.write_text(" \n")
        for credentials in (
            ApiKey("", {}),
            ApiKey("", {"OPENAI_API_KEY": "  "}),
            ApiKey(str(self.file), {"OPENAI_API_KEY": SECRET}),
        ):
            words = self.complaint(credentials)
            self.assertIn("OPENAI_API_KEY", words)
            self.assertIn("upstream.api_key_file", words)

    def test_broken_files(self) -> None:
        """The answer names the file and what is wrong with it."""
        (self.home / "folder").mkdir()
        (self.home / "binary").write_bytes(b"\xff" + SECRET.encode())
        for name, problem in (
            ("nowhere", "No such file or directory"),
            ("folder", "Is a directory"),
            ("binary", "it is not text"),
        ):
            with case(name=name):
                words = self.complaint(ApiKey(str(self.home / name), {}))
                self.assertIn(str(self.home / name), words)
                self.assertIn(problem, words)

    def test_injection(self) -> None:
        """Neither source can bring a header of its own."""
        for key in INJECTIONS:
            with case(key=key):
                if key.strip() != SECRET:
                    words = self.complaint(ApiKey("", {"OPENAI_API_KEY": key}))
                    self.assertIn("OPENAI_API_KEY contains", words)
                    self.file.write_text(key, newline="")
                    words = self.complaint(ApiKey(str(self.file), {}))
                    self.assertIn(f"{self.file} contains", words)

    def test_where_the_file_is(self) -> None:
        """The daemon may change its directory; the file does not move."""
        self.assertIn(str(Path("key").absolute()), self.complaint(ApiKey("key", {})))
        self.assertIn(str(Path.home() / "kéy"), self.complaint(ApiKey("~/kéy", {})))
        nobodys = "~no-such-user-here/key"
        self.assertIn(f"{nobodys} (upstream", self.complaint(ApiKey(nobodys, {})))


class ChatGptLoginTests(CredentialsCase):
    """The C{auth.json} that a ChatGPT login leaves behind."""

    def test_token_and_account(self) -> None:
        """The token is the bearer, the account goes beside it."""
        self.write_login(".codex", access_token=SECRET, account_id="acct-1")
        self.assertEqual(
            self.login().headers(),
            {"Authorization": f"Bearer {SECRET}", "ChatGPT-Account-ID": "acct-1"},
        )

    def test_whole_file(self) -> None:
        """A file as Codex writes it, with all that we do not need."""
        login = {
            "auth_mode": "chatgpt",
            "OPENAI_API_KEY": None,
            "tokens": {
                "id_token": jwt({"email": "a@example.com"}),
                "access_token": "at",
                "refresh_token": "rt",
                "account_id": None,
            },
            "last_refresh": "2026-01-01T00:00:00Z",
            "agent_identity": {"x": 1},
        }
        self.write_text(".codex", json.dumps(login))
        self.assertEqual(self.login().headers(), {"Authorization": "Bearer at"})

    def test_order_of_folders(self) -> None:
        """The named ones, ChatMock's before Codex's; then those in the home."""
        folders = ["one", "two", ".chatgpt-local", ".codex"]
        for folder in folders:
            self.write_login(folder, access_token=folder)
        login = self.login(
            CHATGPT_LOCAL_HOME=str(self.home / "one"),
            CODEX_HOME=str(self.home / "two"),
        )
        for folder in folders:
            expected = {"Authorization": f"Bearer {folder}"}
            self.assertEqual(login.headers(), expected)
            (self.home / folder / "auth.json").unlink()
        words = self.complaint(login)
        for folder in folders:
            self.assertIn(str(self.home / folder / "auth.json"), words)
        self.assertIn("codex login", words)

    def test_the_home_of_nobody(self) -> None:
        """A folder of a user that does not exist is not there, and no more."""
        self.write_login(".codex", access_token="at")
        login = self.login(CODEX_HOME="~no-such-user-here")
        self.assertEqual(login.headers(), {"Authorization": "Bearer at"})

    def test_names_that_are_blank(self) -> None:
        """A variable that is set to nothing names nothing."""
        self.write_login(".codex", access_token="at")
        login = self.login(CHATGPT_LOCAL_HOME="", CODEX_HOME="")
        self.assertEqual(login.headers(), {"Authorization": "Bearer at"})

    def test_the_first_that_exists_counts(self) -> None:
        """A broken login is told of, and not passed over for another account."""
        file = self.write_text(".chatgpt-local", "{}")
        self.write_login(".codex", access_token=SECRET)
        self.assertIn(str(file), self.complaint(self.login()))

    def test_read_at_use(self) -> None:
        """A login while the daemon runs takes effect."""
        login = self.login()
        self.complaint(login)
        for token in ("one", "two"):
            self.write_login(".codex", access_token=token)
            self.assertEqual(login.headers(), {"Authorization": f"Bearer {token}"})

    def test_account_from_the_claims(self) -> None:
        """The file's own, else the id token's, else the access token's."""
        in_id = jwt({CLAIM: {"chatgpt_account_id": "from-id"}})
        in_access = jwt({CLAIM: {"chatgpt_account_id": "from-access"}})
        bare = jwt({"exp": 1})
        for account_id, id_token, access_token, account in (
            ("own", in_id, in_access, "own"),
            ("", in_id, in_access, "from-id"),
            (None, in_id, in_access, "from-id"),
            (None, None, in_access, "from-access"),
            (None, bare, in_access, "from-access"),
            (None, bare, bare, None),
        ):
            with case(account_id=account_id, account=account):
                self.write_login(
                    ".codex",
                    account_id=account_id,
                    id_token=id_token,
                    access_token=access_token,
                )
                headers = self.login().headers()
                self.assertEqual(headers.get("ChatGPT-Account-ID"), account)

    def test_tokens_that_are_no_jwt(self) -> None:
        """Then there is no account to be read from them, and that is all."""
        for token in (
            "opaque",
            "a.b",
            "a.b.c",
            "..",
            "a.!!!.c",
            jwt([1]),
            jwt({CLAIM: "x"}),
            jwt({CLAIM: {"chatgpt_account_id": 5}}),
            "a." + base64.urlsafe_b64encode(b"\xff\xfe").decode() + ".c",
            "a." + base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".c",
        ):
            with case(token=token[:40]):
                self.write_login(".codex", access_token=token)
                expected = {"Authorization": f"Bearer {token}"}
                self.assertEqual(self.login().headers(), expected)

    def test_broken_files(self) -> None:
        """The answer names the file and says to sign in again."""
        for text, words in (
            ("", "is not a login"),
            (SECRET, "is not a login"),
            (f'{{"tokens": "{SECRET}"}}', "is not a login"),
            (f'["{SECRET}"]', "is not a login"),
            (f'{{"tokens": {{"access_token": ["{SECRET}"]}}}}', "is not a login"),
            (b'{"tokens": {"access_token": "\xff"}}', "is not a login"),
            ('{"a":' + "[" * 100_000, "is not a login"),
            ("{}", "holds no ChatGPT tokens"),
            (f'{{"OPENAI_API_KEY": "{SECRET}"}}', "holds no ChatGPT tokens"),
            ('{"tokens": null}', "holds no ChatGPT tokens"),
            ('{"tokens": {"access_token": ""}}', "holds no ChatGPT tokens"),
            (f'{{"tokens": {{"id_token": "{SECRET}"}}}}', "holds no ChatGPT tokens"),
        ):
            with case(text=text[:60]):
                file = self.write_text(".codex", text)
                complaint = self.complaint(self.login())
                self.assertIn(f"{file} {words}", complaint)
                self.assertIn("codex login", complaint)

    def test_unreadable(self) -> None:
        """A file that is there and cannot be read is not passed over either."""
        (self.home / ".codex" / "auth.json").mkdir(parents=True)
        self.assertIn("Is a directory", self.complaint(self.login()))

    def test_injection(self) -> None:
        """Neither token nor account can bring a header of its own."""
        for value in INJECTIONS:
            with case(value=value):
                file = self.write_login(".codex", access_token=value)
                self.assertIn(f"The token in {file}", self.complaint(self.login()))
                self.write_login(".codex", access_token="at", account_id=value)
                self.assertIn(f"Account in {file}", self.complaint(self.login()))
                claims = {CLAIM: {"chatgpt_account_id": value}}
                self.write_login(".codex", access_token=jwt(claims))
                self.assertIn(f"Account in {file}", self.complaint(self.login()))

    @given(st.binary(max_size=80) | st.text(alphabet='{}[]":,tokens', max_size=60))
    @settings(max_examples=80, deadline=None)
    def test_any_file(self, text: bytes | str) -> None:
        """Whatever is in the file, there is an answer to it."""
        self.write_text(".codex", text)
        self.complaint(self.login())
