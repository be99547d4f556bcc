"""How a turn ended."""

from __future__ import annotations

import msgspec

from chatmockd.core.usage import Usage
from chatmockd.errors import ChatmockdError


class Completed(msgspec.Struct, frozen=True):
    """
    The turn ended with C{response.completed} or C{response.incomplete}.

    @ivar response: The JSON of the response object, for a client that does not stream.
    @ivar response_id: What the upstream calls it, and so a follow-up over the same
        connection; None when it named nothing.
    @ivar event: The server-sent event that ends a stream.
    @ivar usage: What the turn has used, where that was said.
    """

    response: bytes
    response_id: str | None
    event: bytes
    usage: Usage | None = None


class Failed(msgspec.Struct, frozen=True):
    """
    The turn ended in any other way.

    @ivar error: The answer to a client that has seen nothing yet.
    @ivar event: The server-sent event that ends a stream which has begun.
    @ivar rejected: The upstream answered with an orderly C{error} event; nothing is
        known to be wrong with the connection.
    @ivar unread: Nothing was done about it: it was not sent, or refused because the
        connection is too old for new turns or has lost its state. Another connection
        will take it.
    @ivar told: The upstream itself said that the turn failed, or never heard of it.
    @ivar response: The JSON of the failed response object, where there is one, and
        C{usage} what it says that the turn has used.
    """

    error: ChatmockdError
    event: bytes
    rejected: bool = False
    unread: bool = False
    told: bool = False
    response: bytes | None = None
    usage: Usage | None = None


Outcome = Completed | Failed
