"""Whose account the headers belong to that sign us in."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

_AUTH = "https://api.openai.com/auth"
_PROFILE = "https://api.openai.com/profile"
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
        return f"{self.account[:_SHOWN]}…"


def identity_of(headers: Mapping[str, str], upstream_url: str) -> Identity:
    """
    Who is signed in with C{headers} at C{upstream_url}.

    Tokens change from hour to hour, accounts do not; a key is an account of its own.
    """
    bearer = headers.get("Authorization", "")
    account = headers.get("ChatGPT-Account-ID", "")
    claims = _claims(bearer.removeprefix("Bearer "))
    auth, profile = claims.get(_AUTH), claims.get(_PROFILE)
    named = account or bearer
    key = sha256(f"{upstream_url}\n{named}".encode()).hexdigest()[:16]
    email = claims.get("email") or _member(profile, "email")
    return Identity(
        key,
        account,
        plan=_member(auth, "chatgpt_plan_type"),
        email=email if isinstance(email, str) else "",
    )


def _member(claim: object, name: str) -> str:
    value = claim.get(name) if isinstance(claim, dict) else None
    return value if isinstance(value, str) else ""


def _claims(token: str) -> dict[str, Any]:
    """What a JWT says; its signature is the server's to check."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = msgspec.json.decode(payload)
    except (ValueError, msgspec.DecodeError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
