"""Where a client takes up an event stream again that it has seen the beginning of."""

from __future__ import annotations

from collections.abc import Sequence

from chatmockd.core.frame import head_of
from chatmockd.core.view import events_in
from chatmockd.errors import ChatmockdError, MalformedFrame


class Resumption:
    """
    A L{chatmockd.core.view.View} that leaves out the events up to a number.

    @ivar begun: The first event that the client has not seen has come; all that follows
        is passed on as it is.
    """

    content_type = b"text/event-stream; charset=utf-8"
    comment = b": keepalive\n\n"

    def __init__(self, after: int) -> None:
        """
        @param after: The C{sequence_number} of the last event that the client has.
        """
        self._after = after
        self.begun = after < 0

    def stream(self, pieces: Sequence[bytes]) -> list[bytes]:
        """What of C{pieces} the client has not seen."""
        if self.begun:
            return list(pieces)
        left: list[bytes] = []
        for kind, frame in events_in(pieces):
            if self.begun or self._is_new(frame):
                self.begun = True
                left += b"event: ", kind, b"\ndata: ", frame, b"\n\n"
        return [b"".join(left)] if left else []

    def end(self, pieces: Sequence[bytes], error: ChatmockdError | None) -> list[bytes]:
        """The same; the terminal event says itself that it is the last."""
        return self.stream(pieces)

    def whole(self, response: bytes) -> bytes:
        """The response object as it is."""
        return response

    def _is_new(self, frame: bytes) -> bool:
        try:
            number = head_of(frame).sequence_number
        except MalformedFrame:
            return True
        return number is None or number > self._after
