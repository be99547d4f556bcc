"""Text that is cut between two escapes which belong together."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.outcome import Completed, Failed
from chatmockd.core.shown import Shown
from chatmockd.core.turn import Turn
from chatmockd.errors import MalformedFrame
from tests.core.cases import case
from tests.core.events import created


class HalfAnEmojiTests(SynchronousTestCase):
    """Text that is cut between two escapes which belong together."""

    def test_it_passes_as_it_came(self) -> None:
        """Clients put the halves together."""
        turn = Turn(streaming=True)
        halves = [
            b'{"type":"x.delta","delta":"\\ud83d","sequence_number":1}',
            b'{"type":"x.delta","delta":"\\ude42","sequence_number":2}',
        ]
        created = b'{"type":"response.created","sequence_number":0}'
        written = b"".join(turn.receive([created, *halves]))
        self.assertIsNone(turn.outcome)
        for half in halves:
            self.assertIn(half, written)

    def test_where_the_answer_depends_on_it(self) -> None:
        """An item that cannot be read is not left out of the answer."""
        item = {"type": "message", "text": "\ud83d"}
        fields = {"type": "response.output_item.done", "item": item}
        turn = Turn(streaming=False)
        frame = json.dumps({**fields, "sequence_number": 1}).encode()
        turn.receive([created(), frame])
        self.assertIsInstance(turn.outcome, Failed)

    def test_without_a_number(self) -> None:
        """It cannot be given one, and that is no mistake of ours."""
        for kind in ("x.delta", "response.completed"):
            turn = Turn(streaming=True)
            turn.receive(
                [created(), b'{"type":"%b","delta":"\\ud83d"}' % kind.encode()]
            )
            assert isinstance(turn.outcome, Failed)
            self.assertIsInstance(turn.outcome.error, MalformedFrame)

    def test_whole_emojis_beside_an_odd_number(self) -> None:
        """What the frame carries is still there."""
        response = {"id": "resp_\U0001f642", "output": [{"type": "message"}]}
        fields = {"sequence_number": "1", "response": response}
        frames = [
            json.dumps({"type": f"response.{kind}", **fields}).encode()
            for kind in ("created", "completed")
        ]
        for shown in (None, Shown("resp_0", "resp_1")):
            with case(shown=shown):
                turn = Turn(streaming=False, shown=shown)
                turn.receive(frames)
                assert isinstance(turn.outcome, Completed), turn.outcome
                self.assertEqual(turn.outcome.response_id, response["id"])
                said = json.loads(turn.outcome.response)
                self.assertEqual(said["output"], response["output"])

    def test_other_mistakes_are_still_mistakes(self) -> None:
        """One such escape excuses nothing else."""
        for bad in (
            b'{"type":"x","delta":"\\ud83d",}',
            b'{"type":"x","delta":"\\ud83d","n":NaN}',
            b'{"type":1,"delta":"\\ud83d"}',
            b'["\\ud83d"]',
        ):
            turn = Turn(streaming=True)
            turn.receive([bad])
            self.assertIsInstance(turn.outcome, Failed, bad)
