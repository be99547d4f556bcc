"""C{kill -9} at moments that nobody chose, with several turns under way."""

from __future__ import annotations

import random
import shutil
import signal
from typing import Any

from tests.end_to_end.client import ask, text_of
from tests.end_to_end.keyed import Keyed, answer_to
from tests.end_to_end.lasting import ANSWERED, asking, check, start_on, store_of
from tests.end_to_end.place import Daemon, PlacedTests, wait_for
from tests.end_to_end.recording import (
    Dispatch,
    RecordingUpstream,
    answered,
    digest,
    said,
)


class AnyMomentTests(PlacedTests):
    """Several streams run, and one of them has come to a certain point."""

    STREAMS = 6
    PIECES = 60  # of the longest answer

    def words(self, dispatch: Dispatch) -> list[str]:
        """Answers of different lengths, so that some of them may have ended."""
        number = int(dispatch.text.rpartition(" ")[2])
        return [f"{piece} " for piece in range(self.PIECES * (number + 1) // 6)]

    def test_at_any_moment(self) -> None:
        """No conversation is lost, no request runs twice, and the store is whole."""
        upstream = self.enterContext(RecordingUpstream())
        daemon = start_on(upstream, self.place)
        base = ask(daemon.port, asking("Begin with 0"))
        spoken = [said("Begin with 0"), answered(text_of(base))]
        upstream.words, upstream.pace = self.words, 0.002
        for life in range(5):
            seen = random.randrange(1, self.PIECES * 100)  # bytes, of the longest one
            with self.subTest(life=life, seen=seen):
                requests = {
                    f"key {life} {number}": asking(
                        f"Life {life}, stream {number}",
                        previous_response_id=base["id"],
                        stream=True,
                    )
                    for number in range(self.STREAMS)
                }
                cut = self.kill(daemon, requests, upstream, seen)
                daemon = start_on(upstream, self.place)
                for key, body in requests.items():
                    self.assert_done_once(daemon, upstream, cut[key], body, key)
                text = f"Life {life} after 0"
                base = ask(daemon.port, asking(text, previous_response_id=base["id"]))
                (dispatch,) = upstream.asked(text)
                spoken.append(said(text))
                self.assertEqual(digest(dispatch.transcript), digest(spoken))
                spoken.append(answered(text_of(base)))
        daemon.send(signal.SIGTERM)
        self.assertEqual(daemon.exit_status(), 0)
        self.assertEqual(check(store_of(self.place)), "ok")

    def kill(
        self,
        daemon: Daemon,
        requests: dict[str, dict[str, Any]],
        upstream: RecordingUpstream,
        seen: int,
    ) -> dict[str, Keyed]:
        """Kill the daemon when the last of the clients has read so much."""
        before = len(upstream.dispatches)
        asked = {
            key: self.enterContext(Keyed(daemon.port, body, key))
            for key, body in requests.items()
        }
        wait_for(
            "all to run", lambda: len(upstream.dispatches) == before + len(requests)
        )
        *_, longest = asked.values()
        while len(longest.body) < seen and longest.read_some():
            pass
        daemon.popen.kill()
        self.assertEqual(daemon.exit_status(), -signal.SIGKILL)
        left = self.place.folder / f"left-{before}"
        shutil.copytree(store_of(self.place).parent, left)
        self.assertEqual(check(left / "turns.sqlite"), "ok")
        return {key: each.read() for key, each in asked.items()}

    def assert_done_once(
        self,
        daemon: Daemon,
        upstream: RecordingUpstream,
        cut: Keyed,
        body: dict[str, Any],
        key: str,
    ) -> None:
        """Ended and replayed, or not known to have ended; asked once in any case."""
        answer = answer_to(daemon.port, body, key)
        if answer.status == 200:
            self.assertTrue(answer.body.startswith(cut.body))
            self.assertIn(ANSWERED, answer.body)
        else:
            self.assertEqual(answer.code, "idempotency_outcome_unknown")
            self.assertNotIn(ANSWERED, cut.body)
        self.assertEqual(len(upstream.asked(body["input"][0]["content"][0]["text"])), 1)
