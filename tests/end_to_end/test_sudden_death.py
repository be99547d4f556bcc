"""C{kill -9} at each point of a turn: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any, ClassVar

from tests.end_to_end.client import ask, events_in, is_healthy, text_of
from tests.end_to_end.keyed import Keyed, answer_to
from tests.end_to_end.lasting import asking, check, start_on, store_of, stored
from tests.end_to_end.place import Daemon, Place, PlacedTests, wait_for
from tests.end_to_end.recording import RecordingUpstream, answered, digest, said

KEY = "a-key-of-mine"


class _DeathTests(PlacedTests):
    """
    A turn ended in an earlier run of the daemon; in the middle of the next one it dies.

    All tests begin with a copy of what that earlier run left behind.
    """

    streaming: ClassVar[bool]
    upstream: ClassVar[RecordingUpstream]
    before: ClassVar[Path]
    earlier: ClassVar[dict[str, Any]]
    transcript: ClassVar[list[dict[str, Any]]]

    @classmethod
    def setUpClass(cls) -> None:
        place = cls.enterClassContext(Place())
        cls.upstream = cls.enterClassContext(RecordingUpstream())
        daemon = start_on(cls.upstream, place)
        cls.earlier = ask(daemon.port, asking("It began here."))
        daemon.send(signal.SIGTERM)
        assert daemon.exit_status() == 0
        cls.transcript = [said("It began here."), answered(text_of(cls.earlier))]
        cls.before = store_of(place).parent

    def setUp(self) -> None:
        super().setUp()
        shutil.copytree(self.before, store_of(self.place).parent)
        self.question = f"{self.id()}?"

    def ask(self, daemon: Daemon, key: str = KEY) -> Keyed:
        """The same request each time, for all but its key."""
        body = asking(
            self.question,
            previous_response_id=self.earlier["id"],
            stream=self.streaming,
        )
        return answer_to(daemon.port, body, key)

    def die(self, point: str) -> tuple[Keyed, Daemon]:
        """
        Have a daemon die there in a follow-up.

        @return: What its client got, and the daemon after it.
        """
        daemon = start_on(self.upstream, self.place, dies_at=point)
        # So that the first events do not come together with the last one.
        self.upstream.finishes = point != "mid-stream"
        cut = self.ask(daemon)
        self.assertEqual(daemon.exit_status(), -signal.SIGKILL)
        self.upstream.finishes = True
        # It has read what it was sent, then.
        wait_for("the upstream to notice", lambda: not self.upstream.open)
        left = self.place.folder / "left"
        shutil.copytree(store_of(self.place).parent, left)
        self.assertEqual(check(left / "turns.sqlite"), "ok")
        following = start_on(self.upstream, self.place)
        self.assertTrue(is_healthy(following.port))
        return cut, following

    def answered_by(self, answer: Keyed) -> dict[str, Any]:
        """The response object in a whole and good answer."""
        self.assertEqual(answer.status, 200, answer.body)
        self.assertTrue(answer.whole, answer.body)
        if not self.streaming:
            response: dict[str, Any] = json.loads(answer.body)
            return response
        events = events_in(answer.body)
        self.assertEqual(events[-1]["type"], "response.completed")
        response = events[-1]["response"]
        return response

    def assert_dispatched(self, times: int) -> None:
        """The upstream was asked so often, and knew the whole story each time."""
        dispatches = self.upstream.asked(self.question)
        self.assertEqual(len(dispatches), times)
        whole = digest([*self.transcript, said(self.question)])
        for dispatch in dispatches:
            self.assertEqual(digest(dispatch.transcript), whole)

    def assert_continues(self, daemon: Daemon) -> None:
        """What was there before is there still, and can be followed up on."""
        self.assertEqual(stored(daemon, self.earlier["id"]), self.earlier)
        text = f"And then, {self.id()}?"
        ask(daemon.port, asking(text, previous_response_id=self.earlier["id"]))
        (dispatch,) = self.upstream.asked(text)
        self.assertEqual(
            digest(dispatch.transcript), digest([*self.transcript, said(text)])
        )
        daemon.send(signal.SIGTERM)
        self.assertEqual(daemon.exit_status(), 0)
        self.assertEqual(check(store_of(self.place)), "ok")

    def assert_runs_now(self, point: str) -> None:
        """It is as if it had never been asked: the same request is carried out."""
        cut, daemon = self.die(point)
        self.assertIsNone(cut.status)
        self.assert_dispatched(0)
        answer = self.ask(daemon)
        self.answered_by(answer)
        self.assert_dispatched(1)
        self.assertEqual(self.ask(daemon).body, answer.body)
        self.assert_dispatched(1)
        self.assert_continues(daemon)

    def assert_not_known(self, point: str) -> None:
        """It may have been done, so that it is not done again for the same key."""
        cut, daemon = self.die(point)
        self.assertFalse(cut.whole)
        for _ in range(2):
            answer = self.ask(daemon)
            self.assertEqual(answer.status, 409, answer.body)
            self.assertEqual(answer.code, "idempotency_outcome_unknown")
            self.assertEqual(answer.headers["x-should-retry"], "false")
        before = len(self.upstream.asked(self.question))
        self.assertLessEqual(before, 1)
        # Another key is another request.
        self.answered_by(self.ask(daemon, "another-key-of-mine"))
        self.assert_dispatched(before + 1)
        self.assert_continues(daemon)

    def assert_replayed(self, point: str) -> None:
        """It is done, and told again as often as one likes."""
        cut, daemon = self.die(point)
        self.assert_dispatched(1)
        answer = self.ask(daemon)
        response = self.answered_by(answer)
        self.assertTrue(answer.body.startswith(cut.body), (cut.body, answer.body))
        self.assertEqual(self.ask(daemon).body, answer.body)
        self.assertEqual(stored(daemon, response["id"]), response)
        self.assert_dispatched(1)
        self.assert_continues(daemon)


class JsonTests(_DeathTests):
    """The client waits for JSON."""

    streaming = False

    def test_before_the_journal(self) -> None:
        """Before it is journalled: as if it had never been sent."""
        self.assert_runs_now("before journal")

    def test_journalled(self) -> None:
        """Journalled, and nothing sent: it is carried out when it is asked again."""
        self.assert_runs_now("journalled")

    def test_sent(self) -> None:
        """Sent, and no event came: the outcome is unknown."""
        self.assert_not_known("sent")

    def test_in_the_middle(self) -> None:
        """After the first events: the outcome is unknown."""
        self.assert_not_known("mid-stream")

    def test_before_the_commit(self) -> None:
        """The upstream has ended it, and that is not on record: as in the middle."""
        self.assert_not_known("before commit")

    def test_committed(self) -> None:
        """On record, and the client has not seen the end: replayed."""
        self.assert_replayed("committed")

    def test_written(self) -> None:
        """The end has gone to the client: replayed all the same."""
        self.assert_replayed("written")


class StreamTests(JsonTests):
    """The client streams."""

    streaming = True
