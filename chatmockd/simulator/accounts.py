"""Accounts as an issuer keeps them: who agreed to what, and which tokens are good.

Refresh tokens are good once. One that comes a second time ends all tokens of its login,
as it may have been stolen.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

_CODE_LIFETIME = 600.0  # seconds from agreeing to fetching the tokens
_AUTH = "https://api.openai.com/auth"
_PROFILE = "https://api.openai.com/profile"
_EMAIL = "simulated@example.com"


class Denied(Exception):
    """
    The issuer says no.

    @ivar code: Why, in its words; with C{status} as HTTP has it.
    """

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


@dataclass
class _Family:
    """All tokens that came of one login."""

    client_id: str
    refresh_token: str = ""
    spent: set[str] = field(default_factory=set)
    ended: bool = False


@dataclass(frozen=True)
class _Code:
    client_id: str
    redirect_uri: str
    challenge: str
    expires: float


@dataclass
class _Device:
    client_id: str
    user_code: str
    expires: float
    agreed: bool = False


class Accounts:
    """
    One simulated account, and those who are signed in to it.

    @ivar lifetime: Seconds for which an access token is good.
    @ivar refreshes: How many refresh tokens were accepted.
    @ivar reuses: How many came a second time.
    @ivar revoked: How many logins were ended by their owner.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        lifetime: float = 864_000,
        callback: str = "",
    ) -> None:
        """
        @param now: Tells Unix seconds.
        @param callback: Where the device flow pretends to have been sent back to.
        """
        self._now = now
        self.lifetime = lifetime
        self.callback = callback
        self.refreshes = self.reuses = self.revoked = 0
        self._codes: dict[str, _Code] = {}
        self._devices: dict[str, _Device] = {}
        self._families: dict[str, _Family] = {}
        self._access: dict[str, tuple[_Family, float]] = {}

    # The way of a browser.

    def agree(self, client_id: str, redirect_uri: str, challenge: str) -> str:
        """The authorization code for a user who agreed."""
        code = secrets.token_urlsafe(24)
        expires = self._now() + _CODE_LIFETIME
        self._codes[code] = _Code(client_id, redirect_uri, challenge, expires)
        return code

    def exchange(
        self, client_id: str, code: str, verifier: str, redirect_uri: str
    ) -> dict[str, object]:
        """
        The tokens for a code, which is good once.

        @raise Denied: It is not good, or not for the one who brings it.
        """
        agreed = self._codes.pop(code, None)
        if (
            agreed is None
            or agreed.expires <= self._now()
            or agreed.client_id != client_id
            or agreed.redirect_uri != redirect_uri
            or agreed.challenge != challenge_of(verifier)
        ):
            raise Denied("invalid_grant")
        return self._issue(_Family(client_id))

    # The way of a device.

    def begin_device(self, client_id: str) -> tuple[str, str]:
        """A new device: its id, and the code that its user has to type."""
        device_id = f"device_{secrets.token_hex(12)}"
        letters = secrets.token_hex(4).upper()
        user_code = f"{letters[:4]}-{letters[4:]}"
        expires = self._now() + _CODE_LIFETIME
        self._devices[device_id] = _Device(client_id, user_code, expires)
        return device_id, user_code

    def agree_to_device(self, user_code: str) -> bool:
        """A user typed this code; False when no device shows it."""
        for device in self._devices.values():
            if device.user_code == user_code and device.expires > self._now():
                device.agreed = True
                return True
        return False

    def poll_device(self, device_id: str, user_code: str) -> tuple[str, str]:
        """
        The authorization code and its verifier, once the user has agreed.

        @raise Denied: With 403 as long as he has not.
        """
        device = self._devices.get(device_id)
        if device is None or device.user_code != user_code:
            raise Denied("device_auth_not_found", 404)
        if device.expires <= self._now():
            del self._devices[device_id]
            raise Denied("device_auth_expired", 400)
        if not device.agreed:
            raise Denied("authorization_pending", 403)
        del self._devices[device_id]
        verifier = secrets.token_urlsafe(48)
        challenge = challenge_of(verifier)
        return self.agree(device.client_id, self.callback, challenge), verifier

    # Tokens.

    def refresh(self, client_id: str, token: str) -> dict[str, object]:
        """
        New tokens for a refresh token.

        @raise Denied: It is not good any more, or never was.
        """
        family = self._families.get(token)
        if family is None or family.client_id != client_id:
            raise Denied("invalid_grant")
        if family.ended:
            raise Denied("refresh_token_invalidated", 401)
        if token in family.spent:
            self.reuses += 1
            family.ended = True
            raise Denied("refresh_token_reused", 401)
        self.refreshes += 1
        family.spent.add(token)
        return self._issue(family)

    def revoke(self, token: str) -> None:
        """End the login that this refresh token is of; anything else is ignored."""
        family = self._families.get(token)
        if family is not None and not family.ended:
            family.ended = True
            self.revoked += 1

    def forget_access(self) -> None:
        """From now on, refuse all access tokens issued so far."""
        self._access.clear()

    def admits(self, token: str) -> bool:
        """Whether this is an access token, and good."""
        family, expires = self._access.get(token, (None, 0.0))
        return family is not None and not family.ended and expires > self._now()

    def _issue(self, family: _Family) -> dict[str, object]:
        now = self._now()
        for token, (_, expires) in list(self._access.items()):
            if expires <= now:
                del self._access[token]
        account = {
            _AUTH: {
                "chatgpt_account_id": "00000000-0000-4000-8000-000000000001",
                "chatgpt_plan_type": "plus",
                "chatgpt_user_id": "user-simulated",
            },
        }
        times = {"iat": int(now), "exp": int(now + self.lifetime)}
        # Each kind of token says in its own way who signed in.
        profile = {_PROFILE: {"email": _EMAIL, "email_verified": True}}
        access = _jwt(account | profile | times | {"jti": secrets.token_hex(8)})
        self._access[access] = (family, now + self.lifetime)
        family.refresh_token = f"rt_{secrets.token_urlsafe(32)}"
        self._families[family.refresh_token] = family
        return {
            "id_token": _jwt(account | times | {"email": _EMAIL}),
            "access_token": access,
            "refresh_token": family.refresh_token,
            "expires_in": int(self.lifetime),
        }


def challenge_of(verifier: str) -> str:
    """The C{S256} challenge that belongs to a verifier."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _jwt(claims: dict[str, object]) -> str:
    """In the shape of a token; nobody checks the signature."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    encoded = (base64.urlsafe_b64encode(msgspec.json.encode(part)) for part in parts)
    return ".".join([*(part.rstrip(b"=").decode() for part in encoded), "simulated"])
