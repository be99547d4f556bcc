"""What the tree forgets, and when."""

from __future__ import annotations

from typing import Any

from tests.bridge import Answer
from tests.turns.durable import DurableBridge

DAY = 86_400.0
MINUTES = 601.0  # in which it looks what there is to sweep


class SweepingBridge(DurableBridge):
    """A bridge that sweeps as the daemon does."""

    def setUp(self) -> None:
        super().setUp()
        self.sweep_from_now_on()

    def sweep_from_now_on(self, **keys: object) -> None:
        """With these settings."""
        if keys:
            self.configure(**self.settings, **keys)
        self.turns.start()
        turns = self.turns
        self.addCleanup(lambda: self.successResultOf(turns.when_idle()))

    def wait_for_days(self, days: int) -> None:
        """Second by second until connections have closed, and then by the minute."""
        self.wait(900)
        self.assertEqual(self.open_sockets, 0)
        for _ in range(int(days * DAY - 900) // 60):
            self.clock.advance(60)
            self.pump()

    def assert_known(self, response_id: str) -> None:
        self.assertEqual(self.ask("GET", f"/v1/responses/{response_id}").status, 200)

    def assert_forgotten(self, response_id: str) -> None:
        answer = self.ask("GET", f"/v1/responses/{response_id}")
        self.assert_error(answer, 404, "response_not_found")
        answer = self.post(previous_response_id=response_id)
        self.assert_error(answer, 400, "previous_response_not_found")


class RetentionTests(SweepingBridge):
    """C{store.retention_days} and C{store.max_bytes}."""

    def test_a_conversation_in_which_nothing_happens(self) -> None:
        """It stays for so many days, counted from its last turn, and no longer."""
        self.turn("resp_1")
        self.wait_for_days(20)
        self.turn("resp_2", previous_response_id="resp_1")
        self.turn("resp_x", store=False)
        self.wait_for_days(29)
        self.assert_known("resp_1")
        self.wait_for_days(1)
        self.wait(MINUTES)
        for name in ("resp_1", "resp_2", "resp_x"):
            self.assert_forgotten(name)

    def test_fewer_days(self) -> None:
        """As configured."""
        self.sweep_from_now_on(store__retention_days=0.5)
        self.turn("resp_1")
        self.wait(DAY / 2 - MINUTES)
        self.assert_known("resp_1")
        self.wait(2 * MINUTES)
        self.assert_forgotten("resp_1")

    def test_too_much(self) -> None:
        """The conversations in which nothing happened for longest go first."""
        self.sweep_from_now_on(
            store__max_bytes=1_048_576,
            upstream__first_event_timeout_s=0,
            upstream__ping_interval_s=0,
        )
        for number in range(1, 5):
            self.turn(f"resp_{number}", text=f"{number}" * 400_000)
            self.wait(1)
        running = self.stream(input="5" * 400_000)
        self.wait(MINUTES)
        self.assert_forgotten("resp_1")
        self.assert_known("resp_4")
        self.answer("resp_5")
        self.assertEqual(running.kinds[-1], "response.completed")
        self.assert_known("resp_5")


class ClockTests(DurableBridge):
    """The clock is ahead when the daemon starts, and is put right soon after that."""

    def setUp(self) -> None:
        super().setUp()
        self.turn("resp_1")
        self.clock.rightNow += 100 * DAY
        self.turns.start()
        self.pump()

    def test_nothing_is_deleted_for_that(self) -> None:
        """What it would have been cannot be had again."""
        self.wait(5)
        self.clock.rightNow -= 100 * DAY
        self.turn("resp_2", previous_response_id="resp_1")
        self.wait(2 * MINUTES)
        for name in ("resp_1", "resp_2"):
            self.assertEqual(self.ask("GET", f"/v1/responses/{name}").status, 200)

    def test_a_clock_that_is_right(self) -> None:
        """What is too old is deleted ten minutes later."""
        self.wait(MINUTES)
        answer = self.ask("GET", "/v1/responses/resp_1")
        self.assert_error(answer, 404, "response_not_found")


class PlaceTests(SweepingBridge):
    """The file of the store is deleted, moved or replaced while the daemon runs."""

    def test_it_is_told(self) -> None:
        """Once, and once more when it happens again."""

        def told() -> int:
            return sum("deleted, moved or replaced" in line for line in self.log)

        assert self.tree is not None
        self.wait(MINUTES)
        self.assertEqual(told(), 0)
        for times in (1, 2):
            moved = self.patch(self.tree.stores[0], "is_in_place", lambda: False)
            self.wait(2 * MINUTES)
            self.assertEqual(told(), times)
            moved.restore()
            self.wait(MINUTES)


class KeyTests(SweepingBridge):
    """How long an C{Idempotency-Key} stands for its request."""

    def keyed(self, **more: Any) -> Answer:
        return self.post(headers={"Idempotency-Key": "k"}, **more)

    def test_a_day(self) -> None:
        """For 24 hours, and then for another one."""
        first = self.keyed()
        self.answer("resp_1")
        self.wait(DAY - MINUTES)
        self.assertEqual(self.keyed().body, first.body)
        self.assert_error(self.keyed(input="?"), 422, "idempotency_key_reused")
        self.assertEqual(self.messages, 1)
        self.wait(2 * MINUTES)
        again = self.keyed(input="?")
        self.answer("resp_2")
        self.assertEqual(again.json["id"], "resp_2")
        self.assert_known("resp_1")
