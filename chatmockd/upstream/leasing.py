"""What turns ask of the upstream, whichever way it is reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.internet.defer import Deferred

from chatmockd.core.profile import Profile
from chatmockd.errors import ChatmockdError
from chatmockd.upstream.lease import AnyLease

Hear = Callable[[Mapping[str, str], Mapping[str, str] | bytes], None]
"""
Told what the upstream says to an account: to whom, by the headers that signed it in,
and what: the headers of an answer, with lower-case names, or a frame.
"""


class Leasing(Protocol):
    """Grants leases, a turn each."""

    @property
    def profile(self) -> Profile:
        """What may be asked."""

    @property
    def steers(self) -> bool:
        """Whether a running turn can be added to."""

    def counts(self) -> dict[str, int]:
        """How many connections there are, by state."""

    async def lease(self, marker: str | None, request_id: str) -> AnyLease:
        """
        A connection for one turn.

        @param marker: The response it follows up on; None begins a conversation.
        @param request_id: Whose turn it is, for the log.
        @raise ChatmockdError: There is none to be had; nothing was sent.
        """

    def is_idle_tip(self, response_id: str) -> bool:
        """Whether an idle connection holds the state of this response."""

    def lease_tip(self, response_id: str, request_id: str) -> AnyLease | None:
        """
        The idle connection that holds the state of this response, if there is one.

        @raise ShuttingDown: No more turns are begun.
        """

    def stop_leasing(self) -> None:
        """Begin no more turns, and close what no turn uses."""

    def break_off(self, error: ChatmockdError) -> None:
        """End every running turn with C{error}, and every attempt to connect."""

    def stop(self) -> Deferred[None]:
        """Close everything; fires when all transports are gone."""
