"""Where a client takes up an event stream again that it has seen the beginning of."""

from __future__ import annotations

from chatmockd.core.frame import head_of
from chatmockd.errors import MalformedFrame

_DATA = b"\ndata: "


class Resumption:
    """Leave out the events up to a number."""

    def __init__(self, after: int) -> None:
        """
        @param after: The C{sequence_number} of the last event that the client has.
        """
        self._after = after
        self._begun = after < 0

    def rest(self, pieces: list[bytes]) -> list[bytes]:
        """
        What of C{pieces} the client has not seen.

        @param pieces: Whole server-sent events, in order, any number to a piece.
        """
        if self._begun:
            return pieces
        left: list[bytes] = []
        for event in b"".join(pieces).split(b"\n\n"):
            if event and (self._begun or self._is_new(event)):
                self._begun = True
                left.append(event + b"\n\n")
        return [b"".join(left)] if left else []

    def _is_new(self, event: bytes) -> bool:
        frame = event.partition(_DATA)[2]
        try:
            number = head_of(frame).sequence_number
        except MalformedFrame:
            return True
        return number is None or number > self._after
