"""Calls that are made as the account."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from chatmockd import __version__
from chatmockd.account.asking import Asking, NotSignedIn
from chatmockd.account.identity import identity_of
from chatmockd.errors import UpstreamUnreachable
from chatmockd.outbound import Unreachable
from tests.account.asked import SECRET, URL, AskedCase, token

PAGE = "https://chatgpt.test/page"


class AskingTests(AskedCase):
    """Who we say we are, and what becomes of a refusal."""

    def get(self, asking: Asking | None = None) -> Deferred[object]:
        """Ask for a page."""
        return Deferred.fromCoroutine((asking or self.asking).get(PAGE, {"X": "y"}))

    def test_signed_in(self) -> None:
        """Every call has the credentials, and says what asks."""
        self.outbound.will(200, b"hello")
        identity, answered = self.successResultOf(self.get())  # type: ignore[misc]
        self.assertEqual(answered.body, b"hello")
        self.assertEqual((identity.account, identity.plan), ("acc-1", "plus"))
        (call,) = self.outbound.calls
        self.assertEqual((call.method, call.url), ("GET", PAGE))
        us = f"chatmockd/{__version__}"
        self.assertEqual(call.headers["User-Agent"], us)
        self.assertEqual(call.headers["originator"], us)
        self.assertEqual(call.headers["ChatGPT-Account-ID"], "acc-1")
        self.assertIn(SECRET, call.headers["Authorization"])
        self.assertEqual(call.headers["X"], "y")

    def test_as_somebody_else(self) -> None:
        """What we say we are can be set."""
        asking = Asking(
            self.outbound, self.login, URL, originator="me", user_agent="mine/1"
        )
        self.outbound.will()
        self.successResultOf(self.get(asking))
        (call,) = self.outbound.calls
        self.assertEqual(call.headers["User-Agent"], "mine/1")
        self.assertEqual(call.headers["originator"], "me")

    def test_refused_once(self) -> None:
        """With renewed credentials it is asked once more."""
        self.login.renewals = ["new"]
        self.outbound.will(401)
        self.outbound.will(200, b"in")
        _, answered = self.successResultOf(self.get())  # type: ignore[misc]
        self.assertEqual(answered.body, b"in")
        first, second = self.outbound.calls
        self.assertEqual(
            second.headers["Authorization"], first.headers["Authorization"] + "new"
        )
        self.assertEqual(
            self.login.refused[0]["Authorization"], first.headers["Authorization"]
        )

    def test_refused_for_good(self) -> None:
        """Twice, or with nothing else to try: nobody is signed in."""
        for renewals, calls in (([], 1), (["new"], 3)):
            self.login.renewals = list(renewals)
            self.outbound.will(401)
            self.outbound.will(401)
            failure = self.failureResultOf(self.get(), NotSignedIn)
            self.assertNotIn(SECRET, str(failure.value))
            self.outbound.answers.clear()
            self.assertEqual(len(self.outbound.calls), calls)

    def test_nobody(self) -> None:
        """Without a login nothing is asked."""
        self.login.account = None
        self.failureResultOf(self.get(), NotSignedIn)
        self.assertEqual(self.outbound.calls, [])

    def test_tokens_that_cannot_be_renewed_now(self) -> None:
        """Are no reason to sign in again."""

        async def headers() -> dict[str, str]:
            raise UpstreamUnreachable("auth.test:443", "connect", "refused")

        self.patch(self.login, "headers", headers)
        self.failureResultOf(self.get(), Unreachable)


class IdentityTests(AskedCase):
    """Whose headers they are."""

    def test_an_account_keeps_its_key(self) -> None:
        """Whatever its token is at the moment; another upstream is another account."""
        one = {"Authorization": "Bearer a", "ChatGPT-Account-ID": "acc"}
        other = {"Authorization": "Bearer b", "ChatGPT-Account-ID": "acc"}
        self.assertEqual(identity_of(one, URL).key, identity_of(other, URL).key)
        self.assertNotEqual(identity_of(one, URL).key, identity_of(one, "ws://x").key)
        key = {"Authorization": "Bearer sk-1"}
        self.assertNotEqual(
            identity_of(key, URL).key,
            identity_of({"Authorization": "Bearer sk-2"}, URL).key,
        )
        self.assertNotIn("sk-1", repr(identity_of(key, URL)))

    def test_claims(self) -> None:
        """Plan and address stand in the token."""
        bearer = token(chatgpt_plan_type="pro")
        identity = identity_of({"Authorization": f"Bearer {bearer}"}, URL)
        self.assertEqual((identity.plan, identity.account), ("pro", ""))

    def test_shortened(self) -> None:
        """Enough to tell one from another."""
        headers = {"Authorization": "Bearer a", "ChatGPT-Account-ID": "0123456789"}
        self.assertEqual(identity_of(headers, URL).short_account, "01234567...")
