"""Who a connection deals with: its transport, a turn's bearer, and its owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from chatmockd.errors import ChatmockdError

if TYPE_CHECKING:
    from chatmockd.upstream.connection import Connection


class Transport(Protocol):
    """What we ask of a transport, TCP's or TLS's."""

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...

    def abortConnection(self) -> None: ...


class Carrier(Protocol):
    """
    What a lease is the right to use: a connection, or one HTTP exchange.

    @ivar held_tip: The response whose state it holds, or None.
    @ivar is_steered: What follows its turn may be one that nobody asked for.
    """

    held_tip: str | None
    is_steered: bool

    @property
    def name(self) -> str:
        """For the log: which one it is."""

    @property
    def takes_more(self) -> bool:
        """Whether a turn that runs on it can be added to."""

    @property
    def is_uploading(self) -> bool:
        """Whether the end of a long message has not been sent yet."""

    @property
    def upload_moved(self) -> float:
        """When a part of a long message could be written last, in seconds."""

    @property
    def frame_moved(self) -> float:
        """When a part of a frame came last that is not whole yet, in seconds."""

    def carry_for(self, bearer: Bearer) -> None:
        """Bring what arrives to C{bearer} from now on."""

    def send(self, message: bytes) -> None:
        """
        Send one message.

        @raise autobahn.exception.Disconnected: It takes none any more.
        """

    def surplus_received(self, frames: Sequence[bytes]) -> None:
        """Frames that came in one read with the end of the turn."""

    def pause(self) -> None:
        """Read no more until L{resume}."""

    def resume(self) -> None:
        """Read on."""


class Bearer(Protocol):
    """Whose turn a connection carries."""

    def frames_received(self, frames: Sequence[bytes]) -> None:
        """The frames of one read arrived."""

    def connection_lost(self, what: str) -> None:
        """The connection is of no more use; C{what} says why, as a clause."""

    def refused(self, error: ChatmockdError) -> None:
        """The turn was not taken on, for what C{error} says."""

    def break_off(self, error: ChatmockdError) -> None:
        """What comes can be read no further, for what C{error} says."""


class Owner(Protocol):
    """Who keeps the connection while no turn runs on it."""

    def idle_frames_received(
        self, connection: Connection, frames: Sequence[bytes]
    ) -> None:
        """Frames came although nothing was asked."""

    def connection_unusable(self, connection: Connection, what: str) -> None:
        """Nobody may be given this connection any more; C{what} says why."""

    def connection_gone(self, connection: Connection) -> None:
        """Its transport is gone; this is the last that is heard of it."""
