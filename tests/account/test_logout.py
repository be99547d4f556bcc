"""Signing out."""

from __future__ import annotations

import json

from chatmockd.account.issuer import Grant, IssuerFailed
from chatmockd.account.logout import SignedOut, sign_out
from chatmockd.account.sign_in import SignInFailed, keep
from chatmockd.errors import CredentialsMissing
from chatmockd.simulator.accounts import challenge_of
from tests.account.home import expiring
from tests.account.simulated import SimulatedCase


class LogoutTests(SimulatedCase):
    """Of somebody who is signed in, or not."""

    def sign_in(self) -> str:
        """Return the access token."""
        code = self.accounts.agree("app_test", "cb", challenge_of("v"))
        grant = self.of(self.issuer.exchange(code, "v", "cb"))
        self.of(keep(self.file, grant, self.clock))
        return grant.access_token

    def sign_out(self) -> SignedOut | None:
        return self.of(sign_out(self.clock, self.issuer, {}, self.home))

    def test_revoked_and_deleted(self) -> None:
        """The issuer refuses the tokens, and the file has none."""
        token = self.sign_in()
        ended = self.sign_out()
        assert ended is not None
        self.assertEqual((ended.file, ended.not_revoked), (self.file, None))
        self.assertEqual(ended.email, "simulated@example.com")
        self.assertFalse(self.accounts.admits(token))
        self.assertEqual(json.loads(self.file.read_text()), {"OPENAI_API_KEY": None})
        self.assertIsNone(self.sign_out())

    def test_out_of_reach(self) -> None:
        """Deleted all the same."""
        self.sign_in()
        self.calls.broken = True
        ended = self.sign_out()
        assert ended is not None
        self.assertIsInstance(ended.not_revoked, IssuerFailed)
        self.assertNotIn("tokens", self.file.read_text())

    def test_nobody(self) -> None:
        """There is nothing to be done."""
        self.assertIsNone(self.sign_out())

    def test_nothing_to_revoke(self) -> None:
        """Without a refresh token, nobody is asked."""
        self.file.parent.mkdir()
        tokens = {"tokens": {"access_token": "at"}}
        self.file.write_text(json.dumps(tokens))
        self.calls.broken = True
        ended = self.sign_out()
        assert ended is not None
        self.assertIsNone(ended.not_revoked)

    def test_a_broken_file(self) -> None:
        """Left as it is."""
        self.file.parent.mkdir()
        self.file.write_text("{")
        asking = self.begun(sign_out(self.clock, self.issuer, {}, self.home))
        self.failureResultOf(asking, CredentialsMissing)
        self.assertEqual(self.file.read_text(), "{")


class KeepTests(SimulatedCase):
    """Saving a login."""

    def test_over_what_was_broken(self) -> None:
        """To sign in again is what mends a file."""
        self.file.parent.mkdir()
        self.file.write_text("{")
        login = self.of(keep(self.file, Grant(expiring(9), None, "rt"), self.clock))
        self.assertEqual(login.refresh_token, "rt")
        self.assertEqual(json.loads(self.file.read_text())["auth_mode"], "chatgpt")

    def test_not_to_be_saved(self) -> None:
        """A folder in its place, or a file in its folder's."""
        (self.home / "auth.json").mkdir()
        (self.home / "file").write_text("")
        for file in (self.home / "auth.json", self.home / "file" / "auth.json"):
            asking = self.begun(keep(file, Grant("at", None, None), self.clock))
            failure = self.failureResultOf(asking, SignInFailed)
            self.assertIn(f"{file} cannot be written", str(failure.value))
