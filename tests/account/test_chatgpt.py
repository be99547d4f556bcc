"""The tokens of a ChatGPT login: found, renewed, and given up."""

from __future__ import annotations

import base64
import fcntl
import json
import os
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError

from chatmockd.account.chatgpt import SignInAgain
from chatmockd.account.issuer import IssuerFailed
from chatmockd.errors import CredentialsMissing
from tests.account.home import (
    CLAIM,
    INJECTIONS,
    ISSUER,
    SECRET,
    CredentialsCase,
    expiring,
    jwt,
)
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


class RenewalCase(CredentialsCase):
    """Somebody whose access token is about to expire."""

    def setUp(self) -> None:
        super().setUp()
        self.file = self.write_login(
            access_token=expiring(60, "old"),
            refresh_token="rt-1",
            id_token=jwt({"email": "a@example.com"}),
            account_id="acct-1",
        )
        self.credentials = self.login()

    @property
    def tokens(self) -> dict[str, Any]:
        """Those in the file."""
        tokens: dict[str, Any] = json.loads(self.file.read_text())["tokens"]
        return tokens

    def grant(self, name: str = "new", **more: object) -> str:
        """The issuer grants the newest call tokens; the access token comes back."""
        token = expiring(864_000, name)
        self.outbound.calls[-1].answer(
            {"access_token": token, "refresh_token": "rt-2", **more}
        )
        return token


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


class OtherProcessTests(RenewalCase):
    """The file has more readers and writers than this daemon."""

    def hold_the_lock(self) -> int:
        lock = self.file.with_name("auth.json.lock")
        number = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(number, fcntl.LOCK_EX)
        return number

    def test_it_is_waited_for(self) -> None:
        """And what it has got is used, without a call."""
        lock = self.hold_the_lock()
        asking = self.begun(self.credentials.headers())
        self.clock.pump([0.1] * 20)
        self.assertNoResult(asking)
        token = expiring(864_000)
        self.write_login(access_token=token, refresh_token="rt-9")
        os.close(lock)
        self.clock.advance(0.1)
        bearer = self.successResultOf(asking)["Authorization"]
        self.assertEqual(bearer, f"Bearer {token}")
        self.assertEqual(self.outbound.calls, [])

    def test_it_failed(self) -> None:
        """Then it is our turn, with the token that is there by now."""
        lock = self.hold_the_lock()
        asking = self.begun(self.credentials.headers())
        self.write_login(access_token=expiring(60), refresh_token="rt-9")
        os.close(lock)
        self.clock.advance(0.1)
        self.assertEqual(self.call.json["refresh_token"], "rt-9")
        self.grant()
        self.successResultOf(asking)

    def test_it_hangs(self) -> None:
        """A minute is enough; the token that we have is still good for a moment."""
        self.write_login(access_token=expiring(90), refresh_token="rt-1")
        lock = self.hold_the_lock()
        self.addCleanup(os.close, lock)
        asking = self.begun(self.credentials.headers())
        renewing = self.begun(self.credentials.renewed({"Authorization": "Bearer x"}))
        self.clock.pump([0.1] * 601)
        self.successResultOf(asking)
        error = self.failureResultOf(renewing, IssuerFailed).value
        self.assertIn("Another process", str(error))
        self.assertEqual(self.outbound.calls, [])

    def test_one_without_our_lock(self) -> None:
        """Codex spent the token first; what it got in return is used."""
        asking = self.begun(self.credentials.headers())
        token = expiring(864_000)
        self.write_login(access_token=token, refresh_token="rt-9")
        self.call.answer({"error": {"code": "refresh_token_reused"}}, 401)
        bearer = self.successResultOf(asking)["Authorization"]
        self.assertEqual(bearer, f"Bearer {token}")

    def test_somebody_signs_in_meanwhile(self) -> None:
        """His login is not written over."""
        asking = self.begun(self.credentials.headers())
        token = expiring(864_000)
        self.write_login(access_token=token, refresh_token="rt-9")
        self.grant()
        bearer = self.successResultOf(asking)["Authorization"]
        self.assertEqual(bearer, f"Bearer {token}")
        self.assertEqual(self.tokens["refresh_token"], "rt-9")

    def test_somebody_signs_out_meanwhile(self) -> None:
        """Then we are signed out, too."""
        asking = self.begun(self.credentials.renewed({}))
        self.file.unlink()
        self.grant()
        error = self.failureResultOf(asking, CredentialsMissing).value
        self.assertIn("is gone", str(error))
        self.assertFalse(self.file.exists())


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


class UnwritableTests(RenewalCase):
    """The file cannot be written."""

    def break_renaming(self) -> list[Any]:
        """Every attempt fails, as on a full disk, until the list is emptied."""
        broken: list[Any] = [None]
        rename = os.replace

        def replace(source: Any, target: Any) -> None:
            if broken:
                raise OSError(28, "")
            rename(source, target)

        self.patch(os, "replace", replace)
        return broken

    def test_the_folder_is_not_ours(self) -> None:
        """Nothing is asked: the refresh token would be spent for nothing."""
        self.patch(os, "access", lambda path, mode: False)
        self.assertEqual(self.bearer_of(self.credentials), expiring(60, "old"))
        asking = self.begun(self.credentials.renewed({"Authorization": "x"}))
        error = self.failureResultOf(asking, IssuerFailed).value
        self.assertIn(f"{self.file.parent} is not writable", str(error))
        self.assertEqual(self.outbound.calls, [])

    def test_the_lock_cannot_be_made(self) -> None:
        """The same."""
        self.file.with_name("auth.json.lock").mkdir()
        asking = self.begun(self.credentials.renewed({"Authorization": "x"}))
        error = self.failureResultOf(asking, IssuerFailed).value
        self.assertIn("Is a directory", str(error))
        self.assertEqual(self.outbound.calls, [])

    def test_the_disk_is_full(self) -> None:
        """The new tokens are used as long as we live, and saved when there is room."""
        broken = self.break_renaming()
        before = self.file.read_text()
        asking = self.begun(self.credentials.headers())
        token = self.grant()
        self.successResultOf(asking)
        self.assertEqual(self.file.read_text(), before)
        self.assertEqual(self.bearer_of(self.credentials), token)
        self.assertEqual([f.name for f in self.file.parent.glob(".auth*")], [])
        broken.clear()
        self.assertEqual(self.bearer_of(self.credentials), token)
        self.assertEqual(self.tokens["access_token"], token)
        self.assertEqual(self.tokens["refresh_token"], "rt-2")

    def test_unsaved_tokens_are_renewed_in_turn(self) -> None:
        """With the refresh token that came with them."""
        self.break_renaming()
        asking = self.begun(self.credentials.headers())
        self.grant()
        refused = self.successResultOf(asking)
        self.clock.advance(60)
        asked = self.begun(self.credentials.renewed(refused))
        self.assertEqual(self.outbound.calls[-1].json["refresh_token"], "rt-2")
        newer = self.grant("newer", refresh_token="rt-3")
        self.assertEqual(
            self.successResultOf(asked),
            {"Authorization": f"Bearer {newer}", "ChatGPT-Account-ID": "acct-1"},
        )

    def test_another_login_takes_their_place(self) -> None:
        """Unsaved tokens are those of a login that is over."""
        self.break_renaming()
        asking = self.begun(self.credentials.headers())
        self.grant()
        self.successResultOf(asking)
        token = expiring(864_000, "other")
        self.write_login(access_token=token, refresh_token="rt-9")
        self.assertEqual(self.bearer_of(self.credentials), token)
