"""A login that is about to expire, and the tokens that the issuer grants it."""

from __future__ import annotations

import json
from typing import Any

from tests.account.home import CredentialsCase, expiring, jwt


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
