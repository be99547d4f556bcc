"""What the upstreams tell over HTTP of an account: its models, and what it has used."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec
from twisted.web.resource import Resource
from twisted.web.server import Request

from chatmockd.simulator.codex import ALLOWANCE, PLAN
from chatmockd.simulator.upgrade import is_admitted

ETAG = 'W/"simulated"'  # the one that codex.response.metadata frames name

_CREATED = 1_767_225_600  # Unix seconds

# Names and efforts as they have been published; the rest is made up.
_MODELS: tuple[tuple[str, str, tuple[str, ...], bool], ...] = (
    ("gpt-5.5", "GPT-5.5", ("low", "medium", "high", "xhigh"), True),
    ("gpt-5.4", "GPT-5.4", ("low", "medium", "high", "xhigh"), True),
    ("gpt-5.4-mini", "GPT-5.4 mini", ("low", "medium", "high"), True),
    ("codex-auto-review", "Auto review", ("low", "medium"), False),
)

Now = Callable[[], float]
Admits = Callable[[str], bool]


class _Page(Resource):
    """JSON for whoever has the token."""

    isLeaf = True

    def __init__(self, bearer: str | None = None, admits: Admits | None = None) -> None:
        """
        @param bearer: The token to demand; C{None} takes any.
        @param admits: Or who tells which tokens are good.
        """
        super().__init__()
        self._bearer, self._admits = bearer, admits

    def render_GET(self, request: Request) -> bytes:
        """The page, a 304 for whoever has it, or a 401."""
        request.setHeader(b"content-type", b"application/json")
        given = request.getHeader("authorization")
        if given is None or not is_admitted(given, self._bearer, self._admits):
            request.setResponseCode(401)
            return msgspec.json.encode(
                {
                    "error": {
                        "message": "Incorrect API key provided.",
                        "type": "invalid_request_error",
                        "param": None,
                        "code": "invalid_api_key",
                    }
                }
            )
        body = msgspec.json.encode(self.content(request))
        etag = self.etag(body)
        if etag is not None and request.setETag(etag.encode()):
            request.setResponseCode(304)
            return b""
        return body

    def content(self, request: Request) -> dict[str, Any]:
        """What to tell."""
        raise NotImplementedError

    def etag(self, body: bytes) -> str | None:
        """What this content is known by."""
        return None


class CodexModels(_Page):
    """C{/backend-api/codex/models}: what Codex lets people choose from."""

    def content(self, request: Request) -> dict[str, Any]:
        return {
            "models": [
                {
                    "slug": slug,
                    "display_name": title,
                    "description": f"{title}, simulated.",
                    "default_reasoning_level": "medium",
                    "supported_reasoning_levels": [
                        {"effort": effort, "description": f"Thinks {effort}."}
                        for effort in efforts
                    ],
                    "visibility": "list" if listed else "hide",
                    "supported_in_api": True,
                    "priority": place,
                    "context_window": 272_000,
                    "prefer_websockets": True,
                    "service_tiers": [{"id": "priority"}] if place < 2 else [],
                }
                for place, (slug, title, efforts, listed) in enumerate(_MODELS)
            ]
        }

    def etag(self, body: bytes) -> str | None:
        return ETAG


class OpenAiModels(_Page):
    """C{/v1/models} of api.openai.com."""

    def content(self, request: Request) -> dict[str, Any]:
        names = [slug for slug, _, _, listed in _MODELS if listed]
        names.append("text-embedding-3-small")
        return {
            "object": "list",
            "data": [
                {
                    "id": name,
                    "object": "model",
                    "created": _CREATED,
                    "owned_by": "system",
                }
                for name in names
            ],
        }

    def etag(self, body: bytes) -> str | None:
        return f'"{sha256(body).hexdigest()[:16]}"'


class Usage(_Page):
    """
    C{/backend-api/wham/usage}: the allowance of C{codex.rate_limits} frames, in the
    endpoint's own words.
    """

    def __init__(
        self, now: Now, bearer: str | None = None, admits: Admits | None = None
    ) -> None:
        """
        @param now: Unix seconds.
        """
        super().__init__(bearer, admits)
        self._now = now

    def content(self, request: Request) -> dict[str, Any]:
        now = int(self._now())
        windows = {
            f"{name}_window": {
                "used_percent": used,
                "limit_window_seconds": minutes * 60,
                "reset_after_seconds": seconds,
                "reset_at": now + seconds,
            }
            for name, (used, minutes, seconds) in ALLOWANCE.items()
        }
        return {
            "user_id": "user-simulated",
            "account_id": request.getHeader("chatgpt-account-id"),
            "email": "simulated@example.com",
            "plan_type": PLAN,
            "rate_limit": {"allowed": True, "limit_reached": False, **windows},
            "credits": {"has_credits": False, "unlimited": False, "balance": None},
            "additional_rate_limits": None,
        }


def chatgpt_pages(
    now: Now, bearer: str | None = None, admits: Admits | None = None
) -> dict[str, Resource]:
    """The pages of the ChatGPT backend, by path."""
    return {
        "/backend-api/codex/models": CodexModels(bearer, admits),
        "/backend-api/wham/usage": Usage(now, bearer, admits),
        "/backend-api/codex/usage": Usage(now, bearer, admits),
    }


def openai_pages(
    bearer: str | None = None, admits: Admits | None = None
) -> dict[str, Resource]:
    """The pages of api.openai.com, by path."""
    return {"/v1/models": OpenAiModels(bearer, admits)}
