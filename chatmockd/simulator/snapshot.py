"""The response object, complete in every event that carries it, as recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chatmockd.simulator.items import Item

# api.openai.com answers with the dated snapshot behind a model's name.
_DATED = {
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-5": "gpt-5-2025-08-07",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
}

# What the request says about itself, with what upstream answers when it says nothing.
_ECHOED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "safety_identifier": None,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
    "metadata": {},
}


class Snapshot:
    """The response object of one turn, at any moment of it."""

    def __init__(
        self,
        body: Mapping[str, Any],
        response_id: str,
        created_at: int,
        *,
        dated: bool,
        stored: bool,
    ) -> None:
        """
        @param body: The request.
        @param created_at: Unix seconds.
        @param dated: Name the model's dated snapshot, as api.openai.com does.
        @param stored: The C{store} which holds for this turn.
        """
        model = str(body.get("model"))
        reasoning = _object(body.get("reasoning"))
        text = _object(body.get("text"))
        self._fixed: dict[str, Any] = {
            "id": response_id,
            "object": "response",
            "created_at": created_at,
            "status": "in_progress",
            "background": False,
            "completed_at": None,
            "error": None,
            "frequency_penalty": 0.0,
            "incomplete_details": None,
            "model": _DATED.get(model, model) if dated else model,
            "output": [],
            "presence_penalty": 0.0,
            "reasoning": {
                "effort": reasoning.get("effort"),
                "summary": reasoning.get("summary"),
            },
            "service_tier": body.get("service_tier") or "auto",
            "store": stored,
            "text": {
                "format": text.get("format") or {"type": "text"},
                "verbosity": text.get("verbosity") or "medium",
            },
            "usage": None,
            **{
                name: default if body.get(name) is None else body[name]
                for name, default in _ECHOED.items()
            },
        }

    def running(self) -> dict[str, Any]:
        """As it stands in C{response.created} and C{response.in_progress}."""
        return dict(self._fixed)

    def finished(
        self,
        output: Sequence[Item],
        usage: dict[str, Any],
        now: int,
        incomplete: str | None = None,
    ) -> dict[str, Any]:
        """
        As it stands in the terminal event of a turn that worked.

        @param incomplete: Why the turn stopped early; C{None} when it did not.
        """
        ended: dict[str, Any] = {
            "status": "incomplete" if incomplete else "completed",
            "completed_at": None if incomplete else now,
            "incomplete_details": {"reason": incomplete} if incomplete else None,
            "output": list(output),
            "service_tier": "default",
            "usage": usage,
        }
        return self._fixed | ended

    def failed(self, code: str, message: str) -> dict[str, Any]:
        """As it stands in C{response.failed}."""
        error = {"code": code, "message": message}
        return self._fixed | {"status": "failed", "error": error}


def usage_of(
    input_tokens: int, cached: int, output_tokens: int, reasoning: int
) -> dict[str, Any]:
    """The C{usage} of a turn, with both of the objects that say the details."""
    return {
        "input_tokens": input_tokens,
        # The second is newer than the recordings; OpenAI's types want it.
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": input_tokens + output_tokens,
    }


def _object(given: object) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}
