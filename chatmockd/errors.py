"""The answers we owe a client when something is wrong: status, type, code, renderings.

Each error renders in two ways, and only these: as a JSON body with a status as long as
nothing has been written, and as one C{error} event once a stream has begun.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec


class ChatmockdError(Exception):
    """
    An answer we owe the client.

    @ivar status: The HTTP status, while there still can be one.
    @ivar param: The request field that is at fault, if one is.
    @ivar retry_after: Seconds until it makes sense to ask again, or an HTTP date.
    @ivar should_retry: What SDKs are told in C{x-should-retry}. They repeat 408, 409,
        429 and 5xx by themselves; C{False} stops that where a repetition would cost a
        second turn, or cannot succeed.
    """

    status: int = 500
    type: str = "server_error"
    code: str | None = "internal_error"
    param: str | None = None
    retry_after: float | str | None = None
    should_retry: bool | None = None
    top_level: ClassVar[bool] = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message

    def _body(self) -> dict[str, Any]:
        return {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }

    def as_json(self) -> bytes:
        """C{{"error": {"message", "type", "param", "code"}}}."""
        body: dict[str, Any] = {"error": self._body()}
        if self.top_level:
            body["code"] = self.code
            body["message"] = self.message
        return msgspec.json.encode(body)

    def as_frame(self, sequence_number: int) -> bytes:
        """
        The C{error} event that ends a stream, flat and nested at once.

        VS Code and OpenAI's types read the flat fields, the SDKs' iterators raise only
        when there is a nested C{error}.
        """
        return msgspec.json.encode(
            {
                "type": "error",
                "code": self.code,
                "message": self.message,
                "param": self.param,
                "sequence_number": sequence_number,
                "error": self._body(),
            }
        )

    def headers(self) -> dict[str, str]:
        """The response headers that go with the JSON rendering."""
        headers, wait = {}, self.retry_after
        if wait is not None:
            told = wait if isinstance(wait, str) else max(1, round(wait))
            headers["retry-after"] = str(told)
        if self.should_retry is not None:
            headers["x-should-retry"] = "true" if self.should_retry else "false"
        return headers


# The client's mistakes.


class InvalidRequest(ChatmockdError):
    """The request cannot be carried out as it is; nothing went upstream."""

    status = 400
    type = "invalid_request_error"
    code = None

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.param = param
        if code is not None:
            self.code = code


class BodyTooLarge(InvalidRequest):
    """The body is larger than C{server.max_body_bytes}."""

    status = 413
    code = "body_too_large"


class UnsupportedMediaType(InvalidRequest):
    """The body is not said to be plain JSON."""

    status = 415
    code = "unsupported_media_type"


class Forbidden(InvalidRequest):
    """The caller may not come in: a foreign host name or a web page."""

    status = 403
    code = "forbidden"


class NotFound(InvalidRequest):
    """There is nothing at this path."""

    status = 404
    code = "not_found"


class MethodNotAllowed(InvalidRequest):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"


class PreviousResponseNotFound(InvalidRequest):
    """
    Nobody holds the state that this marker names.

    VS Code resends its history when it sees this code in a 400, either at the top level
    or inside C{error}; so it stands at both.
    """

    code = "previous_response_not_found"
    top_level = True

    def __init__(self, marker: str) -> None:
        super().__init__(
            f"Previous response with id '{marker}' not found.",
            param="previous_response_id",
        )


class ResponseInFlight(InvalidRequest):
    """The turn that the marker names, or a follow-up on it, has not ended yet."""

    status = 409
    code = "response_in_flight"
    retry_after = 1

    def __init__(self, marker: str) -> None:
        super().__init__(
            f"Response '{marker}' is still in flight; follow up on it when it has "
            "ended.",
            param="previous_response_id",
        )


class ResponseCancelled(InvalidRequest):
    """Somebody cancelled the turn, or nobody waited for it any more."""

    status = 409
    code = "response_cancelled"
    should_retry = False

    def __init__(self) -> None:
        super().__init__("The response was cancelled.")


class IdempotencyMismatch(InvalidRequest):
    """The client's idempotency key stands for another request."""

    status = 422
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used with another body in the last 24 hours.",
            param="Idempotency-Key",
        )


class IdempotencyUnknown(InvalidRequest):
    """Whether the request of this key was carried out is not known."""

    status = 409
    code = "idempotency_outcome_unknown"
    should_retry = False

    def __init__(self) -> None:
        super().__init__(
            "How the request with this Idempotency-Key ended is not on record. Whether "
            "the upstream did the work is unknown; another key has it done, perhaps "
            "again.",
            param="Idempotency-Key",
        )


class ResponseNotFound(InvalidRequest):
    """No stored response has this id."""

    status = 404
    code = "response_not_found"

    def __init__(self, response_id: str) -> None:
        super().__init__(f"Response with id '{response_id}' not found.")


# Our own condition.


class NoCapacity(ChatmockdError):
    """All C{continuity.max_retained} connections are in use."""

    status = 503
    code = "no_capacity"
    retry_after = 5

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"All {limit} upstream connections are in use (continuity.max_retained); "
            "try again shortly."
        )


class ShuttingDown(ChatmockdError):
    """The daemon is stopping."""

    status = 503
    code = "shutting_down"
    retry_after = 5

    def __init__(self) -> None:
        super().__init__("The daemon is shutting down; try again shortly.")


class CredentialsMissing(ChatmockdError):
    """There is nothing to sign in to the upstream with."""

    status = 401
    type = "authentication_error"
    code = "credentials_missing"


# The upstream's.


class UpstreamError(ChatmockdError):
    """The upstream, or the way to it, is at fault."""

    status = 502
    type = "upstream_error"
    code: str | None = "upstream_error"


class UpstreamUnreachable(UpstreamError):
    """No connection came about; no byte of the request was sent."""

    code = "upstream_unreachable"

    def __init__(self, where: str, phase: str, cause: str) -> None:
        super().__init__(f"Cannot reach {where}: {phase}: {cause}")
        self.phase = phase


class RequestCutShort(UpstreamError):
    """The connection went before the request had left, or half of it had."""

    code = "upstream_unreachable"

    def __init__(self, what: str) -> None:
        super().__init__(f"The request did not reach the upstream whole: {what}.")


class UpstreamOutcomeUnknown(UpstreamError):
    """The request went out, and nothing that the client saw came back."""

    code = "upstream_outcome_unknown"
    should_retry = False


class UpstreamDisconnected(UpstreamError):
    """The upstream ended a turn of which the client has already seen a part."""

    code = "upstream_disconnected"
    should_retry = False


class FirstEventTimeout(UpstreamError):
    """The upstream took the request and then said nothing."""

    status = 504
    code = "upstream_first_event_timeout"
    should_retry = False

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The upstream accepted the request and sent no event within {seconds:g} s "
            "(upstream.first_event_timeout_s)."
        )


class UpstreamSilent(UpstreamError):
    """The upstream fell silent in the middle of a turn."""

    status = 504
    code = "upstream_idle_timeout"
    should_retry = False

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The upstream was silent for {seconds:g} s in the middle of the turn "
            "(upstream.idle_timeout_s)."
        )


class MalformedFrame(UpstreamError):
    """The upstream sent something that is not an event."""

    code = "upstream_malformed_frame"
    should_retry = False

    def __init__(self, problem: str) -> None:
        super().__init__(f"The upstream sent a malformed frame: {problem}")


class UpstreamRefused(UpstreamError):
    """What the upstream itself said, with its own status, type, code and message."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        type: str,
        code: str | None,
        param: str | None = None,
        retry_after: float | str | None = None,
        should_retry: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = type
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.should_retry = should_retry


# The store's.


class StoreError(ChatmockdError):
    """What has to be kept cannot be; nothing was lost that was kept before."""

    status = 503
    code: str | None = "store_unavailable"
    retry_after: float | str | None = 5

    def __init__(self, problem: str) -> None:
        super().__init__(f"The store (store.path) cannot be used: {problem}")


class StoreFull(StoreError):
    """There is no room to keep anything more."""

    status = 507
    code = "insufficient_storage"
    retry_after = None
    should_retry = False  # room does not come back by asking again at once
