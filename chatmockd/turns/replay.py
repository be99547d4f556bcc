"""The events of a turn that has ended, told once more."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from chatmockd.core.resumption import Resumption
from chatmockd.turns.log import unpacked
from chatmockd.turns.running import Deliver


class Replay:
    """
    Tells the events again, no faster than they are taken; the source of a relay.

    It has at most two pieces unpacked. There is one for each turn of the reactor, also
    for a client that keeps up: the kernel would take a whole log of many megabytes from
    us without a pause, and nobody else would be served meanwhile. To wait for a turn
    costs less than to unpack a piece.
    """

    def __init__(self, clock: IReactorTime, packed: bytes, after: int) -> None:
        """
        @param packed: What L{chatmockd.turns.log.EventLog.packed} returned.
        @param after: Leave out the events up to this number.
        """
        self._clock = clock
        self._pieces = _behind(packed, after)
        self._piece = b""
        self._deliver: Deliver = _nowhere
        self._paused = False
        self._over = False
        self._soon: IDelayedCall | None = None
        self._told: Deferred[list[bytes]] = Deferred(lambda _: self.abandon())

    def tell(self, deliver: Deliver) -> Deferred[list[bytes]]:
        """
        Begin.

        @param deliver: Called with one piece after the other; a short log has none.
        @return: Fires with the last piece once the others have been taken; cancelling
            it is the end.
        """
        self._deliver = deliver
        self._piece = next(self._pieces, b"")
        self._go_on()
        return self._told

    def pause(self) -> None:
        """Bring no more until L{resume}."""
        self._paused = True
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None

    def resume(self) -> None:
        """Bring more."""
        self._paused = False
        self._wait_for_turn()

    def abandon(self) -> None:
        """Nobody listens any more; harmless twice."""
        self._over = True
        self.pause()
        self._deliver = _nowhere
        # They hold the whole log.
        self._pieces = iter(())
        self._piece = b""

    def _wait_for_turn(self) -> None:
        if self._soon is None and not (self._paused or self._over):
            self._soon = self._clock.callLater(0, self._go_on)

    def _go_on(self) -> None:
        self._soon = None
        piece = self._piece
        try:
            following = next(self._pieces, None)
            if following is not None:
                self._piece = following
                if piece:
                    self._deliver([piece])
        except Exception:
            self.abandon()
            self._told.errback()
            return
        if following is None:
            self._over = True
            self._told.callback([piece])
        else:
            self._wait_for_turn()


def _behind(packed: bytes, after: int) -> Iterator[bytes]:
    """
    The events behind a number, cut anywhere.

    @return: Pieces; an empty one where it only looked for the first of them.
    """
    place = 0
    if after >= 0:
        place = yield from _search(packed, after)
    for piece in unpacked(packed):
        yield piece[place:]
        place = max(0, place - len(piece))


def _search(packed: bytes, after: int) -> Generator[bytes, None, int]:
    """
    Find where the events behind a number begin.

    What was unpacked for that is not kept: an event has to be seen whole to know its
    number, and a client that stalls at a picture of 60 MB would have us hold it.

    @return: The place in the unpacked log, which is its end when there are none.
    """
    resumption = Resumption(after)
    place = 0  # up to which all events are old
    held = bytearray()
    for piece in unpacked(packed):
        # The blank line may have been cut in two.
        looked_at = max(0, len(held) - 1)
        held += piece
        end = held.rfind(b"\n\n", looked_at)
        if end >= 0:
            events = bytes(held[: end + 2])
            del held[: end + 2]
            new = resumption.stream([events])
            place += len(events)
            if resumption.begun:
                return place - sum(map(len, new))
        yield b""
    return place


def _nowhere(pieces: list[bytes]) -> None:
    """What becomes of events when nobody listens."""
