"""What stands in a token: claims, whose signature is the server's to check."""

from __future__ import annotations

import base64
import math

import msgspec

# Under which OpenAI's tokens carry account facts (source: Codex).
_AUTH = "https://api.openai.com/auth"
_PROFILE = "https://api.openai.com/profile"


class Claims:
    """The claims of one JWT; all of them are absent from what is none."""

    def __init__(self, token: str | None) -> None:
        self._claims = _decoded(token)

    @property
    def account_id(self) -> str | None:
        """Which account, where somebody has several."""
        return _text(_object(self._claims.get(_AUTH)).get("chatgpt_account_id"))

    @property
    def plan(self) -> str | None:
        """C{plus}, C{pro}, C{team}, ..."""
        return _text(_object(self._claims.get(_AUTH)).get("chatgpt_plan_type"))

    @property
    def email(self) -> str | None:
        """Who signed in."""
        profile = _object(self._claims.get(_PROFILE))
        return _text(self._claims.get("email")) or _text(profile.get("email"))

    @property
    def expires_at(self) -> float | None:
        """Until when the token is good, in Unix seconds."""
        exp = self._claims.get("exp")
        if isinstance(exp, bool) or not isinstance(exp, int | float):
            return None
        try:
            seconds = float(exp)
        except OverflowError:
            return None
        return seconds if math.isfinite(seconds) else None


def _decoded(token: str | None) -> dict[str, object]:
    parts = (token or "").split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(payload, type=dict[str, object])
    except (ValueError, msgspec.DecodeError, RecursionError):
        return {}


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
