"""The C{auth.json} of a ChatGPT login: where it is found, and what is in it."""

from __future__ import annotations

import base64
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.account.home import CLAIM, INJECTIONS, SECRET, CredentialsCase, jwt
from tests.core.cases import case


class ChatGptLoginTests(CredentialsCase):
    """The C{auth.json} that a ChatGPT login leaves behind."""

    def test_token_and_account(self) -> None:
        """The token is the bearer, the account goes beside it."""
        self.write_login(".codex", access_token=SECRET, account_id="acct-1")
        self.assertEqual(
            self.of(self.login().headers()),
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
            "last_refresh": "2027-01-15T00:00:00Z",
            "agent_identity": {"x": 1},
        }
        self.write_text(".codex", json.dumps(login))
        self.assertEqual(
            self.of(self.login().headers()), {"Authorization": "Bearer at"}
        )

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
            self.assertEqual(self.of(login.headers()), expected)
            (self.home / folder / "auth.json").unlink()
        words = self.complaint(login)
        for folder in folders:
            self.assertIn(str(self.home / folder / "auth.json"), words)
        self.assertIn("chatmockd login", words)

    def test_the_home_of_nobody(self) -> None:
        """A folder of a user that does not exist is not there, and no more."""
        self.write_login(".codex", access_token="at")
        login = self.login(CODEX_HOME="~no-such-user-here")
        self.assertEqual(self.of(login.headers()), {"Authorization": "Bearer at"})

    def test_names_that_are_blank(self) -> None:
        """A variable that is set to nothing names nothing."""
        self.write_login(".codex", access_token="at")
        login = self.login(CHATGPT_LOCAL_HOME="", CODEX_HOME="")
        self.assertEqual(self.of(login.headers()), {"Authorization": "Bearer at"})

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
            self.assertEqual(
                self.of(login.headers()), {"Authorization": f"Bearer {token}"}
            )

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
                headers = self.of(self.login().headers())
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
                self.assertEqual(self.of(self.login().headers()), expected)

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
                self.assertIn("chatmockd login", complaint)

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
