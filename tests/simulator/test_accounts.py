"""The simulated account: what is good, and for how long."""

from __future__ import annotations

import base64
import json
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.accounts import Accounts, Denied, challenge_of
from tests.core.cases import case

APP, BACK = "app_test", "http://localhost:1455/auth/callback"


class AccountsCase(SynchronousTestCase):
    """One account, and somebody who signs in to it."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.accounts = Accounts(self.clock.seconds, lifetime=60, callback="cb")

    def sign_in(self) -> Any:
        code = self.accounts.agree(APP, BACK, challenge_of("v"))
        return self.accounts.exchange(APP, code, "v", BACK)

    def denied(self, what: Any, *arguments: Any) -> str:
        """The code with which it is denied."""
        error = self.assertRaises(Denied, what, *arguments)
        assert isinstance(error, Denied)
        return error.code


class CodeTests(AccountsCase):
    """Authorization codes."""

    def test_tokens_for_a_code(self) -> None:
        """In the shape of JWTs, with the claims that clients read."""
        tokens = self.sign_in()
        payload = tokens["access_token"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        self.assertEqual(claims["exp"], 1060)
        auth = claims["https://api.openai.com/auth"]
        self.assertEqual(auth["chatgpt_plan_type"], "plus")
        profile = claims["https://api.openai.com/profile"]
        self.assertEqual(profile["email"], "simulated@example.com")
        self.assertTrue(self.accounts.admits(tokens["access_token"]))

    def test_a_code_is_good_once(self) -> None:
        """And only for the one who began, with his verifier."""
        good = (APP, "v", BACK)
        for client, verifier, back in (
            ("other", "v", BACK),
            (APP, "w", BACK),
            (APP, "v", "elsewhere"),
        ):
            with case(client=client, verifier=verifier, back=back):
                code = self.accounts.agree(APP, BACK, challenge_of("v"))
                exchange = self.accounts.exchange
                why = self.denied(exchange, client, code, verifier, back)
                self.assertEqual(why, "invalid_grant")
                # It has been shown to somebody, and is good for nobody any more.
                self.denied(exchange, good[0], code, *good[1:])

    def test_a_code_grows_old(self) -> None:
        """In ten minutes."""
        code = self.accounts.agree(APP, BACK, challenge_of("v"))
        self.clock.advance(600)
        self.denied(self.accounts.exchange, APP, code, "v", BACK)


class TokenTests(AccountsCase):
    """Access and refresh tokens."""

    def test_they_rotate(self) -> None:
        """Each refresh token brings the next."""
        token = self.sign_in()["refresh_token"]
        for _ in range(3):
            tokens: Any = self.accounts.refresh(APP, token)
            self.assertNotEqual(tokens["refresh_token"], token)
            token = tokens["refresh_token"]
            self.assertTrue(self.accounts.admits(tokens["access_token"]))
        self.assertEqual(self.accounts.refreshes, 3)

    def test_reuse_ends_the_login(self) -> None:
        """All of it, and no other."""
        first, other = self.sign_in(), self.sign_in()
        second: Any = self.accounts.refresh(APP, first["refresh_token"])
        refresh = self.accounts.refresh
        why = self.denied(refresh, APP, first["refresh_token"])
        self.assertEqual(why, "refresh_token_reused")
        why = self.denied(refresh, APP, second["refresh_token"])
        self.assertEqual(why, "refresh_token_invalidated")
        self.assertFalse(self.accounts.admits(second["access_token"]))
        self.assertTrue(self.accounts.admits(other["access_token"]))
        self.assertEqual((self.accounts.refreshes, self.accounts.reuses), (1, 1))

    def test_what_is_no_refresh_token(self) -> None:
        """Or is another application's."""
        token = self.sign_in()["refresh_token"]
        self.assertEqual(self.denied(self.accounts.refresh, APP, "x"), "invalid_grant")
        self.denied(self.accounts.refresh, "other", token)
        self.accounts.refresh(APP, token)

    def test_access_ends(self) -> None:
        """With its time, by order, and with the login."""
        first = self.sign_in()
        self.clock.advance(60)
        self.assertFalse(self.accounts.admits(first["access_token"]))
        second = self.sign_in()
        self.accounts.forget_access()
        self.assertFalse(self.accounts.admits(second["access_token"]))
        third = self.sign_in()
        self.accounts.revoke(third["refresh_token"])
        self.accounts.revoke(third["refresh_token"])
        self.accounts.revoke("unknown")
        self.assertFalse(self.accounts.admits(third["access_token"]))
        self.assertEqual(self.accounts.revoked, 1)
        self.assertFalse(self.accounts.admits("x"))


class DeviceTests(AccountsCase):
    """A device, and its user elsewhere."""

    def test_from_code_to_tokens(self) -> None:
        """Pending, until he has typed it; then once."""
        device, code = self.accounts.begin_device(APP)
        poll = self.accounts.poll_device
        self.assertEqual(self.denied(poll, device, code), "authorization_pending")
        self.assertFalse(self.accounts.agree_to_device("0000-0000"))
        self.assertTrue(self.accounts.agree_to_device(code))
        granted, verifier = poll(device, code)
        self.accounts.exchange(APP, granted, verifier, "cb")
        self.assertEqual(self.denied(poll, device, code), "device_auth_not_found")

    def test_it_grows_old(self) -> None:
        """And cannot be agreed to any more."""
        device, code = self.accounts.begin_device(APP)
        self.clock.advance(600)
        self.assertFalse(self.accounts.agree_to_device(code))
        why = self.denied(self.accounts.poll_device, device, code)
        self.assertEqual(why, "device_auth_expired")
