"""Which retained connection serves which marker, who may use it, and whom to evict.

The table decides and returns what is to be closed; it never closes anything. A
connection that leaves the table is returned, or was named, exactly once, so it is
closed once.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from chatmockd.errors import NoCapacity, PreviousResponseNotFound, ResponseInFlight

C = TypeVar("C", bound=Hashable)


@dataclass
class _Place:
    """
    What the table knows of one connection.

    @ivar born: When it opened, in seconds.
    @ivar tip: The response it can continue; None for a spare one.
    @ivar idle_since: When it was last released; None while it is leased.
    @ivar running: The id which its turn in flight has been given.
    """

    born: float
    tip: str | None = None
    idle_since: float | None = None
    running: str | None = None


class Retention(Generic[C]):
    """
    The table of all upstream connections; C{C} stands for one of them.

    Times are seconds on any clock that only goes forward.
    """

    def __init__(
        self, *, max_retained: int, idle_ttl_s: float, max_age_s: float
    ) -> None:
        self._max_retained = max_retained
        self._idle_ttl_s = idle_ttl_s
        self._max_age_s = max_age_s
        self._places: dict[C, _Place] = {}
        self._by_tip: dict[str, C] = {}
        self._running: dict[str, C] = {}
        self._idle: dict[C, None] = {}  # the longest idle one first
        self._spare: dict[C, None] = {}
        self._connecting = 0

    def counts(self) -> dict[str, int]:
        """C{{"connecting", "leased", "retained", "spare"}} and how many of each."""
        retained, spare = len(self._idle), len(self._spare)
        return {
            "connecting": self._connecting,
            "leased": len(self._places) - retained - spare,
            "retained": retained,
            "spare": spare,
        }

    def follow_up(self, marker: str) -> C:
        """
        Lease the connection whose tip is C{marker}.

        @raise ResponseInFlight: The marker's turn, or a follow-up on it, is running.
        @raise PreviousResponseNotFound: No connection holds it.
        """
        connection = self._by_tip.get(marker)
        if connection is None:
            if marker in self._running:
                raise ResponseInFlight(marker)
            raise PreviousResponseNotFound(marker)
        place = self._places[connection]
        if place.idle_since is None:
            raise ResponseInFlight(marker)
        self._lease(connection, place)
        return connection

    def is_idle_tip(self, response_id: str) -> bool:
        """Whether L{take_tip} would find a connection."""
        return self._by_tip.get(response_id) in self._idle

    def take_tip(self, response_id: str) -> C | None:
        """Lease the idle connection whose tip this is, if there is one."""
        connection = self._by_tip.get(response_id)
        if connection not in self._idle:
            return None
        assert connection is not None
        self._lease(connection, self._places[connection])
        return connection

    def reserve(self) -> tuple[C | None, list[C]]:
        """
        Make room for a new conversation.

        @return: A spare connection, leased, or None: then one may be opened, and either
            L{opened} or L{not_opened} must follow. And what was evicted for it.
        @raise NoCapacity: Every connection is in use.
        """
        if self._spare:
            connection = next(reversed(self._spare))
            self._lease(connection, self._places[connection])
            return connection, []
        evicted: list[C] = []
        while len(self._places) + self._connecting >= self._max_retained:
            oldest = next(iter(self._idle), None)
            if oldest is None:
                raise NoCapacity(self._max_retained)
            self.forget(oldest)
            evicted.append(oldest)
        self._connecting += 1
        return None, evicted

    def opened(self, connection: C, now: float) -> None:
        """The reserved connection is open, and leased."""
        self._connecting -= 1
        self._places[connection] = _Place(born=now)

    def not_opened(self) -> None:
        """The reserved connection did not come about."""
        self._connecting -= 1

    def running(self, connection: C, response_id: str) -> None:
        """The turn on a leased connection has been given this id."""
        place = self._places.get(connection)
        if place is not None:
            self._clear_running(connection, place)
            place.running = response_id
            self._running[response_id] = connection

    def keep(self, connection: C, response_id: str, now: float) -> list[C]:
        """
        The turn on a leased connection completed: retain it under C{response_id}.

        @return: What is to be closed: another idle connection that ended with the same
            id, or this one, when it is too old to be kept.
        """
        place = self._places.get(connection)
        if place is None:
            return []
        if now - place.born >= self._max_age_s:
            self.forget(connection)
            return [connection]
        self._clear_tip(connection, place)
        self._clear_running(connection, place)
        closed = []
        twin = self._by_tip.get(response_id)
        if twin in self._idle:
            self.forget(twin)
            closed.append(twin)
        elif twin is not None:
            # A turn runs on it, and the client waits for that; it only loses the name.
            self._clear_tip(twin, self._places[twin])
        place.tip = response_id
        place.idle_since = now
        self._by_tip[response_id] = connection
        self._idle[connection] = None
        return closed

    def set_spare(self, connection: C, now: float) -> list[C]:
        """
        A leased connection lost its tip and is in order: a new turn may have it.

        @return: It, when it is too old for that.
        """
        place = self._places.get(connection)
        if place is None:
            return []
        if now - place.born >= self._max_age_s:
            self.forget(connection)
            return [connection]
        self._clear_tip(connection, place)
        self._clear_running(connection, place)
        place.idle_since = now
        self._spare[connection] = None
        return []

    def forget(self, connection: C) -> bool:
        """Nobody may use this connection again; tell whether it was known."""
        place = self._places.pop(connection, None)
        if place is None:
            return False
        self._idle.pop(connection, None)
        self._spare.pop(connection, None)
        self._clear_tip(connection, place)
        self._clear_running(connection, place)
        return True

    def expire(self, now: float) -> list[C]:
        """Forget and return the connections that are too old, or idle too long."""
        expired = []
        for idle in (self._idle, self._spare):
            for connection in idle:
                place = self._places[connection]
                since = now if place.idle_since is None else place.idle_since
                if (
                    now - since >= self._idle_ttl_s
                    or now - place.born >= self._max_age_s
                ):
                    expired.append(connection)
        for connection in expired:
            self.forget(connection)
        return expired

    def idle(self) -> list[C]:
        """The connections that nobody is using."""
        return [*self._idle, *self._spare]

    def _lease(self, connection: C, place: _Place) -> None:
        self._idle.pop(connection, None)
        self._spare.pop(connection, None)
        place.idle_since = None

    def _clear_tip(self, connection: C, place: _Place) -> None:
        if place.tip is not None and self._by_tip.get(place.tip) is connection:
            del self._by_tip[place.tip]
        place.tip = None

    def _clear_running(self, connection: C, place: _Place) -> None:
        if place.running is not None and self._running.get(place.running) is connection:
            del self._running[place.running]
        place.running = None
