"""Whose account the headers belong to that sign us in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from chatmockd.account.claims import Claims

_SHOWN = 8  # characters of an account's id that may be seen by others


@dataclass(frozen=True)
class Identity:
    """
    An account.

    @ivar key: Stands for it in names of files; nothing can be read off it.
    @ivar account: Its id with the upstream; C{""} where there is none, as for API keys.
    @ivar plan: C{"plus"}, ...; C{""} where it is not known.
    @ivar email: Whose it is; C{""} likewise.
    """

    key: str
    account: str = ""
    plan: str = ""
    email: str = ""

    @property
    def short_account(self) -> str:
        """As much of the account's id as tells one from another."""
        if len(self.account) <= _SHOWN:
            return self.account
        return f"{self.account[:_SHOWN]}..."


def identity_of(headers: Mapping[str, str], upstream_url: str) -> Identity:
    """
    Who is signed in with C{headers} at C{upstream_url}.

    Tokens change from hour to hour, accounts do not; a key is an account of its own.
    """
    bearer = headers.get("Authorization", "")
    account = headers.get("ChatGPT-Account-ID", "")
    claims = Claims(bearer.removeprefix("Bearer "))
    named = account or bearer
    key = sha256(f"{upstream_url}\n{named}".encode()).hexdigest()[:16]
    return Identity(key, account, plan=claims.plan or "", email=claims.email or "")
