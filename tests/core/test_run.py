"""Which frames pass without being scanned, and what becomes of them."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.run import LARGE, Kind
from chatmockd.errors import MalformedFrame

DELTA = "response.output_text.delta"


def frame(text: str = "a", number: int = 1, kind: str = DELTA) -> bytes:
    """As both upstreams write it."""
    event = {"type": kind, "delta": text, "sequence_number": number}
    return json.dumps(event, separators=(",", ":")).encode()


class RunTests(SynchronousTestCase):
    """Where a run ends."""

    def test_frames_of_one_look_are_one_run(self) -> None:
        """From wherever it is looked for."""
        frames = [frame("a", 1), frame("b", 2), frame("c", 3)]
        self.assertEqual(Kind.of(DELTA).run_end(frames, 0), 3)
        self.assertEqual(Kind.of(DELTA).run_end(frames, 2), 3)

    def test_the_number_may_stand_behind_the_type(self) -> None:
        """Both orders have been recorded."""
        frames = [
            b'{"type":"%b","sequence_number":%d,"delta":"%b"}'
            % (DELTA.encode(), number, b"x" * 100)
            for number in (9, 10, 100_000)
        ]
        self.assertEqual(Kind.of(DELTA).run_end(frames, 0), 3)

    def test_what_looks_different_ends_it(self) -> None:
        """Another kind, another way of writing, a part of a frame, no number."""
        for odd in (
            frame(kind="response.output_text.done"),
            frame(kind=f"{DELTA}.more"),
            json.dumps({"type": DELTA, "sequence_number": 1}).encode(),
            b'{"delta":"a","type":"%b","sequence_number":1}' % DELTA.encode(),
            b'{"type":"%b","delta":"' % DELTA.encode(),
            b'{"type":"%b","delta":"a"}' % DELTA.encode(),
            b'{"type":"%b","a":1,"sequence_number":1,"delta":"b"}' % DELTA.encode(),
            b'{"type":"%b","sequence_number":null}' % DELTA.encode(),
            b'{"type":"%b","x":{"sequence_number":1}}' % DELTA.encode(),
            b'{"type":"%b","sequence_number":1,"delta":"b' % DELTA.encode(),
            frame("x" * LARGE),
            b"",
        ):
            self.assertEqual(Kind.of(DELTA).run_end([frame(), odd, frame()], 0), 1)

    def test_its_events_are_framed_each(self) -> None:
        """As if they had come alone."""
        kind = Kind.of(DELTA)
        run = [frame("a", 1), frame("b", 2)]
        self.assertEqual(kind.to_sse(run), kind.to_sse(run[:1]) + kind.to_sse(run[1:]))
        self.assertEqual(
            kind.to_sse(run[:1]), b"event: %b\ndata: %b\n\n" % (DELTA.encode(), run[0])
        )

    def test_line_breaks_inside_frames_are_taken_out(self) -> None:
        """They would end the data line; the JSON stays the same."""
        for broken in (b'{"type":"x",\n"sequence_number":1}', b'{"type":"x",\r"a":1}'):
            events = Kind.of("x").to_sse([broken, broken])
            self.assertEqual(events.count(b"\n"), 6)
            self.assertNotIn(b"\r", events)
            data = events.split(b"\n")[1].removeprefix(b"data: ")
            self.assertEqual(json.loads(data), json.loads(broken))

    def test_a_kind_that_is_no_name_is_refused(self) -> None:
        """It could end its line."""
        for kind in ("", "a b", "a\nb", "ä", '"', "a:b"):
            with self.assertRaises(MalformedFrame):
                Kind.of(kind)
