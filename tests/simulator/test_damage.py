"""Faults laid over events, without a connection."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.damage import Close, Drop, Hang, Refuse, Send, damaged
from chatmockd.simulator.faults import MALFORMED, Faults
from chatmockd.simulator.snapshot import Snapshot, usage_of

_SNAPSHOT = Snapshot({"model": "m"}, "resp_1", 100, dated=True, stored=True)
_EVENTS: list[dict[str, Any]] = [
    {"type": "response.created", "response": _SNAPSHOT.running()},
    {"type": "response.output_item.done", "item": {}, "output_index": 0},
    {
        "type": "response.completed",
        "response": _SNAPSHOT.finished(
            [{"type": "message"}], usage_of(3, 1, 2, 0), 101
        ),
    },
]


def _played(**faults: Any) -> list[Any]:
    return list(damaged(_EVENTS, Faults(**faults), _SNAPSHOT, 100))


class DamagedTests(SynchronousTestCase):
    """One fault after the other."""

    def test_none(self) -> None:
        """Without faults the events come as they are."""
        self.assertEqual(_played(), _EVENTS)

    def test_ends(self) -> None:
        """A fault that ends the turn is the last thing."""
        for faults, kind in (
            ({"close": 1011}, Close),
            ({"drop": True}, Drop),
            ({"silent": True}, Hang),
            ({"error": "x"}, Refuse),
        ):
            for after in (0, 1, 2):
                with self.subTest(after=after, **faults):
                    played = _played(after=after, **faults)
                    self.assertEqual(played[:-1], _EVENTS[:after])
                    self.assertIsInstance(played[-1], kind)

    def test_behind_the_last(self) -> None:
        """Where the turn has fewer events, the fault strikes behind them."""
        for after in (3, 99):
            played = _played(after=after, close=1012, reason="bye")
            self.assertEqual(played, [*_EVENTS, Close(1012, "bye")])

    def test_failed(self) -> None:
        """C{response.failed} takes the place of what would follow."""
        played = _played(after=1, failed="rate_limit_exceeded")
        self.assertEqual(len(played), 2)
        self.assertEqual(played[1]["type"], "response.failed")
        error = played[1]["response"]["error"]
        self.assertEqual(error["code"], "rate_limit_exceeded")
        self.assertIn("try again in", error["message"])

    def test_error_then_close(self) -> None:
        """Two that follow from each other."""
        played = _played(after=1, error="server_error", close=1011)
        self.assertEqual([type(each) for each in played[1:]], [Refuse, Close])

    def test_unusable_messages(self) -> None:
        """They come in between, and the turn goes on."""
        for name in MALFORMED:
            played = _played(after=1, malformed=name)
            self.assertEqual([played[0], *played[2:]], _EVENTS)
            self.assertIsInstance(played[1], Send)
        broken = _played(malformed="json")[0].payload
        self.assertRaises(msgspec.DecodeError, msgspec.json.decode, broken)
        self.assertTrue(_played(after=1, binary=True)[1].binary)

    def test_output(self) -> None:
        """The terminal event without its output, in three ways."""
        for output, expected in (("empty", []), ("null", None), ("absent", "absent")):
            response = _played(output=output)[-1]["response"]
            self.assertEqual(response.get("output", "absent"), expected)

    def test_withheld(self) -> None:
        """What is left out is nowhere."""
        for event in _played(without=frozenset({"id"})):
            self.assertNotIn("id", event.get("response", {}))
        usage = _played(without=frozenset({"usage_details"}))[-1]["response"]["usage"]
        self.assertEqual(
            usage, {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
        )
        response = _played(without=frozenset({"usage"}))[-1]["response"]
        self.assertNotIn("usage", response)
        failed = _played(failed="x", without=frozenset({"id"}))[-1]["response"]
        self.assertNotIn("id", failed)

    def test_the_events_themselves_stay_whole(self) -> None:
        """What is sent is changed, not what is remembered."""
        _played(output="absent", without=frozenset({"id", "usage"}))
        self.assertIn("output", _EVENTS[-1]["response"])
        self.assertIn("usage", _EVENTS[-1]["response"])

    def test_terminal_only(self) -> None:
        """Only the last event is sent."""
        self.assertEqual(_played(terminal_only=True), _EVENTS[-1:])

    def test_trailing(self) -> None:
        """Frames of the same response behind its end."""
        played = _played(trailing=2)
        self.assertEqual(played[:3], _EVENTS)
        self.assertEqual(
            [each["delta"] for each in played[3:]], ["too late 0", "too late 1"]
        )

    def test_keepalive(self) -> None:
        """Between events, with numbers of its own, never behind the end."""
        numbers = [
            each["sequence_number"]
            for each in _played(keepalive=1)
            if each["type"] == "keepalive"
        ]
        self.assertEqual(numbers, [0, 1])
