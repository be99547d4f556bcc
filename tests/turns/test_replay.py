"""The events of a turn that has ended, told once more."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from sys import getrefcount

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zstandard import ZstdError

from chatmockd.turns.log import EventLog
from chatmockd.turns.replay import Replay
from tests.core.cases import case

PIECE = 65_536


def event(number: int, size: int = 0) -> bytes:
    """One with its number behind so many bytes of something else."""
    return b'event: x\ndata: {"type":"x","pad":"%b","sequence_number":%d}\n\n' % (
        b"y" * size,
        number,
    )


def event_of(number: int, length: int) -> bytes:
    """One that is exactly so long."""
    return event(number, length - len(event(number)))


def packed(events: Sequence[bytes], reads: int = 1) -> bytes:
    """The log of them, of which so many came with each read."""
    log = EventLog()
    for begin in range(0, len(events), reads):
        log.append(list(events[begin : begin + reads]))
    return log.packed([])


class Listener:
    """
    Listens to a replay.

    @ivar heard: The pieces.
    @ivar ended: The last one has been told.
    """

    def __init__(self, log: bytes, after: int, pauses: Sequence[bool] = ()) -> None:
        """
        @param pauses: Whether it pauses at a piece, again and again.
        """
        self.clock = Clock()
        self.heard: list[bytes] = []
        self.ended = False
        self.paused = False
        self._pauses = cycle(pauses or [False])
        self.replay = Replay(self.clock, log, after)
        self.told = self.replay.tell(self._listen)
        self.told.addCallback(self._end)

    def _listen(self, pieces: list[bytes]) -> None:
        assert not self.paused, "told although it had paused"
        self.heard += pieces
        if next(self._pauses):
            self.paused = True
            self.replay.pause()

    def _end(self, pieces: list[bytes]) -> None:
        assert not self.paused, "ended although it had paused"
        self.heard += pieces
        self.ended = True

    def read_on(self) -> None:
        """Take what was told, and hear more."""
        self.paused = False
        self.replay.resume()
        self.clock.advance(0)

    def read_all(self) -> bytes:
        """Listen to the end."""
        self.clock.advance(0)
        while not self.ended:
            assert self.paused, "the replay has stopped by itself"
            self.read_on()
        return b"".join(self.heard)


class ReplayTests(SynchronousTestCase):
    """All of it, in small pieces."""

    @given(
        st.lists(
            st.one_of(
                st.integers(0, 300),
                st.integers(PIECE - 100, PIECE + 10),
                st.integers(0, 300_000),
            ),
            max_size=12,
        ),
        st.integers(1, 5),
        st.integers(-1, 13),
        st.lists(st.booleans(), max_size=5),
    )
    def test_the_same_bytes(
        self, sizes: list[int], reads: int, after: int, pauses: list[bool]
    ) -> None:
        """Behind any number, for any listener, whatever the events' sizes."""
        events = [event(number, size) for number, size in enumerate(sizes)]
        listener = Listener(packed(events, reads), after, pauses)
        self.assertEqual(listener.read_all(), b"".join(events[after + 1 :]))
        self.assertLessEqual(max(map(len, listener.heard)), PIECE)
        self.assertEqual(listener.clock.getDelayedCalls(), [])

    def test_an_event_that_ends_where_a_piece_does(self) -> None:
        """Even between its two last bytes."""
        for beyond in range(-3, 4):
            with case(beyond=beyond):
                events = [event_of(0, PIECE + beyond), event(1), event(2, 100_000)]
                for after in range(3):
                    listener = Listener(packed(events), after)
                    self.assertEqual(listener.read_all(), b"".join(events[after + 1 :]))

    def test_a_short_log_is_told_at_once(self) -> None:
        """Nobody waits for the reactor, and nothing is written twice."""
        events = [event(number) for number in range(100)]
        for after in (-1, 0, 98):
            with case(after=after):
                listener = Listener(packed(events), after)
                self.assertTrue(listener.ended)
                self.assertEqual(listener.heard, [b"".join(events[after + 1 :])])

    def test_others_are_served_between_two_pieces(self) -> None:
        """Nothing is told without a turn of the reactor, to the quickest listener."""
        listener = Listener(packed([event(n, 30_000) for n in range(20)]), -1)
        others: list[int] = []
        while not listener.ended:
            self.assertEqual(len(listener.heard), len(others) + 1)
            (soon,) = listener.clock.getDelayedCalls()
            soon.cancel()
            others.append(len(listener.heard))
            listener.replay._go_on()
        self.assertGreater(len(others), 8)

    def test_others_are_served_during_the_search(self) -> None:
        """However much lies before what is wanted."""
        listener = Listener(packed([event(n, 30_000) for n in range(20)]), 18)
        self.assertEqual(listener.heard, [])
        self.assertEqual(len(listener.clock.getDelayedCalls()), 1)
        self.assertEqual(listener.read_all(), event(19, 30_000))

    def test_an_event_larger_than_all_limits(self) -> None:
        """It is cut, also when it is the first that is wanted."""
        events = [event(0), event(1, 5_000_000), event(2)]
        for after in (-1, 0):
            with case(after=after):
                listener = Listener(packed(events), after, [True])
                held = listener.replay._piece
                self.assertLessEqual(len(held), PIECE)
                self.assertEqual(listener.read_all(), b"".join(events[after + 1 :]))
                self.assertLessEqual(max(map(len, listener.heard)), PIECE)

    def test_a_listener_that_leaves(self) -> None:
        """It is told no more, nothing remains to be done, and nobody has the log."""
        log = packed([event(n, 30_000) for n in range(20)])
        ours = getrefcount(log)
        for after in (-1, 0):
            for pauses in ([], [True]):
                with case(after=after, pauses=pauses):
                    listener = Listener(log, after, pauses)
                    heard = list(listener.heard)
                    listener.replay.abandon()
                    listener.replay.resume()
                    self.assertEqual(listener.clock.getDelayedCalls(), [])
                    self.assertEqual(listener.heard, heard)
                    self.assertEqual(getrefcount(log), ours)
                    self.assertNoResult(listener.told)

    def test_a_log_that_cannot_be_read_on(self) -> None:
        """Whoever waits is told, instead of waiting for ever."""
        events = [event(number, 70_000) for number in range(5)]
        listener = Listener(packed(events) + b"no frame", -1)
        listener.clock.advance(0)
        self.failureResultOf(listener.told, ZstdError)
        self.assertEqual(listener.clock.getDelayedCalls(), [])
