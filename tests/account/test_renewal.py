"""When the tokens of a ChatGPT login are renewed, and how that is asked for."""

from __future__ import annotations

import json

from twisted.internet.defer import CancelledError

from chatmockd.account.issuer import IssuerFailed
from tests.account.home import ISSUER, SECRET, expiring
from tests.account.renewal import RenewalCase
from tests.core.cases import case


class DueTests(RenewalCase):
    """When tokens are renewed, and how that is asked for."""

    def test_five_minutes_before_they_expire(self) -> None:
        """And not earlier."""
        for seconds, is_due in ((301, False), (300, True), (0, True), (-9, True)):
            with case(seconds=seconds):
                self.outbound.calls.clear()
                token = expiring(seconds)
                self.write_login(access_token=token, refresh_token="rt")
                asking = self.begun(self.login().headers())
                self.assertEqual(len(self.outbound.calls), int(is_due))
                if is_due:
                    self.assertNoResult(asking)
                    token = self.grant()
                expected = {"Authorization": f"Bearer {token}"}
                self.assertEqual(self.successResultOf(asking), expected)

    def test_new_ones_that_expire_at_once(self) -> None:
        """The clock is ahead: they are used, and renewed once a minute."""
        self.write_login(access_token=expiring(0), refresh_token=SECRET)
        asking = self.begun(self.credentials.headers())
        new = expiring(10, "new")
        self.call.answer({"access_token": new, "refresh_token": "rt-2"})
        self.successResultOf(asking)
        for _ in range(3):
            self.assertEqual(self.bearer_of(self.credentials), new)
        self.clock.advance(59)
        self.assertEqual(self.bearer_of(self.credentials), new)
        self.assert_one_call()
        self.clock.advance(1)
        self.begun(self.credentials.headers())
        self.assertEqual(len(self.outbound.calls), 2)
        self.grant("newer")

    def test_tokens_that_do_not_say_when(self) -> None:
        """Eight days after the last time; never, where that is not known either."""
        for last_refresh, is_due in (
            ("2027-01-07T08:00:00.123456789Z", False),
            ("2027-01-07T07:59:00+00:00", True),
            ("2027-01-07T07:59:00", True),
            ("soon", False),
            (17, False),
            (None, False),
        ):
            with case(last_refresh=last_refresh):
                self.outbound.calls.clear()
                tokens = {"access_token": "opaque", "refresh_token": "rt"}
                document = {"tokens": tokens, "last_refresh": last_refresh}
                self.write_text(".codex", json.dumps(document))
                asking = self.begun(self.login().headers())
                self.assertEqual(len(self.outbound.calls), int(is_due))
                if is_due:
                    self.grant()
                self.successResultOf(asking)

    def test_what_is_asked(self) -> None:
        """JSON, to the issuer, as the application that we are."""
        asking = self.begun(self.credentials.headers())
        self.assertEqual(self.call.method, "POST")
        self.assertEqual(self.call.url, f"{ISSUER}/oauth/token")
        self.assertEqual(self.call.kind, "application/json")
        self.assertEqual(
            self.call.json,
            {
                "client_id": "app_test",
                "grant_type": "refresh_token",
                "refresh_token": "rt-1",
                "scope": "openid profile email",
            },
        )
        self.grant()
        self.successResultOf(asking)

    def test_saved_before_use(self) -> None:
        """The new tokens, the time, and all that stood there before."""
        document = json.loads(self.file.read_text())
        document |= {"OPENAI_API_KEY": "sk-own", "agent_identity": {"x": 1.10}}
        document["tokens"]["more"] = [1]
        self.file.write_text(json.dumps(document))
        asking = self.begun(self.credentials.headers())
        token = self.grant(id_token="new-id")
        self.successResultOf(asking)
        document["tokens"] |= {
            "access_token": token,
            "refresh_token": "rt-2",
            "id_token": "new-id",
        }
        document["last_refresh"] = "2027-01-15T08:00:00Z"
        self.assertEqual(json.loads(self.file.read_text()), document)
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)

    def test_a_refresh_token_that_stays(self) -> None:
        """Where the issuer sends no other."""
        asking = self.begun(self.credentials.headers())
        self.call.answer({"access_token": "at", "refresh_token": None})
        self.successResultOf(asking)
        self.assertEqual(self.tokens["refresh_token"], "rt-1")

    def test_no_access_token_yet(self) -> None:
        """A refresh token is enough of a login."""
        self.write_login(refresh_token="rt")
        asking = self.begun(self.credentials.headers())
        token = self.grant()
        bearer = self.successResultOf(asking)["Authorization"]
        self.assertEqual(bearer, f"Bearer {token}")

    def test_one_call_for_all(self) -> None:
        """However many wait; and one that leaves takes nothing from the others."""
        asking = [self.begun(self.credentials.headers()) for _ in range(5)]
        asking[0].cancel()
        self.failureResultOf(asking[0], CancelledError)
        self.assert_one_call()
        token = self.grant()
        for each in asking[1:]:
            bearer = self.successResultOf(each)["Authorization"]
            self.assertEqual(bearer, f"Bearer {token}")
        self.assertEqual(self.bearer_of(self.credentials), token)
        self.assert_one_call()

    def test_nobody_is_left(self) -> None:
        """What was asked for is saved all the same."""
        asking = self.begun(self.credentials.headers())
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        settled = self.credentials.settled()
        self.assertNoResult(settled)
        token = self.grant()
        self.successResultOf(settled)
        self.assertEqual(self.tokens["access_token"], token)

    def test_settling_takes_an_end(self) -> None:
        """A daemon does not wait for an issuer that says nothing."""
        self.successResultOf(self.credentials.settled())
        asking = self.begun(self.credentials.headers())
        settled = self.credentials.settled()
        self.clock.advance(5)
        self.successResultOf(settled)
        self.grant()
        self.successResultOf(asking)


class RenewedTests(RenewalCase):
    """The upstream answered with 401."""

    def setUp(self) -> None:
        super().setUp()
        self.write_login(access_token=expiring(864_000, "old"), refresh_token="rt-1")
        self.refused = self.of(self.credentials.headers())

    def test_another_login_in_the_file(self) -> None:
        """It is used, without a call."""
        token = expiring(864_000, "other")
        self.write_login(access_token=token, refresh_token="rt-9")
        headers = self.of(self.credentials.renewed(self.refused))
        self.assertEqual(headers, {"Authorization": f"Bearer {token}"})
        self.assertEqual(self.outbound.calls, [])

    def test_the_same_login(self) -> None:
        """It is renewed once, however many were refused."""
        asking = [self.begun(self.credentials.renewed(self.refused)) for _ in range(3)]
        self.assert_one_call()
        expected = {"Authorization": f"Bearer {self.grant()}"}
        for each in asking:
            self.assertEqual(self.successResultOf(each), expected)
        self.assertEqual(self.of(self.credentials.renewed(self.refused)), expected)
        self.assert_one_call()

    def test_a_new_token_is_refused_too(self) -> None:
        """A newer one would not help; later, it is tried."""
        asking = self.begun(self.credentials.renewed(self.refused))
        self.grant()
        refused = self.successResultOf(asking)
        assert refused is not None
        self.assertIsNone(self.of(self.credentials.renewed(refused)))
        self.clock.advance(60)
        self.begun(self.credentials.renewed(refused))
        self.assertEqual(len(self.outbound.calls), 2)
        self.grant("newer")

    def test_a_new_token_that_is_due_already(self) -> None:
        """It is not the one that was refused."""
        asking = self.begun(self.credentials.renewed(self.refused))
        new = expiring(10, "new")
        self.call.answer({"access_token": new, "refresh_token": "rt-2"})
        expected = {"Authorization": f"Bearer {new}"}
        self.assertEqual(self.successResultOf(asking), expected)
        self.assertEqual(self.of(self.credentials.renewed(self.refused)), expected)
        self.assert_one_call()

    def test_nothing_to_renew_it_with(self) -> None:
        """What was refused stays refused."""
        self.write_login(access_token="at")
        refused = {"Authorization": "Bearer at"}
        self.assertIsNone(self.of(self.credentials.renewed(refused)))
        self.assertEqual(self.outbound.calls, [])

    def test_the_issuer_sends_the_same(self) -> None:
        """There is nothing else to try."""
        asking = self.begun(self.credentials.renewed(self.refused))
        self.call.answer({"access_token": expiring(864_000, "old")})
        self.assertIsNone(self.successResultOf(asking))

    def test_the_issuer_is_out_of_reach(self) -> None:
        """That is what the client has to be told."""
        asking = self.begun(self.credentials.renewed(self.refused))
        self.call.fail()
        self.failureResultOf(asking, IssuerFailed)
