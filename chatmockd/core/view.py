"""How a turn's answer looks to the client of one API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from chatmockd.errors import ChatmockdError

_EVENT, _DATA = b"event: ", b"\ndata: "


class View(Protocol):
    """
    One turn's answer, put into the words of another API; one for each request.

    @ivar content_type: Of an answer that is streamed.
    @ivar comment: What may be written into a long silence; C{b""} where nothing may.
    """

    content_type: bytes
    comment: bytes

    def stream(self, pieces: Sequence[bytes]) -> list[bytes]:
        """
        Put events into other words.

        @param pieces: Server-sent events of the Responses API, cut anywhere, but whole
            when joined.
        @return: What to write; nothing as long as there is nothing to say, since with
            the first byte the status is out.
        """

    def end(self, pieces: Sequence[bytes], error: ChatmockdError | None) -> list[bytes]:
        """
        The same for the last events, the terminal one among them, and what ends the
        stream.

        @param error: Why the turn failed, if it did; the client has seen a beginning.
        """

    def whole(self, response: bytes) -> bytes:
        """
        The JSON of an answer that is not streamed.

        @param response: The JSON of the response object.
        """


def events_in(pieces: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """
    The kind and the frame of each server-sent event in C{pieces}.

    They are ours: C{event:} line, one C{data:} line, blank line, as
    L{chatmockd.core.frame.to_sse} writes them.
    """
    for block in b"".join(pieces).split(b"\n\n"):
        if block.startswith(_EVENT):
            kind, _, frame = block.partition(_DATA)
            yield kind[len(_EVENT) :], frame
