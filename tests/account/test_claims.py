"""What tokens say of themselves."""

from __future__ import annotations

import base64

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.account.claims import Claims
from tests.account.home import CLAIM, jwt
from tests.core.cases import case


class ClaimsTests(SynchronousTestCase):
    """Who, which plan, until when."""

    def test_all(self) -> None:
        """As OpenAI's tokens carry them."""
        claims = Claims(
            jwt(
                {
                    "email": "a@example.com",
                    "exp": 1_800_000_000,
                    CLAIM: {"chatgpt_account_id": "acct-1", "chatgpt_plan_type": "pro"},
                }
            )
        )
        self.assertEqual(claims.email, "a@example.com")
        self.assertEqual(claims.plan, "pro")
        self.assertEqual(claims.account_id, "acct-1")
        self.assertEqual(claims.expires_at, 1_800_000_000)

    def test_email_in_the_profile(self) -> None:
        """Where access tokens have it."""
        profile = {"https://api.openai.com/profile": {"email": "b@example.com"}}
        self.assertEqual(Claims(jwt(profile)).email, "b@example.com")

    def test_nothing_to_be_read(self) -> None:
        """From what is no token, and from claims of other types."""
        for token in (
            None,
            "",
            "opaque",
            "a.b",
            "a.b.c",
            "a.!!!.c",
            "a.é.c",
            jwt([1]),
            jwt({CLAIM: "x", "email": 5, "exp": "soon"}),
            jwt({CLAIM: {"chatgpt_account_id": 5}, "exp": True}),
            jwt({"https://api.openai.com/profile": [], "exp": None}),
            "a." + base64.urlsafe_b64encode(b'{"exp": 1e999}').decode() + ".c",
            "a." + base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".c",
        ):
            with case(token=token):
                claims = Claims(token)
                self.assertIsNone(claims.email)
                self.assertIsNone(claims.plan)
                self.assertIsNone(claims.account_id)
                self.assertIsNone(claims.expires_at)

    def test_an_expiry_beyond_all_numbers(self) -> None:
        """It is as good as none."""
        self.assertIsNone(Claims(jwt({"exp": 10**400})).expires_at)
