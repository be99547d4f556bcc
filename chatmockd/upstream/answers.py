"""What an upstream says over HTTP when it refuses, as the error we owe the client."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from chatmockd.core import failure
from chatmockd.errors import ChatmockdError, UpstreamRefused

# Whatever else comes without words of the upstream's own comes from something that
# stands before it, and is no answer to what the client asked.
_MEANT_FOR_CLIENTS = frozenset({400, 401, 403, 413, 422, 429, 500, 503, 529})


def refused_answer(
    where: str, status: int, headers: Mapping[str, str], body: bytes
) -> ChatmockdError:
    """
    What to tell the client about an answer that is not the one we asked for.

    @param where: The upstream's host and port.
    @param headers: With lower-case names.
    """
    sentence = f"The upstream {where} answered with {status}"
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = None
    error = failure.refused(
        said,
        status=status if 400 <= status <= 599 else 502,
        retry_after=headers.get("retry-after"),
        date=headers.get("date"),
        fallback=f"{sentence}.",
    )
    if error.message == f"{sentence}." and status not in _MEANT_FOR_CLIENTS:
        error = UpstreamRefused(
            error.message,
            status=502,
            type="upstream_error",
            code="upstream_error",
            retry_after=error.retry_after,
        )
    return error
