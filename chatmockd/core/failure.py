"""What an upstream says when it refuses: every shape it uses, as one error.

The shapes, as recorded from both upstreams and read in Codex: nested, flat, C{detail}
and C{body.error}, with the status under C{status}, under C{status_code} or nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

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
    outer = _mapping(said)
    body = _mapping(outer.get("body"))
    inner = _mapping(outer.get("error")) or _mapping(body.get("error"))
    detail = _first_text(
        _sentence(inner.get("detail")),
        _sentence(outer.get("detail")),
        _sentence(body.get("detail")),
    )
    message = _first_text(
        inner.get("message"), detail, outer.get("message"), outer.get("error")
    )
    kind = _first_text(inner.get("type"), None if inner else outer.get("error_type"))
    code = _first_text(_named(inner.get("code")), _named(outer.get("code")))
    if code is None and kind is not None and kind not in _GENERIC_TYPES:
        code = kind
    if code is None and message is not None:
        code = next(
            (code for start, code in _CODE_BY_START if message.startswith(start)), None
        )
    if status is None:
        status = _http_error_status(
            outer.get("status"),
            outer.get("status_code"),
            inner.get("status"),
            inner.get("status_code"),
            inner.get("code"),
            outer.get("code"),
        )
    if status is None:
        status = _STATUS_BY_CODE.get(code or "") or _STATUS_BY_CODE.get(kind or "")
    if status is None:
        # ChatGPT uses `detail` for what fails validation, and for nothing else.
        status = 400 if detail is not None else 502
    headers = {
        str(name).lower(): value
        for name, value in _mapping(outer.get("headers")).items()
    }
    waits = [
        advised(retry_after, date),
        advised(headers.get("retry-after"), headers.get("date")),
        advised(inner.get("resets_in_seconds")),
    ]
    return UpstreamRefused(
        message or fallback,
        status=status,
        type=kind or _type_of(status),
        code=code,
        param=_first_text(inner.get("param"), outer.get("param")),
        retry_after=next((wait for wait in waits if wait is not None), None),
        should_retry=False if code in _NOT_WORTH_RETRYING else None,
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
