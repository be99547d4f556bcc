"""What the upstream refuses to do, and the C{error} frames that say so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LIMIT_REACHED = "websocket_connection_limit_reached"

# Codes seen upstream, with the status and the message that belong to them.
_KNOWN: dict[str, tuple[int, str]] = {
    LIMIT_REACHED: (
        400,
        "Responses websocket connection limit reached (60 minutes). "
        "Create a new websocket connection to continue.",
    ),
    "previous_response_not_found": (400, "Previous response not found."),
    "rate_limit_exceeded": (
        429,
        "Rate limit reached for requests. Please try again in 11.054s.",
    ),
    "usage_limit_reached": (429, "The usage limit has been reached"),
    "insufficient_quota": (429, "You exceeded your current quota."),
    "server_is_overloaded": (
        503,
        "Our servers are currently overloaded. Please try again later.",
    ),
    "slow_down": (
        503,
        "Our servers are currently overloaded. Please try again later.",
    ),
    "server_error": (500, "The server had an error while processing your request."),
    "context_length_exceeded": (
        400,
        "Your input exceeds the context window of this model.",
    ),
    "invalid_prompt": (400, "Invalid prompt."),
}

_TYPES = {429: "rate_limit_error", 500: "server_error", 503: "server_error"}


@dataclass(kw_only=True, eq=False)
class Refused(Exception):
    """A request is answered with an C{error} frame instead of a response."""

    message: str
    code: str | None = None
    param: str | None = None
    status: int = 400
    kind: str = "invalid_request_error"
    shape: str = "nested"
    spare: bool = False
    """Leave C{code} and C{param} out instead of sending them as null."""
    more: dict[str, Any] = field(default_factory=dict)
    """More fields of the error object."""
    headers: dict[str, str] = field(default_factory=dict)

    def frame(self) -> dict[str, Any]:
        """The C{error} frame, in the shape which this refusal has."""
        if self.shape == "flat":
            # The SDK's type and the event streams know this shape. The number
            # is a guess: nobody recorded one over a WebSocket.
            return {
                "type": "error",
                "code": self.code,
                "message": self.message,
                "param": self.param,
                "sequence_number": 0,
            }
        error: dict[str, Any] = {"type": self.kind, "message": self.message}
        if not self.spare:
            error.update(code=self.code, param=self.param)
        error.update(self.more)
        if self.shape == "detail":
            error = {"detail": self.message}
        frame: dict[str, Any] = {"type": "error"}
        frame["status_code" if self.shape == "status_code" else "status"] = self.status
        if self.shape == "body":
            frame["body"] = {"error": error}
        else:
            frame["error"] = error
        if self.headers:
            frame["headers"] = dict(self.headers)
        return frame


def refused_as(
    code: str,
    *,
    now: float,
    status: int | None = None,
    message: str | None = None,
    shape: str = "nested",
    headers: dict[str, str] | None = None,
) -> Refused:
    """
    The refusal that upstream sends under C{code}.

    @param now: Unix seconds, for the fields which name a time.
    @param status: C{None} for the one that belongs to the code, 400 for a strange code.
    """
    known_status, known_message = _KNOWN.get(code, (400, f"Simulated error: {code}."))
    status = known_status if status is None else status
    message = known_message if message is None else message
    if code == "usage_limit_reached":
        # The ChatGPT backend names this one in the type and sends no code.
        return Refused(
            message=message,
            status=status,
            kind=code,
            shape=shape,
            spare=True,
            more={
                "plan_type": "plus",
                "resets_at": int(now) + 3600,
                "resets_in_seconds": 3600,
            },
            headers=headers
            or {
                "x-codex-primary-used-percent": "100.0",
                "x-codex-primary-window-minutes": "300",
                "x-codex-primary-reset-after-seconds": "3600",
            },
        )
    return Refused(
        message=message,
        code=code,
        param="previous_response_id" if code.startswith("previous_resp") else None,
        status=status,
        kind=_TYPES.get(status, "invalid_request_error"),
        shape=shape,
        headers=headers or {},
    )


def message_for(code: str) -> str:
    """The sentence that upstream sends with C{code}."""
    return _KNOWN.get(code, (0, f"Simulated failure: {code}."))[1]


def not_found(response_id: object) -> Refused:
    """The answer to a C{previous_response_id} that is not remembered."""
    return Refused(
        message=f"Previous response with id '{response_id}' not found.",
        code="previous_response_not_found",
        param="previous_response_id",
    )
