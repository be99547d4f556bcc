"""What happens while the store takes its time, as one on disk does."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from chatmockd.errors import ShuttingDown, StoreFull
from tests.bridge import completed, created, delta, message
from tests.turns.durable import DurableBridge

KEY = {"Idempotency-Key": "k"}


class SlowStore:
    """A store that does some things at once, and says so only when it is told to."""

    def __init__(self, store: Any, *slow: str) -> None:
        self._store = store
        self._slow = slow
        self._held: list[tuple[Deferred[Any], Deferred[Any]]] = []

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._store, name)
        if name not in self._slow:
            return work

        def later(*words: Any, **more: Any) -> Deferred[Any]:
            told: Deferred[Any] = Deferred()
            self._held.append((work(*words, **more), told))
            return told

        return later

    def speak(self) -> None:
        """Say what was done; nobody need listen any more."""
        held, self._held = self._held, []
        for done, told in held:
            done.addBoth(told.callback)


class SlowBridge(DurableBridge):
    """A bridge whose store can be slow."""

    def slow(self, *methods: str) -> SlowStore:
        assert self.tree is not None
        store = SlowStore(self.tree._kept, *methods)
        self.tree._kept = store
        self.addCleanup(store.speak)
        return store

    def rows(self) -> list[Any]:
        """What is on record: number, state and key of each turn."""
        assert self.tree is not None
        database = self.tree._kept._runner._database
        query = "SELECT number, state, idempotency_key FROM turn"
        return list(database.execute(query))


class CommitTests(SlowBridge):
    """The end is there, and not yet on record."""

    def test_nobody_sees_the_end_before(self) -> None:
        """Neither as JSON nor as an event."""
        store = self.slow("end")
        streamed, whole = self.stream(input="One?"), self.post(input="Two?")
        for number, socket in enumerate(self.sockets):
            socket.say(created(f"resp_{number}"), completed(f"resp_{number}"))
        self.assertNotIn("response.completed", streamed.kinds)
        self.assertFalse(whole.ended)
        store.speak()
        self.pump()
        self.assertEqual(streamed.kinds[-1], "response.completed")
        self.assertTrue(whole.ended)

    def test_who_joins_now_gets_it_all_once(self) -> None:
        """The events that came with the end, too."""
        store = self.slow("end")
        first = self.stream(headers=KEY)
        self.socket.say(created("resp_1"))
        self.socket.say(delta("A", 1), completed("resp_1", 2))
        second = self.stream(headers=KEY)
        store.speak()
        self.pump()
        self.assertEqual(second.body, first.body)

    def test_who_catches_up_now_gets_it_all_once(self) -> None:
        """A client that was stalled until then."""
        store = self.slow("end")
        first, second = self.stream(headers=KEY), self.stream(headers=KEY)
        self.socket.say(created("resp_1"))
        second.stall()
        for number in range(1, 5):
            self.socket.say(delta("x" * 60_000, number))
        self.socket.say(delta("A", 5), completed("resp_1", 6))
        second.read_on()
        store.speak()
        self.pump()
        self.assertEqual(
            [event["sequence_number"] for _, event in second.events], list(range(7))
        )
        self.assertEqual(second.kinds, first.kinds)

    def test_what_cannot_be_kept_is_not_shown(self) -> None:
        """The client is told so, and the turn does not seem to run for ever."""
        assert self.tree is not None
        answer = self.post()
        end = self.tree._kept.end

        def full(*_: Any) -> Deferred[None]:
            raise StoreFull("database or disk is full")

        self.patch(self.tree._kept, "end", full)
        self.socket.say(created("resp_1"), completed("resp_1"))
        self.assert_error(answer, 507, "insufficient_storage")
        self.patch(self.tree._kept, "end", end)
        self.successResultOf(Deferred.fromCoroutine(self.turns.sweep()))
        self.assertEqual([state for _, state, _ in self.rows()], ["unknown"])


class JournalTests(SlowBridge):
    """The turn is being journalled."""

    settings = DurableBridge.settings | {"continuity__abandon_grace_s": "0"}

    def test_a_client_that_leaves(self) -> None:
        """Nothing goes upstream, nothing seems to run, and the key is free."""
        store = self.slow("journal")
        self.post(headers=KEY).leave()
        store.speak()
        self.pump()
        self.assertEqual(self.rows(), [(1, "cancelled", None)])
        self.assertEqual(self.messages, 0)

    def test_a_client_that_leaves_while_we_dial(self) -> None:
        """The same."""
        self.hangs = True
        self.post(headers=KEY).leave()
        self.assertEqual(self.rows(), [(1, "cancelled", None)])


class MarkTests(SlowBridge):
    """A keyed turn is about to be sent."""

    def asked_slowly(self) -> tuple[SlowStore, Any]:
        self.turn("resp_1", "One?", "1.")
        store = self.slow("mark_sent")
        more = {"previous_response_id": "resp_1", "headers": KEY}
        return store, self.post(input="Two?", **more)

    def test_the_connection_dies(self) -> None:
        """It was not leased yet; another one is."""
        store, answer = self.asked_slowly()
        self.socket.drop()
        store.speak()
        self.pump()
        self.answer("resp_2")
        self.assertEqual((answer.status, self.dials), (200, 2))

    def test_the_daemon_stops(self) -> None:
        """Nothing is sent any more."""
        store, answer = self.asked_slowly()
        self.upstream.stop_leasing()
        self.upstream.break_off(ShuttingDown())
        store.speak()
        self.pump()
        self.assert_error(answer, 503, "shutting_down")
        self.assertEqual(self.messages, 1)


class DeletedMeanwhileTests(SlowBridge):
    """A response is deleted while it is looked up."""

    def test_it_is_not_remembered(self) -> None:
        """Although what continues it keeps its history."""
        assert self.tree is not None
        self.turn("resp_1", "One?", "1.")
        self.turn("resp_2", "Two?", "2.", previous_response_id="resp_1")
        self.tree.forget()
        store = self.slow("find")
        self.post(input="A?", previous_response_id="resp_1")
        self.ask("DELETE", "/v1/responses/resp_1")
        store.speak()
        self.pump()
        store.speak()
        self.pump()
        store._slow = ()
        answer = self.post(input="B?", previous_response_id="resp_1")
        self.assert_error(answer, 400, "previous_response_not_found")


class KeyTests(SlowBridge):
    """What becomes of an idempotency key."""

    def repeated(self) -> int:
        """Ask again; how many messages have gone upstream since the first."""
        self.post(headers=KEY)
        return self.messages

    def test_ends_that_we_put_to_a_turn_that_was_sent(self) -> None:
        """Whether it was carried out is unknown, and it is not sent again."""
        self.post(headers=KEY)
        self.upstream.break_off(ShuttingDown())
        self.pump()
        self.assertEqual(self.repeated(), 1)

    def test_a_malformed_frame(self) -> None:
        """The same."""
        self.post(headers=KEY)
        self.socket.say(b"[]")
        self.assertEqual(self.repeated(), 1)

    def test_a_refusal(self) -> None:
        """Nothing was begun; it may be asked again."""
        self.post(headers=KEY)
        self.socket.say({"type": "error", "status": 429, "error": {"message": "Slow"}})
        self.assertEqual(self.repeated(), 2)

    def test_a_response_that_is_null(self) -> None:
        """No upstream sends that; it is on record as unknown all the same."""
        self.post(headers=KEY)
        self.socket.say({"type": "response.created", "response": None})
        self.socket.drop()
        self.assertEqual(self.rows(), [(1, "unknown", "k")])
        self.assertEqual(self.repeated(), 1)

    def test_a_turn_that_is_not_stored(self) -> None:
        """It is replayed from memory, as JSON and as events."""
        for streaming in (False, True):
            key = {"Idempotency-Key": f"k{streaming}"}
            more: dict[str, Any] = {"headers": key, "store": False}
            first = self.post(stream=streaming, **more)
            self.answer(f"resp_{streaming}")
            again = self.post(stream=streaming, **more)
            self.assertEqual(again.body, first.body)
            other = self.post(headers=key, input="Other?")
            self.assert_error(other, 422, "idempotency_key_reused")
        self.assertEqual(self.messages, 2)

    def test_nothing_of_it_can_be_retrieved(self) -> None:
        """While it runs, or after."""
        answer = self.stream(headers=KEY, store=False)
        self.socket.say(created("resp_1"))
        for method in ("GET", "DELETE"):
            got = self.ask(method, "/v1/responses/resp_1")
            self.assert_error(got, 404, "response_not_found")
        self.socket.say(completed("resp_1", output=[message("1.")]))
        self.assertEqual(answer.kinds[-1], "response.completed")
        self.assertEqual(self.rows(), [])


class StoppingTests(SlowBridge):
    """The daemon stops while the store is at work."""

    def test_it_closes_after_a_sweep(self) -> None:
        """And not in the middle of it."""
        store = self.slow("sweep")
        self.turns.start()
        stopped = Deferred.fromCoroutine(self.turns.stop())
        self.assertNoResult(stopped)
        store.speak()
        self.successResultOf(stopped)
