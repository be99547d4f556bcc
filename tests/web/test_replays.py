"""The stream of a response that has ended, told again to clients of all sorts."""

from __future__ import annotations

import random
import tracemalloc

from twisted.internet.defer import succeed
from zstandard import ZstdError

from chatmockd.turns.registry import OWNER
from chatmockd.web.following import Following
from tests.bridge import Answer, completed, created, delta
from tests.turns.durable import DurableBridge

TEXTS = random.Random(1)
SMALL = 200_000  # bytes; what a client that stalls may leave in our buffers


class _Replays(DurableBridge):
    """One response with a long log."""

    settings = {**DurableBridge.settings, "upstream__idle_timeout_s": "60"}
    key = {"Idempotency-Key": "k"}

    @property
    def following(self) -> Following:
        """Who replays."""
        return self.api._stored._following

    def have(self, *sizes: int) -> None:
        """Have one turn with a delta of each size, and its events in the store."""
        answer = self.stream(headers=self.key)
        self.socket.say(created("resp_1"))
        for number, size in enumerate(sizes, 1):
            # Nothing that packs well: half of it is left.
            text = TEXTS.randbytes(size // 2).hex()
            self.socket.say(delta(text, number))
        self.socket.say(completed("resp_1", len(sizes) + 1))
        self.assertTrue(answer.ended)
        self.whole = answer.body

    def behind(self, after: int) -> bytes:
        """What comes behind the event of this number."""
        events = self.whole.split(b"\n\n")
        return b"\n\n".join(events[after + 1 :])

    def resume(self, after: int | None = None, *, stalled: bool = False) -> Answer:
        query = "" if after is None else f"&starting_after={after}"
        link = self.connect_client()
        link.server_end.stalled = stalled
        path = f"/v1/responses/resp_1?stream=true{query}"
        return self.ask("GET", path, link=link)

    def repeat(self, *, stalled: bool = False) -> Answer:
        link = self.connect_client()
        link.server_end.stalled = stalled
        return self.stream(headers=self.key, link=link)


class SlowReaderTests(_Replays):
    """No client makes the daemon hold a log unpacked."""

    def test_one_that_reads_nothing_costs_little(self) -> None:
        """Asked for by its id or by repetition; it all arrives when it reads on."""
        self.have(*[60_000] * 80)
        for ask in (self.resume, self.repeat):
            answer = ask(stalled=True)
            waiting = answer.link.server_end.waiting()
            self.assertGreater(waiting, 0)
            self.wait(30)
            self.assertEqual(answer.link.server_end.waiting(), waiting)
            self.assertLess(waiting, SMALL)
            answer.read_on()
            self.assertEqual(answer.body, self.whole)
            self.assertTrue(answer.ended)

    def test_nor_does_it_hold_much_elsewhere(self) -> None:
        """Besides the packed log, which is another matter."""
        self.have(*[60_000] * 80)
        assert self.tree is not None
        packed = self.successResultOf(self.tree._kept.events(OWNER, "resp_1"))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        answer = self.resume(stalled=True)
        self.wait(1)
        held, _ = tracemalloc.get_traced_memory()
        self.assertLess(held - len(packed), 500_000)
        answer.read_on()
        self.assertEqual(answer.body, self.whole)

    def test_it_reads_and_stalls_again_and_again(self) -> None:
        """Nothing is lost, and nothing told ahead of it."""
        self.have(*[60_000] * 20)
        answer = self.resume(stalled=True)
        while answer.link.server_end.waiting() > 20_000:
            answer.link.server_end.trickle(20_000)
            self.assertFalse(answer.ended)
            self.assertLess(answer.link.server_end.waiting(), SMALL)
            self.wait(20)
        answer.read_on()
        self.assertEqual(answer.body, self.whole)
        self.assertTrue(answer.ended)

    def test_from_the_middle_of_a_long_log(self) -> None:
        """Wherever it was dropped."""
        self.have(*[60_000] * 20)
        for after in (0, 7, 19, 20, 21, 1_000):
            answer = self.resume(after, stalled=True)
            self.assertLess(answer.link.server_end.waiting(), SMALL)
            answer.read_on()
            self.assertEqual(answer.body, self.behind(after))
            self.assertEqual((answer.status, answer.ended), (200, True))

    def test_an_event_larger_than_all_limits(self) -> None:
        """It is one event for the client alone."""
        self.have(10, 5_000_000, 10)
        for after in (-1, 0, 1, 2):
            answer = self.resume(after if after >= 0 else None, stalled=True)
            self.assertLess(answer.link.server_end.waiting(), SMALL)
            answer.read_on()
            self.assertEqual(answer.body, self.behind(after))
            self.assertTrue(answer.ended)

    def test_one_that_never_reads_is_given_up(self) -> None:
        """Like everybody who holds a connection for nothing."""
        self.have(*[60_000] * 20)
        answer = self.resume(stalled=True)
        self.wait(59)
        self.assertFalse(answer.link.cut)
        self.wait(3)
        self.assertTrue(answer.link.cut)
        self.successResultOf(self.api.when_idle())

    def test_a_short_log_is_one_write(self) -> None:
        """With the head before it and the end behind it."""
        self.have(100, 100)
        for after in (None, 0, 2):
            link = self.connect_client()
            writes: list[bytes] = []
            self.patch(link.server_end, "write", writes.append)
            path = "/v1/responses/resp_1?stream=true"
            query = "" if after is None else f"&starting_after={after}"
            self.ask("GET", path + query, link=link)
            (written,) = writes
            self.assertTrue(written.startswith(b"HTTP/1.1 200 OK\r\n"))
            self.assertIn(b"response.completed", written)
            self.assertTrue(written.endswith(b"\r\n0\r\n\r\n"))

    def test_the_connection_serves_on(self) -> None:
        """The next request on it is answered as if nothing had been."""
        self.have(*[60_000] * 20)
        answer = self.resume(stalled=True)
        answer.read_on()
        again = self.ask("GET", "/v1/responses/resp_1", link=answer.link)
        self.assertEqual((again.status, again.json["id"]), (200, "resp_1"))


class LeavingReaderTests(_Replays):
    """Clients that do not wait for the end."""

    def setUp(self) -> None:
        super().setUp()
        self.have(*[60_000] * 20)
        self.wait(1)
        self.timers = self.clock.getDelayedCalls()

    def assert_nothing_left(self) -> None:
        """Nobody is waited for, and nothing remains to be done for him."""
        self.successResultOf(self.api.when_idle())
        self.assertEqual(self.following._replays, set())
        self.pump()
        self.assertEqual(len(self.clock.getDelayedCalls()), len(self.timers))

    def test_one_that_stalls_and_leaves(self) -> None:
        """However it asked."""
        for ask in (self.resume, self.repeat):
            answer = ask(stalled=True)
            self.assertNoResult(self.api.when_idle())
            answer.leave()
            self.assert_nothing_left()

    def test_one_that_leaves_in_the_middle(self) -> None:
        """Nothing is written to it later."""
        answer = self.resume(stalled=True)
        answer.link.server_end.trickle(20_000)
        got = answer.body
        answer.leave()
        answer.read_on()
        self.assertEqual(answer.body, got)
        self.assert_nothing_left()

    def test_one_that_leaves_during_the_search(self) -> None:
        """Before a word was said to it."""
        link = self.connect_client()
        link.client_end.write(
            b"GET /v1/responses/resp_1?stream=true&starting_after=15 HTTP/1.1\r\n"
            b"Host: 127.0.0.1:8000\r\n\r\n"
        )
        while link.pump():
            """No turn of the reactor, only bytes."""
        self.assertEqual(len(self.following._replays), 1)
        self.assertEqual(link.server_end.waiting(), 0)
        link.break_()
        self.assert_nothing_left()

    def test_one_that_has_got_it_all(self) -> None:
        """Its connection stays, and nothing else."""
        answer = self.resume()
        self.assertEqual(answer.body, self.whole)
        answer.leave()
        self.assert_nothing_left()

    def test_the_response_is_deleted_meanwhile(self) -> None:
        """Whoever has begun to read may read on."""
        answer = self.resume(stalled=True)
        self.assertEqual(self.ask("DELETE", "/v1/responses/resp_1").status, 200)
        answer.read_on()
        self.assertEqual(answer.body, self.whole)


class DamagedLogTests(_Replays):
    """A log that cannot be read is our failure, and no end."""

    def damage(self, *, whole: bool) -> None:
        """Put what is no frame behind all of it, or in its place."""
        assert self.tree is not None
        store = self.tree._kept
        packed = self.successResultOf(store.events(OWNER, "resp_1"))
        damaged = (packed if whole else b"") + b"no frame"
        self.patch(store, "events", lambda *_: succeed(damaged))

    def assert_logged(self) -> None:
        (failure,) = self.flushLoggedErrors(ZstdError)
        self.assertIn("zstd", str(failure.value))

    def test_from_its_beginning(self) -> None:
        """A status says so."""
        self.have(100)
        self.damage(whole=False)
        self.assert_error(self.resume(), 500, "internal_error")
        self.assert_logged()

    def test_in_the_middle(self) -> None:
        """The client can tell what it got from the whole."""
        self.have(*[60_000] * 10)
        self.damage(whole=True)
        answer = self.resume()
        self.assertEqual((answer.status, answer.ended), (200, False))
        self.assertTrue(answer.broken)
        self.assertTrue(self.whole.startswith(answer.body))
        self.assert_logged()
