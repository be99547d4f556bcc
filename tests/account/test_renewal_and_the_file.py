"""Renewed tokens, and a file that others write as well, or nobody can."""

from __future__ import annotations

import fcntl
import os
from typing import Any

from chatmockd.account.issuer import IssuerFailed
from chatmockd.errors import CredentialsMissing
from tests.account.home import expiring
from tests.account.renewal import RenewalCase


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
