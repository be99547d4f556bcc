"""The C{auth.json} itself: read, written, and nothing in it lost."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

from chatmockd.account.auth_file import (
    blank,
    place_to_write,
    places,
    read,
    stamp_of,
)
from chatmockd.errors import CredentialsMissing
from tests.account.home import CLAIM, SECRET, CredentialsCase, jwt
from tests.core.cases import case

UNKNOWN = '"OPENAI_API_KEY": "sk-own", "big": 12345678901234567890123, "one": 1.10'


class PlacesTests(CredentialsCase):
    """Where a login is, and where a new one goes."""

    def test_order(self) -> None:
        """The named ones, ChatMock's first; then those in the home."""
        environ = {"CODEX_HOME": "/codex", "CHATGPT_LOCAL_HOME": "/mock"}
        self.assertEqual(
            [str(file) for file in places(environ, Path("/h"))],
            [
                "/mock/auth.json",
                "/codex/auth.json",
                "/h/.chatgpt-local/auth.json",
                "/h/.codex/auth.json",
            ],
        )

    def test_a_new_login_goes_where_chatmock_has_it(self) -> None:
        """Unless there is one at home already, which it takes the place of."""
        mock = {"CHATGPT_LOCAL_HOME": "/mock", "CODEX_HOME": "/codex"}
        for environ, expected in (
            (mock, "/mock/auth.json"),
            ({"CODEX_HOME": "/codex"}, "/codex/auth.json"),
            ({}, str(self.home / ".chatgpt-local" / "auth.json")),
        ):
            with case(environ=environ):
                self.assertEqual(str(place_to_write(environ, self.home)), expected)
        file = self.write_login(".codex", access_token="at")
        self.assertEqual(place_to_write({}, self.home), file)
        self.assertEqual(str(place_to_write(mock, self.home)), "/mock/auth.json")


class ReadingTests(CredentialsCase):
    """From bytes to a login."""

    def test_what_it_says(self) -> None:
        """Tokens, and what stands in them."""
        file = self.write_login(
            id_token=jwt({"email": "a@example.com"}),
            access_token=jwt({"exp": 7, CLAIM: {"chatgpt_plan_type": "plus"}}),
            refresh_token="rt",
            account_id="acct",
        )
        login = read(file)
        assert login is not None
        self.assertEqual((login.email, login.plan), ("a@example.com", "plus"))
        self.assertEqual((login.account_id, login.expires_at), ("acct", 7))
        self.assertEqual(login.refresh_token, "rt")

    def test_it_shows_no_secret(self) -> None:
        """Wherever it may be printed."""
        file = self.write_login(access_token=SECRET, refresh_token=SECRET)
        self.assertNotIn(SECRET, repr(read(file)))

    def test_none(self) -> None:
        """No file, or no folder."""
        self.assertIsNone(read(self.home / "auth.json"))
        (self.home / "file").write_text("")
        self.assertIsNone(read(self.home / "file" / "auth.json"))
        self.assertIsNone(stamp_of(self.home / "auth.json"))

    def test_what_is_no_file(self) -> None:
        """A folder, and a pipe that nobody writes to: told, and not waited for."""
        (self.home / "folder").mkdir()
        os.mkfifo(self.home / "pipe")
        for name, why in (("folder", "Is a directory"), ("pipe", "Invalid argument")):
            with case(name=name):
                error = self.assertRaises(CredentialsMissing, read, self.home / name)
                self.assertIn(f"{self.home / name} cannot be read: {why}", str(error))

    def test_huge(self) -> None:
        """No login is that long, and it is not read to its end."""
        file = self.write_text(".codex", b'{"a": "' + b"x" * 1_048_576 + b'"}')
        error = self.assertRaises(CredentialsMissing, read, file)
        self.assertIn("is not a login", str(error))

    def test_what_we_do_not_know_may_be_anything(self) -> None:
        """As long as it is JSON."""
        file = self.write_text(".codex", b'{"x": "\xff", "tokens": {}}')
        self.assertRaises(CredentialsMissing, read, file)
        file = self.write_text(".codex", b'{"x": [[1e999]], "tokens": null}')
        self.assertIsNotNone(read(file))


class WritingTests(CredentialsCase):
    """From a login to bytes."""

    def sign_in(self, file: Path) -> None:
        login = read(file) or blank(file)
        new = login.signed_in(
            access_token=jwt({CLAIM: {"chatgpt_account_id": "acct-2"}}),
            id_token="it",
            refresh_token="rt",
            now=1.5,
        )
        new.save()

    def test_a_new_file(self) -> None:
        """In Codex's format, for nobody else to read, in a folder of its own."""
        file = self.home / ".chatgpt-local" / "auth.json"
        self.sign_in(file)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(file.parent.stat().st_mode & 0o777, 0o700)
        self.assertEqual(
            json.loads(file.read_text()),
            {
                "auth_mode": "chatgpt",
                "OPENAI_API_KEY": None,
                "tokens": {
                    "id_token": "it",
                    "access_token": jwt({CLAIM: {"chatgpt_account_id": "acct-2"}}),
                    "refresh_token": "rt",
                    "account_id": "acct-2",
                },
                "last_refresh": "1970-01-01T00:00:01.500000Z",
            },
        )

    def test_unknown_keys_stay(self) -> None:
        """To the digit, through login and logout."""
        text = f'{{{UNKNOWN}, "tokens": {{"account_id": "acct-1", "x": 1}}}}'
        file = self.write_text(".codex", text)
        self.sign_in(file)
        for each in UNKNOWN.split(", "):
            self.assertIn(each, file.read_text())
        login = read(file)
        assert login is not None
        self.assertEqual(login.account_id, "acct-2")
        login.signed_out().save()
        self.assertEqual(json.loads(file.read_text()), json.loads(f"{{{UNKNOWN}}}"))

    def test_a_mode_that_was_too_open(self) -> None:
        """It is mended."""
        file = self.write_text(".codex", "{}")
        file.chmod(0o644)
        self.sign_in(file)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)

    def test_a_link_stays_one(self) -> None:
        """What it leads to is written, also where that is not there yet."""
        for name in ("real.json", "missing.json"):
            with case(name=name):
                folder = self.home / name / "elsewhere"
                folder.mkdir(parents=True)
                if name == "real.json":
                    (folder / name).write_text("{}")
                link = self.home / f"link-{name}"
                link.symlink_to(folder / name)
                self.sign_in(link)
                self.assertTrue(link.is_symlink())
                self.assertIn("rt", (folder / name).read_text())
                self.assertEqual([f.name for f in folder.iterdir()], [name])

    def test_all_or_nothing(self) -> None:
        """A file that cannot be replaced is as it was, with nothing left beside it."""
        file = self.write_text(".codex", "{}")

        def broken(source: object, target: object) -> None:
            raise OSError(5, "")

        self.patch(os, "replace", broken)
        self.assertRaises(OSError, self.sign_in, file)
        self.assertEqual(file.read_text(), "{}")
        self.assertEqual([f.name for f in file.parent.iterdir()], ["auth.json"])

    def test_a_file_that_is_mounted_by_itself(self) -> None:
        """It cannot be replaced, and is written where it is."""
        file = self.write_text(".codex", '{"x": "' + "y" * 9000 + '"}')
        number = file.stat().st_ino

        def busy(source: object, target: object) -> None:
            raise OSError(errno.EBUSY, "")

        self.patch(os, "replace", busy)
        self.sign_in(file)
        self.assertEqual(file.stat().st_ino, number)
        login = read(file)
        assert login is not None
        self.assertEqual(login.refresh_token, "rt")
        self.patch(os, "replace", busy)
        login.signed_out().save()
        self.assertEqual(len(json.loads(file.read_text())["x"]), 9000)
        self.assertEqual([f.name for f in file.parent.iterdir()], ["auth.json"])

    def test_the_folder_is_a_file(self) -> None:
        """It is told as any other failure to write."""
        (self.home / "file").write_text("")
        self.assertRaises(OSError, self.sign_in, self.home / "file" / "auth.json")

    def test_its_stamp_changes(self) -> None:
        """So that whoever keeps what he read sees that it is old."""
        file = self.write_text(".codex", "{}")
        before = stamp_of(file)
        self.sign_in(file)
        self.assertNotEqual(stamp_of(file), before)
