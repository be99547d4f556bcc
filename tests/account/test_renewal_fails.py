"""The issuer is out of reach, or will renew no more."""

from __future__ import annotations

from chatmockd.account.chatgpt import SignInAgain
from chatmockd.account.issuer import IssuerFailed
from tests.account.home import ISSUER, SECRET, expiring
from tests.account.renewal import RenewalCase
from tests.core.cases import case


class FailingTests(RenewalCase):
    """The issuer is out of reach, or out of its mind."""

    GARBAGE = (
        (b"", 200),
        (b"<html>", 200),
        (b"[]", 200),
        (b"{}", 200),
        (b'{"access_token": 5}', 200),
        (b'{"access_token": ""}', 200),
        (b'{"access_token": "a\\nb"}', 200),
        (b"[" * 100_000, 200),
        (b"\xff" * 9, 200),
        (b"<html>", 500),
        (b"{}", 503),
        (b"<html>", 401),
        (b'{"error": "slow_down"}', 429),
        (b'{"access_token": "a"}', 302),
    )

    def test_an_old_token_that_is_still_good(self) -> None:
        """It is used, and the issuer is left alone for half a minute."""
        old = self.tokens["access_token"]
        for body, status in self.GARBAGE:
            with case(body=body[:40], status=status):
                asking = self.begun(self.login().headers())
                self.outbound.calls[-1].answer(body, status)
                bearer = self.successResultOf(asking)["Authorization"]
                self.assertEqual(bearer, f"Bearer {old}")
        asking = self.begun(self.credentials.headers())
        self.outbound.calls.pop().fail()
        self.successResultOf(asking)
        self.outbound.calls.clear()
        self.clock.advance(29)
        self.assertEqual(self.bearer_of(self.credentials), old)
        self.assertEqual(self.outbound.calls, [])
        self.clock.advance(1)
        asking = self.begun(self.credentials.headers())
        token = self.grant()
        bearer = self.successResultOf(asking)["Authorization"]
        self.assertEqual(bearer, f"Bearer {token}")

    def test_the_time_of_day_is_set_back(self) -> None:
        """Half a minute stays half a minute."""
        asking = self.begun(self.credentials.headers())
        self.call.fail()
        self.successResultOf(asking)
        self.set_by = -60
        self.clock.advance(30)
        asking = self.begun(self.credentials.headers())
        token = self.grant()
        bearer = self.successResultOf(asking)["Authorization"]
        self.assertEqual(bearer, f"Bearer {token}")

    def test_an_old_token_that_has_expired(self) -> None:
        """502, with what went wrong and when to come again."""
        self.write_login(access_token=expiring(0), refresh_token=SECRET)
        for _ in range(2):
            asking = self.begun(self.credentials.headers())
            if not self.outbound.calls[-1].answered.called:
                self.call.fail("DNS: no such host name")
            error = self.failureResultOf(asking, IssuerFailed).value
            assert isinstance(error, IssuerFailed)
            self.assertEqual((error.status, error.retry_after), (502, 30))
            self.assertIn(f"{ISSUER}/oauth/token: DNS: no such", error.message)
            self.assertNotIn(SECRET, error.message)
        self.assert_one_call()

    def test_a_new_login_is_tried_at_once(self) -> None:
        """The failure was that of another token."""
        asking = self.begun(self.credentials.headers())
        self.call.fail()
        self.successResultOf(asking)
        self.outbound.calls.clear()
        self.write_login(access_token=expiring(9), refresh_token="rt-9")
        asking = self.begun(self.credentials.headers())
        self.assertEqual(self.call.json["refresh_token"], "rt-9")
        self.grant()
        self.successResultOf(asking)


class EndedTests(RenewalCase):
    """The refresh token is good no more."""

    ENDINGS = (
        ({"error": {"code": "refresh_token_expired", "message": SECRET}}, 401),
        ({"error": {"code": "refresh_token_reused"}}, 401),
        ({"error": {"code": "refresh_token_invalidated"}}, 400),
        ({"error": "invalid_grant", "error_description": SECRET}, 400),
        ({"code": "invalid_grant"}, 403),
    )

    def test_sign_in_again(self) -> None:
        """A 401 that says so, and nobody asks again until there is another login."""
        for body, status in self.ENDINGS:
            with case(body=body):
                self.outbound.calls.clear()
                self.write_login(access_token=expiring(0), refresh_token=SECRET)
                credentials = self.login()
                asking = self.begun(credentials.headers())
                self.call.answer(body, status)
                error = self.failureResultOf(asking, SignInAgain).value
                assert isinstance(error, SignInAgain)
                self.assertEqual((error.status, error.code), (401, "sign_in_again"))
                self.assertIn("`chatmockd login`", str(error))
                self.clock.advance(3600)
                self.assertEqual(self.complaint(credentials), str(error))
                refused = {"Authorization": f"Bearer {expiring(0)}"}
                again = self.begun(credentials.renewed(refused))
                self.failureResultOf(again, SignInAgain)
                self.assert_one_call()
                token = expiring(864_000)
                self.write_login(access_token=token, refresh_token="rt-9")
                self.assertEqual(self.bearer_of(credentials), token)

    def test_the_old_token_to_its_end(self) -> None:
        """It was promised for longer."""
        asking = self.begun(self.credentials.headers())
        self.call.answer({"error": "invalid_grant"}, 400)
        self.successResultOf(asking)
        self.clock.advance(59)
        self.assertEqual(self.bearer_of(self.credentials), expiring(60, "old"))
        self.clock.advance(1)
        self.complaint(self.credentials)
        self.assert_one_call()
