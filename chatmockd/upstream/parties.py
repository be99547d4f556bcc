"""Who a connection deals with: its transport, a turn's bearer, and its owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chatmockd.upstream.connection import Connection


class Transport(Protocol):
    """What we ask of a transport, TCP's or TLS's."""

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...

    def abortConnection(self) -> None: ...


class Bearer(Protocol):
    """Whose turn a connection carries."""

    def frames_received(self, frames: Sequence[bytes]) -> None:
        """The frames of one read arrived."""

    def connection_lost(self, what: str) -> None:
        """The connection is of no more use; C{what} says why, as a clause."""


class Owner(Protocol):
    """Who keeps the connection while no turn runs on it."""

    def idle_frames_received(
        self, connection: Connection, frames: Sequence[bytes]
    ) -> None:
        """Frames came although nothing was asked."""

    def connection_unusable(self, connection: Connection) -> None:
        """Nobody may be given this connection any more."""

    def connection_gone(self, connection: Connection) -> None:
        """Its transport is gone; this is the last that is heard of it."""
