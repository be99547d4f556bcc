"""A code to type on another machine."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred

from chatmockd.account import device
from chatmockd.account.auth_file import Login
from chatmockd.account.issuer import IssuerFailed, IssuerRefused
from chatmockd.account.sign_in import SignInFailed
from tests.account.home import ISSUER, CredentialsCase
from tests.account.simulated import SimulatedCase
from tests.core.cases import case


class DeviceTests(SimulatedCase):
    """With an issuer that plays along."""

    def begin(self) -> Deferred[Login]:
        return self.begun(
            device.sign_in(self.clock, self.issuer, self.file, show=self.show)
        )

    def test_signed_in(self) -> None:
        """When the user has typed it, and not before."""
        asking = self.begin()
        url, code = self.shown
        self.assertEqual(url, f"{ISSUER}/codex/device")
        self.wait(3)
        self.assertNoResult(asking)
        self.accounts.agree_to_device(code)
        self.wait(1)
        login = self.settle(asking)
        self.assertEqual(login.email, "simulated@example.com")
        tokens = json.loads(self.file.read_text())["tokens"]
        self.assertTrue(self.accounts.admits(tokens["access_token"]))

    def test_the_network_fails_for_a_moment(self) -> None:
        """It is asked again."""
        asking = self.begin()
        self.calls.broken = True
        self.wait(5)
        self.accounts.agree_to_device(self.shown[1])
        self.calls.broken = False
        self.wait(1)
        self.settle(asking)

    def test_nobody_types_it(self) -> None:
        """The issuer says when that is over."""
        asking = self.begin()
        self.wait(601)
        self.failureResultOf(asking, IssuerRefused)
        self.assertFalse(self.file.exists())


class AnswersTests(CredentialsCase):
    """With an issuer that does what it likes."""

    BEGUN: dict[str, Any] = {"device_auth_id": "d", "user_code": "AB-12"}

    def begin(self, answer: object, status: int = 200) -> Deferred[Login]:
        shown: list[str] = []
        file = self.home / "auth.json"

        def show(*words: str) -> None:
            shown.extend(words)

        asking = self.begun(device.sign_in(self.clock, self.issuer, file, show=show))
        self.outbound.calls[-1].answer(answer, status)
        return asking

    def test_no_code_to_type(self) -> None:
        """One clear error, whatever came instead."""
        for answer, status, kind in (
            (b"<html>", 200, IssuerFailed),
            ({}, 200, IssuerFailed),
            ({"device_auth_id": 5}, 200, IssuerFailed),
            ({"device_auth_id": "d"}, 200, IssuerFailed),
            ({"device_auth_id": "d", "user_code": "\x1b[2J"}, 200, IssuerFailed),
            ({"error": "unknown_client"}, 404, IssuerRefused),
            (b"", 500, IssuerFailed),
        ):
            with case(answer=answer, status=status):
                self.failureResultOf(self.begin(answer, status), kind)

    def test_how_often_it_is_asked(self) -> None:
        """As the issuer wants it, within reason."""
        for interval, seconds in (
            ("2", 2),
            (3, 3),
            (0, 5),
            (None, 5),
            ("soon", 5),
            ("nan", 5),
            (0.001, 1),
            (1e9, 60),
        ):
            with case(interval=interval):
                self.outbound.calls.clear()
                asking = self.begin(self.BEGUN | {"interval": interval})
                self.clock.advance(seconds - 0.1)
                self.assert_one_call()
                self.clock.advance(0.1)
                self.assertEqual(len(self.outbound.calls), 2)
                self.outbound.calls[-1].answer({"error": "no"}, 400)
                self.failureResultOf(asking, IssuerRefused)

    def test_agreed_without_a_code(self) -> None:
        """One clear error."""
        asking = self.begin({"device_auth_id": "d", "usercode": "AB-12"})
        self.clock.advance(5)
        self.outbound.calls[-1].answer({"authorization_code": 5})
        self.failureResultOf(asking, IssuerFailed)

    def test_it_never_ends(self) -> None:
        """After a quarter of an hour, we do."""
        asking = self.begin(self.BEGUN | {"interval": 60})
        for answer in (b"", {"error": "pending"}) * 8:
            self.clock.advance(60)
            if not self.outbound.calls[-1].answered.called:
                self.outbound.calls[-1].answer(answer, 403 if answer else 500)
        self.failureResultOf(asking, SignInFailed)
