"""What a WebSocket client gets: one JSON message per event, and errors with a status.

A turn makes server-sent events. Their C{data} is the message; a client that uses lanes
finds in it the one that it asked in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from chatmockd.core.outcome import Failed
from chatmockd.errors import ChatmockdError, UpstreamRefused

_END = b"\n\n"
_DATA = b"\ndata: "
_ERROR = b"event: error\n"
_FINAL_TEXT = 0x81
_LARGE = 65_536  # bytes; a larger message is not copied once more to be framed


class Unframing:
    """Take the events out of their framing, one lane's, in the order they come."""

    def __init__(self, stream_id: str | None) -> None:
        """
        @param stream_id: What each message shall name; None names nothing.
        """
        self._tail = b""
        if stream_id is not None:
            self._tail = b',"stream_id":"%b"}' % stream_id.encode("ascii")
        self._held: list[bytes] = []

    def messages(self, pieces: Sequence[bytes]) -> list[bytes]:
        """
        The messages that these pieces complete.

        @param pieces: Server-sent events, any number to a piece; a large one may be in
            several, which need not all come at once.
        """
        held = self._held
        held += pieces
        if not held or not held[-1].endswith(_END):
            return []
        self._held = []
        if len(held) == 3 and held[2] == _END:
            # Prefix, frame and end, as large ones come: nothing to take apart.
            return [self._tagged(held[1])]
        events = b"".join(held).split(_END)
        return [self._tagged(event.partition(_DATA)[2]) for event in events[:-1]]

    def _tagged(self, message: bytes) -> bytes:
        if not self._tail:
            return message
        # It has a type, at least, so there is something before the comma. Of a name
        # that is there twice, parsers take the last.
        return message.rstrip(b" \t")[:-1] + self._tail


def error_message(error: ChatmockdError, stream_id: str | None) -> bytes:
    """The message for a turn, or something else, that came to nothing."""
    return _with_status(msgspec.json.decode(error.as_frame(0)), error, stream_id)


def refusal_message(outcome: Failed, stream_id: str | None) -> bytes:
    """
    The message for a turn that ended before there was anything to see of it.

    What the upstream itself said is passed on with all its fields: Codex reads from
    them when a limit will be lifted.
    """
    error = outcome.error
    if isinstance(error, UpstreamRefused) and outcome.event.startswith(_ERROR):
        message = outcome.event.partition(_DATA)[2]
        return _with_status(msgspec.json.decode(message), error, stream_id)
    return error_message(error, stream_id)


def end_message(outcome: Failed, message: bytes, stream_id: str | None) -> bytes:
    """C{message}, which ends a turn that the client has seen a part of."""
    if outcome.event.startswith(_ERROR):
        return _with_status(msgspec.json.decode(message), outcome.error, stream_id)
    return message


def _with_status(
    event: dict[str, Any], error: ChatmockdError, stream_id: str | None
) -> bytes:
    """C{event} with the status that HTTP would have; Codex overlooks it otherwise."""
    event["status"] = error.status
    # Codex reads either name into one field; of an event with both it makes nothing.
    event.pop("status_code", None)
    headers = error.headers()
    if headers:
        said = event.get("headers")
        event["headers"] = headers | (said if isinstance(said, dict) else {})
    if stream_id is not None:
        event["stream_id"] = stream_id
    return msgspec.json.encode(event)


def text_frames(messages: Sequence[bytes]) -> list[bytes]:
    """
    The frames (RFC 6455, section 5.2) that carry these messages to a client.

    Autobahn's C{sendMessage} costs 20 us for each, and a write.

    @return: Pieces to write one after the other; one piece, unless some are large.
    """
    pieces: list[bytes] = []
    parts: list[bytes] = []
    for message in messages:
        size = len(message)
        if size < 126:
            parts.append(bytes((_FINAL_TEXT, size)))
        elif size < 65_536:
            parts.append(bytes((_FINAL_TEXT, 126)) + size.to_bytes(2, "big"))
        else:
            parts.append(bytes((_FINAL_TEXT, 127)) + size.to_bytes(8, "big"))
        if size > _LARGE:
            pieces += b"".join(parts), message
            parts = []
        else:
            parts.append(message)
    if parts:
        pieces.append(b"".join(parts))
    return pieces
