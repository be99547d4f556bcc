"""One timer for all who look at the clock."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.pulse import Pulse


class Member:
    """Writes down the times that it is told."""

    def __init__(self, and_then: Callable[[], None] = lambda: None) -> None:
        self.told: list[float] = []
        self._and_then = and_then

    def beat(self, now: float) -> None:
        self.told.append(now)
        self._and_then()


class PulseTests(SynchronousTestCase):
    """Once a second, as long as somebody wants to know."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.pulse = Pulse(self.clock)

    def pass_seconds(self, seconds: int) -> None:
        """Let time go by, a second at a time."""
        self.clock.pump([1.0] * seconds)

    def test_once_a_second(self) -> None:
        """The time that is told is the clock's."""
        member = Member()
        self.pulse.add(member)
        self.pass_seconds(3)
        self.assertEqual(member.told, [1, 2, 3])

    def test_one_timer_for_all(self) -> None:
        """Any number of members costs one call a second."""
        members = [Member() for _ in range(50)]
        for member in members:
            self.pulse.add(member)
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.pass_seconds(1)
        self.assertEqual([member.told for member in members], [[1]] * 50)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_nothing_ticks_for_nobody(self) -> None:
        """Neither before the first member nor after the last."""
        self.assertEqual(self.clock.getDelayedCalls(), [])
        first, second = Member(), Member()
        self.pulse.add(first)
        self.pulse.add(second)
        self.pulse.remove(first)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.pulse.remove(second)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_somebody_comes_after_the_last_has_left(self) -> None:
        """The pulse starts again, from then."""
        first = Member()
        self.pulse.add(first)
        self.pulse.remove(first)
        self.pass_seconds(5)
        member = Member()
        self.pulse.add(member)
        self.pass_seconds(2)
        self.assertEqual(member.told, [6, 7])

    def test_adding_twice_is_adding_once(self) -> None:
        """A member is told once a second, however often it came."""
        member = Member()
        self.pulse.add(member)
        self.pulse.add(member)
        self.pass_seconds(1)
        self.assertEqual(member.told, [1])

    def test_removing_a_stranger(self) -> None:
        """Leaving twice is harmless."""
        member = Member()
        self.pulse.remove(member)
        self.pulse.add(member)
        self.pulse.remove(Member())
        self.pass_seconds(1)
        self.assertEqual(member.told, [1])

    def test_leaving_while_it_beats(self) -> None:
        """Who is removed by another's beat is not told any more."""
        second = Member()
        first = Member(lambda: self.pulse.remove(second))
        self.pulse.add(first)
        self.pulse.add(second)
        self.pass_seconds(2)
        self.assertEqual((first.told, second.told), ([1, 2], []))

    def test_the_last_one_leaves_while_it_beats(self) -> None:
        """Then nothing ticks on."""
        member = Member(lambda: self.pulse.remove(member))
        self.pulse.add(member)
        self.pass_seconds(3)
        self.assertEqual(member.told, [1])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_leaving_and_coming_back_while_it_beats(self) -> None:
        """There is still one timer, and one beat a second."""

        def change_seats() -> None:
            self.pulse.remove(member)
            self.pulse.add(member)

        member = Member(change_seats)
        self.pulse.add(member)
        self.pass_seconds(3)
        self.assertEqual(member.told, [1, 2, 3])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_coming_while_it_beats(self) -> None:
        """A newcomer is told from the next second on."""
        late = Member()
        self.pulse.add(Member(lambda: self.pulse.add(late)))
        self.pass_seconds(2)
        self.assertEqual(late.told, [2])

    def test_a_sleep_takes_no_time(self) -> None:
        """No member has to account for what it could not see."""
        member = Member()
        self.pulse.add(member)
        self.pass_seconds(2)
        self.clock.rightNow += 3600
        self.assertEqual(self.pulse.seconds(), 8)
        self.clock.advance(0)
        self.assertEqual(self.pulse.seconds(), 8)
        self.pass_seconds(2)
        self.assertEqual(member.told, [1, 2, 8, 9, 10])
        self.clock.rightNow += 3600
        self.pass_seconds(1)
        self.assertEqual(member.told[-1], 16)

    def test_a_beat_that_is_a_little_late(self) -> None:
        """Something took its time; that is no sleep."""
        member = Member()
        self.pulse.add(member)
        self.clock.advance(6)
        self.pass_seconds(1)
        self.assertEqual(member.told, [6, 7])

    def test_without_members_time_goes_by(self) -> None:
        """There is nobody who could count silence."""
        self.pulse.add(member := Member())
        self.pulse.remove(member)
        self.clock.advance(3600)
        self.assertEqual(self.pulse.seconds(), 3600)

    def test_one_that_fails(self) -> None:
        """The others are told all the same, and so is it, next time."""
        failing, other = Member(lambda: 1 // 0), Member()
        self.pulse.add(failing)
        self.pulse.add(other)
        self.pass_seconds(2)
        self.assertEqual((failing.told, other.told), ([1, 2], [1, 2]))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
