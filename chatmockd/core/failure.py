"""What an upstream says when it refuses: every shape it uses, as one error.

The shapes, as recorded from both upstreams and read in Codex: nested, flat, C{detail}
and C{body.error}, with the status under C{status}, under C{status_code} or nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from chatmockd.core.retry_after import RetryAfter
from chatmockd.core.retry_after import retry_after as advised
from chatmockd.errors import UpstreamRefused

_STATUS_BY_CODE: dict[str, int] = {
    "authentication_error": 401,
    "bio_policy": 400,
    "context_length_exceeded": 400,
    "cyber_policy": 400,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "invalid_prompt": 400,
    "invalid_request_error": 400,
    "invalid_stream_id": 400,
    "misalignment_policy_violation": 400,
    "previous_response_not_found": 400,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "server_is_overloaded": 503,
    "shutting_down": 503,  # our own, as events on record have it
    "slow_down": 503,
    "unsupported_parameter": 400,
    "unsupported_value": 400,
    "upstream_idle_timeout": 504,  # our own, likewise
    "usage_limit_reached": 429,
    "usage_not_included": 429,
    "websocket_connection_limit_reached": 400,
    "websocket_stream_limit_reached": 400,
}

# Messages which the ChatGPT backend sends without a code.
_CODE_BY_START = (
    ("Unsupported parameter", "unsupported_parameter"),
    ("Invalid `previous_response_id`", "previous_response_not_found"),
)

# What clients expect to be told that names no type of its own.
_TYPE_BY_STATUS = {401: "authentication_error", 429: "rate_limit_error"}

# A second attempt cannot succeed before the plan renews or is paid for, and SDKs would
# make two more on every 429.
_NOT_WORTH_RETRYING = frozenset(
    {"insufficient_quota", "usage_limit_reached", "usage_not_included"}
)

# Types that name no reason of their own; ChatGPT puts the reason there when it sends
# no code (C{usage_limit_reached}).
_GENERIC_TYPES = frozenset(
    {"", "api_error", "error", "invalid_request_error", "server_error"}
)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first_text(*values: object) -> str | None:
    return next((text for value in values if (text := _text(value))), None)


def _sentence(detail: object) -> str | None:
    """A C{detail} as words: it is a sentence, or a validator's list of findings."""
    if isinstance(detail, str):
        return detail or None
    return msgspec.json.encode(detail).decode() if detail else None


def _http_error_status(*values: object) -> int | None:
    for value in values:
        if isinstance(value, int) and not isinstance(value, bool):
            if 400 <= value <= 599:
                return value
    return None


def _named(code: object) -> object:
    """A code as text; some gateways send the number of a status."""
    return str(code) if type(code) is int and abs(code) < 1_000_000 else code


class _Said:
    """What an upstream said, wherever in it the parts of that stand."""

    def __init__(self, said: object) -> None:
        outer = self._outer = _mapping(said)
        body = _mapping(outer.get("body"))
        self._inner = _mapping(outer.get("error")) or _mapping(body.get("error"))
        self._detail = _first_text(
            _sentence(self._inner.get("detail")),
            _sentence(outer.get("detail")),
            _sentence(body.get("detail")),
        )

    @property
    def message(self) -> str | None:
        """Its sentence."""
        return _first_text(
            self._inner.get("message"),
            self._detail,
            self._outer.get("message"),
            self._outer.get("error"),
        )

    @property
    def kind(self) -> str | None:
        """Its C{type}; the one at the top is the event's own."""
        beside = None if self._inner else self._outer.get("error_type")
        return _first_text(self._inner.get("type"), beside)

    @property
    def code(self) -> str | None:
        """Its code, or what says as much."""
        code = _first_text(
            _named(self._inner.get("code")), _named(self._outer.get("code"))
        )
        if code is not None:
            return code
        if self.kind is not None and self.kind not in _GENERIC_TYPES:
            return self.kind
        message = self.message or ""
        return next(
            (code for start, code in _CODE_BY_START if message.startswith(start)), None
        )

    @property
    def status(self) -> int:
        """The status that it names, or else the one that its code stands for."""
        named = _http_error_status(
            self._outer.get("status"),
            self._outer.get("status_code"),
            self._inner.get("status"),
            self._inner.get("status_code"),
            self._inner.get("code"),
            self._outer.get("code"),
        )
        status = (
            named
            or _STATUS_BY_CODE.get(self.code or "")
            or _STATUS_BY_CODE.get(self.kind or "")
        )
        if status is not None:
            return status
        # ChatGPT uses `detail` for what fails validation, and for nothing else.
        return 400 if self._detail is not None else 502

    @property
    def param(self) -> str | None:
        """The request field that is at fault."""
        return _first_text(self._inner.get("param"), self._outer.get("param"))

    @property
    def retry_after(self) -> RetryAfter | None:
        """When to come back: by the event's own headers, or when the plan renews."""
        headers = {
            str(name).lower(): value
            for name, value in _mapping(self._outer.get("headers")).items()
        }
        wait = advised(headers.get("retry-after"), headers.get("date"))
        if wait is None:
            wait = advised(self._inner.get("resets_in_seconds"))
        return wait


def refused(
    said: object,
    *,
    status: int | None = None,
    retry_after: object = None,
    date: object = None,
    fallback: str = "The upstream reported an error without saying which.",
) -> UpstreamRefused:
    """
    The error that C{said} describes.

    @param said: The decoded JSON of an C{error} event, of a C{response.error} object
        wrapped as C{{"error": ...}}, or of a refused upgrade's body; anything at all.
    @param status: The status, where the transport has already told it.
    @param retry_after: The C{Retry-After} header, where there was one, and C{date} the
        C{Date} of the same answer.
    @param fallback: The message when C{said} has none.
    """
    error = _Said(said)
    status = error.status if status is None else status
    wait = advised(retry_after, date)
    return UpstreamRefused(
        error.message or fallback,
        status=status,
        type=error.kind or _type_of(status),
        code=error.code,
        param=error.param,
        retry_after=error.retry_after if wait is None else wait,
        should_retry=False if error.code in _NOT_WORTH_RETRYING else None,
    )


def _type_of(status: int) -> str:
    generic = "invalid_request_error" if status < 500 else "server_error"
    return _TYPE_BY_STATUS.get(status, generic)


def recorded(event: bytes) -> UpstreamRefused | None:
    """
    The error that C{event} tells, a whole server-sent one; None when it tells none.

    With such a one a turn ended, and was answered with that.
    """
    name, _, frame = event.partition(b"\ndata: ")
    kind = name.removeprefix(b"event: ")
    if kind not in (b"error", b"response.failed"):
        return None
    try:
        said = msgspec.json.decode(frame, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if kind == b"error":
        return refused(said)
    return refused({"error": _mapping(said.get("response")).get("error")})
