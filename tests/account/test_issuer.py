"""What the issuer is asked, and what its answers mean."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from chatmockd.account.issuer import Grant, IssuerFailed, IssuerRefused
from tests.account.home import ISSUER, SECRET, CredentialsCase
from tests.core.cases import case


class AskingTests(CredentialsCase):
    """From a method to a request."""

    def test_where_the_browser_goes(self) -> None:
        """With all that the real issuer wants to see."""
        url = self.issuer.authorize_url(
            redirect_uri="http://localhost:1455/auth/callback",
            challenge="c",
            state="s",
            originator="chatmockd/1",
        )
        self.assertTrue(url.startswith(f"{ISSUER}/oauth/authorize?"))
        self.assertEqual(
            parse_qs(urlsplit(url).query),
            {
                "response_type": ["code"],
                "client_id": ["app_test"],
                "redirect_uri": ["http://localhost:1455/auth/callback"],
                "scope": ["openid profile email offline_access"],
                "code_challenge": ["c"],
                "code_challenge_method": ["S256"],
                "id_token_add_organizations": ["true"],
                "codex_cli_simplified_flow": ["true"],
                "state": ["s"],
                "originator": ["chatmockd/1"],
            },
        )

    def test_a_code(self) -> None:
        """As a form."""
        asking = self.begun(self.issuer.exchange("code", "verifier", "back"))
        self.assertEqual(self.call.url, f"{ISSUER}/oauth/token")
        self.assertEqual(self.call.kind, "application/x-www-form-urlencoded")
        self.assertEqual(
            self.call.form,
            {
                "grant_type": "authorization_code",
                "code": "code",
                "redirect_uri": "back",
                "client_id": "app_test",
                "code_verifier": "verifier",
            },
        )
        self.call.answer({"access_token": "at", "id_token": "", "expires_in": 5})
        self.assertEqual(self.successResultOf(asking), Grant("at", None, None))

    def test_revoking(self) -> None:
        """Whatever the answer says, as long as it is a good one."""
        asking = self.begun(self.issuer.revoke("rt"))
        self.assertEqual(self.call.url, f"{ISSUER}/oauth/revoke")
        self.assertEqual(
            self.call.json,
            {"token": "rt", "token_type_hint": "refresh_token"}
            | {"client_id": "app_test"},
        )
        self.call.answer(b"", 204)
        self.successResultOf(asking)

    def test_a_grant_shows_no_secret(self) -> None:
        """Wherever it may be printed."""
        self.assertNotIn(SECRET, repr(Grant(SECRET, SECRET, SECRET)))


class AnswerTests(CredentialsCase):
    """From an answer to an error."""

    def answered(self, body: object, status: int) -> Exception:
        """What comes of asking for tokens."""
        asking = self.begun(self.issuer.refresh("rt"))
        self.outbound.calls[-1].answer(body, status)
        failure = self.failureResultOf(asking, IssuerFailed, IssuerRefused)
        problem = failure.value
        assert isinstance(problem, Exception)
        self.assertNotIn(SECRET, str(problem))
        return problem

    def test_no(self) -> None:
        """With its code, and never with its sentences."""
        for body, status, said in (
            ({"error": "invalid_grant", "error_description": SECRET}, 400, None),
            ({"error": {"code": "refresh_token_reused"}}, 401, None),
            ({"error": {"message": SECRET}, "code": "other.code-1"}, 403, None),
        ):
            with case(body=body, said=said):
                problem = self.answered(body, status)
                assert isinstance(problem, IssuerRefused)
                self.assertEqual((problem.status, problem.answered), (401, status))
                self.assertIn(problem.said or "", str(body))
                self.assertIn(f"{ISSUER}/oauth/token refused: {status}", str(problem))

    def test_not_now(self) -> None:
        """Or nothing that the issuer would say."""
        for body, status in (
            ({"error": "slow_down"}, 429),
            ({"error": "x"}, 500),
            (b"<html>", 403),
            ({"error": {"code": f"{SECRET} in a sentence"}}, 400),
            ({"error": ["x"]}, 400),
            ([SECRET], 401),
            (b"", 302),
            ({"access_token": None}, 200),
            ({"access_token": f"{SECRET}\r\nX: 1"}, 200),
        ):
            with case(body=body, status=status):
                self.assertIsInstance(self.answered(body, status), IssuerFailed)

    def test_revoking_fails(self) -> None:
        """It is told, too."""
        for status, kind in ((404, IssuerRefused), (503, IssuerFailed)):
            asking = self.begun(self.issuer.revoke("rt"))
            self.outbound.calls[-1].answer({"error": "x"}, status)
            self.failureResultOf(asking, kind)
