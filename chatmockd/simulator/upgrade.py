"""The opening handshake: who is let in, and the HTTP answers to those who are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec

from chatmockd.simulator.faults import Faults

PATHS = {"openai": "/v1/responses", "chatgpt": "/backend-api/codex/responses"}

# What goes with a status that a fault asks for: type, code and message.
_BODIES = {
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: ("invalid_request_error", None, "You are not allowed to do this."),
    404: ("invalid_request_error", None, "Invalid URL."),
    426: ("invalid_request_error", None, "Use HTTP for this request."),
    429: ("rate_limit_error", "rate_limit_exceeded", "Rate limit reached."),
    503: ("server_error", "server_is_overloaded", "The servers are overloaded."),
}


@dataclass(frozen=True)
class Refusal:
    """An HTTP answer other than 101."""

    status: int
    message: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    """C{None} for an OpenAI-shaped JSON error."""

    def to_http(self) -> bytes:
        """The whole answer, head and body; the connection ends behind it."""
        headers = {"content-type": "application/json", **self.headers}
        body = self._error_body() if self.body is None else self.body.encode()
        head = f"HTTP/1.1 {self.status} {_phrase(self.status)}\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in headers.items()
        )
        end = f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        return (head + end).encode() + body

    def _error_body(self) -> bytes:
        kind, code, message = _BODIES.get(
            self.status, ("invalid_request_error", None, _phrase(self.status))
        )
        return msgspec.json.encode(
            {
                "error": {
                    "message": self.message or message,
                    "type": kind,
                    "param": None,
                    "code": code,
                }
            }
        )


@dataclass(frozen=True)
class Ignore:
    """The request is never answered."""


def refusal_of(
    path: str,
    headers: Mapping[str, str],
    faults: Faults,
    *,
    profile: str,
    bearer: str | None,
    admits: Callable[[str], bool] | None = None,
) -> Refusal | Ignore | None:
    """
    Why this upgrade is not answered with 101; C{None} when it is.

    @param headers: Those of the request, with lower-case names.
    @param bearer: The token to demand; C{None} lets everybody in.
    @param admits: Or who tells which tokens are good.
    """
    if faults.never_answer:
        return Ignore()
    if faults.refuse is not None:
        return Refusal(
            faults.refuse, headers=faults.refuse_headers, body=faults.refuse_body
        )
    if path != PATHS[profile]:
        return Refusal(404, f"Invalid URL (GET {path})")
    if not is_admitted(headers.get("authorization", ""), bearer, admits):
        # The exact body of api.openai.com's 401 was not captured.
        return Refusal(401)
    return None


def is_admitted(
    authorization: str, bearer: str | None, admits: Callable[[str], bool] | None
) -> bool:
    """
    Whether a request with this C{Authorization} is let in.

    @param bearer: The token to demand; C{None} lets everybody in.
    @param admits: Or who tells which tokens are good.
    """
    if bearer is not None and authorization != f"Bearer {bearer}":
        return False
    if admits is not None:
        scheme, _, token = authorization.partition(" ")
        return scheme == "Bearer" and admits(token)
    return True


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Simulated"
