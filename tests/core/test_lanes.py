"""Which turns of a WebSocket client run, and which wait."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.lanes import MAX_ACTIVE, MAX_NAMED, Lanes, lane_name
from chatmockd.errors import InvalidRequest
from tests.core.cases import case


class LaneNameTests(SynchronousTestCase):
    """What C{stream_id} may be."""

    def test_names(self) -> None:
        """1 to 256 letters, digits, dots, underscores and hyphens."""
        for name in ("a", "A-1_b.c", "0", "x" * 256):
            with case(name=name):
                self.assertEqual(lane_name(name), name)

    def test_the_default_lane(self) -> None:
        """It has no name."""
        self.assertIsNone(lane_name(None))

    def test_what_is_no_name(self) -> None:
        """It would have to be written into events, for one thing."""
        for name in ("", "x" * 257, "a b", 'a"', "a\n", "ä", 1, True, [], {"a": 1}):
            with case(name=name):
                problem = self.assertRaises(InvalidRequest, lane_name, name)
                self.assertEqual(problem.code, "invalid_stream_id")
                self.assertEqual(problem.param, "stream_id")


class LanesTests(SynchronousTestCase):
    """One turn per lane, so many in all."""

    def setUp(self) -> None:
        self.lanes: Lanes[str] = Lanes(1000)

    def started(self) -> list[str]:
        """The turns that may run now, in order."""
        turns = []
        while (entered := self.lanes.start_next()) is not None:
            turns.append(entered[1])
        return turns

    def test_one_after_the_other_in_a_lane(self) -> None:
        """In the order they came."""
        for turn in ("1", "2", "3"):
            self.lanes.enter("a", turn, 1)
        self.assertEqual(self.started(), ["1"])
        self.lanes.leave("a")
        self.assertEqual(self.started(), ["2"])
        self.assertEqual(self.started(), [])
        self.lanes.leave("a")
        self.assertEqual(self.started(), ["3"])

    def test_lanes_run_side_by_side(self) -> None:
        """The default lane is one like any other."""
        for lane, turn in (("a", "1"), (None, "2"), ("a", "3"), ("b", "4")):
            self.lanes.enter(lane, turn, 1)
        self.assertEqual(self.started(), ["1", "2", "4"])

    def test_sixteen_in_all(self) -> None:
        """The seventeenth waits for any of them."""
        for number in range(MAX_ACTIVE + 2):
            self.lanes.enter(f"lane-{number}", str(number), 1)
        self.assertEqual(len(self.started()), 16)
        self.lanes.leave("lane-7")
        self.assertEqual(self.started(), ["16"])
        self.lanes.leave("lane-16")
        self.assertEqual(self.started(), ["17"])

    def test_thirty_two_names(self) -> None:
        """The default lane is not counted, and a known name is no new one."""
        for number in range(MAX_NAMED):
            self.lanes.enter(f"lane-{number}", "", 1)
        self.lanes.enter(None, "", 1)
        self.lanes.enter("lane-0", "", 1)
        problem = self.assertRaises(InvalidRequest, self.lanes.enter, "one-more", "", 1)
        self.assertEqual(problem.code, "websocket_stream_limit_reached")
        self.assertEqual(problem.status, 400)

    def test_a_lane_stays_a_lane(self) -> None:
        """Its name counts after its turns have ended."""
        for number in range(MAX_NAMED):
            self.lanes.enter(f"lane-{number}", "", 1)
            self.started()
            self.lanes.leave(f"lane-{number}")
        self.assertRaises(InvalidRequest, self.lanes.enter, "one-more", "", 1)

    def test_full_by_number(self) -> None:
        """More than 64 that wait are enough."""
        self.lanes.enter(None, "runs", 1)
        self.started()
        for _ in range(64):
            self.lanes.enter(None, "waits", 1)
        self.assertFalse(self.lanes.is_full)
        self.lanes.enter(None, "waits", 1)
        self.assertTrue(self.lanes.is_full)
        self.lanes.leave(None)
        self.started()
        self.assertFalse(self.lanes.is_full)

    def test_full_by_size(self) -> None:
        """What runs is not counted any more."""
        self.lanes.enter(None, "runs", 5000)
        self.started()
        self.assertFalse(self.lanes.is_full)
        self.lanes.enter(None, "waits", 1000)
        self.assertFalse(self.lanes.is_full)
        self.lanes.enter(None, "waits", 1)
        self.assertTrue(self.lanes.is_full)
        self.assertEqual(len(self.lanes.clear()), 2)
        self.assertFalse(self.lanes.is_full)

    def test_clear(self) -> None:
        """Nothing waits any more; what runs does so."""
        for turn in ("1", "2", "3"):
            self.lanes.enter("a", turn, 1)
        self.started()
        self.assertEqual(self.lanes.clear(), [("a", "2"), ("a", "3")])
        self.lanes.leave("a")
        self.assertEqual(self.started(), [])


NAMES = st.sampled_from([None, *(f"lane-{number}" for number in range(24))])


class LanesModelTests(SynchronousTestCase):
    """Any order of comings and goings."""

    @given(st.lists(NAMES | st.integers(0, 15), max_size=200))
    def test_promises(self, steps: list[str | int | None]) -> None:
        """Nothing overlaps, overtakes or waits without need."""
        lanes: Lanes[int] = Lanes(10**6)
        waiting: list[tuple[str | None, int]] = []
        running: dict[str | None, int] = {}
        for number, step in enumerate(steps):
            if isinstance(step, int):
                if step < len(running):
                    lane = list(running)[step]
                    del running[lane]
                    lanes.leave(lane)
            else:
                lanes.enter(step, number, 1)
                waiting.append((step, number))
            while (entered := lanes.start_next()) is not None:
                lane, turn = entered
                self.assertNotIn(lane, running)
                first = next(other for other in waiting if other[0] == lane)
                self.assertEqual(first, (lane, turn))
                waiting.remove(entered)
                running[lane] = turn
            self.assertLessEqual(len(running), MAX_ACTIVE)
            if len(running) < MAX_ACTIVE:
                self.assertTrue(all(lane in running for lane, _ in waiting))
