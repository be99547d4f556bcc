"""The frames that the ChatGPT backend sends before a response: no part of it."""

from __future__ import annotations

from typing import Any


def opening_frames(model: str, now: int, request_id: str) -> list[dict[str, Any]]:
    """
    C{codex.rate_limits} and C{codex.response.metadata}, in that order.

    A live capture showed both before C{response.created}. Their fields are those which
    Codex reads; the values are made up.

    @param now: Unix seconds.
    """
    return [
        {
            "type": "codex.rate_limits",
            "plan_type": "plus",
            "rate_limits": {
                "allowed": True,
                "limit_reached": False,
                "primary": {
                    "used_percent": 12,
                    "window_minutes": 300,
                    "reset_at": now + 9000,
                    "reset_after_seconds": 9000,
                },
                "secondary": {
                    "used_percent": 4,
                    "window_minutes": 10080,
                    "reset_at": now + 500000,
                    "reset_after_seconds": 500000,
                },
            },
            "credits": {"has_credits": False, "unlimited": False, "balance": None},
            "metered_limit_name": "codex",
            "limit_name": None,
            "additional_rate_limits": None,
        },
        {
            "type": "codex.response.metadata",
            "headers": {
                "x-codex-turn-state": f"simulated-{request_id[-12:]}",
                "X-Models-Etag": 'W/"simulated"',
                "openai-model": model,
                "x-request-id": request_id,
            },
            "metadata": {},
            "sequence_number": 0,
        },
    ]
