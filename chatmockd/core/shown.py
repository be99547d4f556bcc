"""What a client sees of a turn that went upstream another way than it asked for.

A rebuilt turn is sent without a C{previous_response_id}, and one that was recognised as
a follow-up with one that its client did not name; a background response has an id
before the upstream gives it one. The client shall see what it asked for.
"""

from __future__ import annotations

import msgspec

from chatmockd.core.frame import members
from chatmockd.core.terminal import is_object
from chatmockd.errors import MalformedFrame


class Shown(msgspec.Struct, frozen=True):
    """
    The ids that a response object is shown with.

    @ivar marker: Its C{previous_response_id}.
    @ivar response_id: Its C{id}; None leaves the upstream's.
    @ivar background: Its C{background} is true.
    """

    marker: str | None
    response_id: str | None = None
    background: bool = False

    def in_frame(self, kind: str, frame: bytes) -> bytes:
        """
        An event that carries a response object, with these ids in it.

        @raise MalformedFrame: It is not JSON of that shape.
        """
        try:
            event = members(frame)
            carried = event.get("response")
            if carried is None or not is_object(carried):
                return frame
            fields = members(carried)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            raise MalformedFrame(f"{kind}: {problem}") from problem
        fields["previous_response_id"] = msgspec.Raw(msgspec.json.encode(self.marker))
        if self.response_id is not None:
            fields["id"] = msgspec.Raw(msgspec.json.encode(self.response_id))
        if self.background:
            fields["background"] = msgspec.Raw(b"true")
        event["response"] = msgspec.Raw(msgspec.json.encode(fields))
        return msgspec.json.encode(event)
