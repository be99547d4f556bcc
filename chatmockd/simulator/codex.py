"""The frames that the ChatGPT backend sends before a response: no part of it."""

from __future__ import annotations

from typing import Any

PLAN = "plus"
ALLOWANCE: dict[str, tuple[int, int, int]] = {
    "primary": (12, 300, 9000),
    "secondary": (4, 10080, 500_000),
}
"""Of each window: percent used, minutes, and seconds until it is full again."""


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
            "plan_type": PLAN,
            "rate_limits": {
                "allowed": True,
                "limit_reached": False,
                **{
                    name: {
                        "used_percent": used,
                        "window_minutes": minutes,
                        "reset_at": now + seconds,
                        "reset_after_seconds": seconds,
                    }
                    for name, (used, minutes, seconds) in ALLOWANCE.items()
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
