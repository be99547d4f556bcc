"""The issuer's endpoints."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from twisted.internet.task import Clock

from chatmockd.simulator.account_pages import account_pages
from chatmockd.simulator.accounts import Accounts, challenge_of
from chatmockd.simulator.site import site_of
from tests.core.cases import case
from tests.simulator.pages import PagesCase

APP, BACK = "app_test", "http://localhost:1455/auth/callback"


class AccountPagesTests(PagesCase):
    """What they take, and what they answer."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.accounts = Accounts(self.clock.seconds, callback="cb")
        self.of_resource(site_of(account_pages(self.accounts), self.clock).resource)

    def authorize(self, **changed: str) -> str | None:
        """Where the browser is sent."""
        query = {
            "response_type": "code",
            "client_id": APP,
            "redirect_uri": BACK,
            "code_challenge": challenge_of("v"),
            "code_challenge_method": "S256",
            "state": "s 1",
        }
        return self.get("/oauth/authorize", **query | changed).location

    def tokens(self) -> dict[str, str]:
        query = parse_qs(urlsplit(self.authorize() or "").query)
        reply = self.post_form(
            "/oauth/token",
            grant_type="authorization_code",
            client_id=APP,
            code=query["code"][0],
            code_verifier="v",
            redirect_uri=BACK,
        )
        self.assertEqual(reply.status, 200, reply.body)
        tokens: dict[str, str] = reply.json
        return tokens

    def test_back_with_a_code(self) -> None:
        """And with the state as it came."""
        location = self.authorize() or ""
        self.assertTrue(location.startswith(f"{BACK}?"))
        self.assertEqual(parse_qs(urlsplit(location).query)["state"], ["s 1"])

    def test_back_to_nowhere_else(self) -> None:
        """Nor for anything but a code with S256."""
        for changed in (
            {"redirect_uri": "https://evil.example/cb"},
            {"redirect_uri": ""},
            {"response_type": "token"},
            {"code_challenge_method": "plain"},
        ):
            with case(changed=changed):
                self.assertIsNone(self.authorize(**changed))

    def test_refreshing(self) -> None:
        """In JSON or as a form; the second time with Codex's error."""
        tokens = self.tokens()
        asked = {
            "grant_type": "refresh_token",
            "client_id": APP,
            "refresh_token": tokens["refresh_token"],
        }
        newer = self.post("/oauth/token", asked).json
        self.assertTrue(self.accounts.admits(newer["access_token"]))
        again = self.post_form("/oauth/token", **asked)
        self.assertEqual(again.status, 401)
        self.assertEqual(again.json["error"]["code"], "refresh_token_reused")

    def test_revoking(self) -> None:
        """The login is over."""
        tokens = self.tokens()
        reply = self.post("/oauth/revoke", {"token": tokens["refresh_token"]})
        self.assertEqual(reply.status, 200)
        self.assertFalse(self.accounts.admits(tokens["access_token"]))

    def test_a_device(self) -> None:
        """Its code, its user, its tokens."""
        begun = self.post("/api/accounts/deviceauth/usercode", {"client_id": APP}).json
        asked = {name: begun[name] for name in ("device_auth_id", "user_code")}
        poll = "/api/accounts/deviceauth/token"
        self.assertEqual(self.post(poll, asked).status, 403)
        self.assertIn(b"<form>", self.get("/codex/device").body)
        self.assertEqual(self.get("/codex/device", user_code="x").status, 404)
        agreed = self.get("/codex/device", user_code=begun["user_code"])
        self.assertEqual(agreed.body, b"Agreed.")
        granted = self.post(poll, asked).json
        reply = self.post_form(
            "/oauth/token",
            grant_type="authorization_code",
            client_id=APP,
            code=granted["authorization_code"],
            code_verifier=granted["code_verifier"],
            redirect_uri="cb",
        )
        self.assertEqual(reply.status, 200)

    def test_counting_and_forgetting(self) -> None:
        """For whoever tries things out."""
        token = self.tokens()["access_token"]
        self.assertEqual(
            self.get("/simulated/account").json,
            {"refreshes": 0, "reuses": 0, "revoked": 0},
        )
        self.assertEqual(self.post("/simulated/account/forget", {}).status, 200)
        self.assertFalse(self.accounts.admits(token))

    def test_nonsense(self) -> None:
        """400, whatever it is."""
        for body in (b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"grant_type": 1}'):
            with case(body=body[:20]):
                self.assertEqual(self.post("/oauth/token", body).status, 400)
