"""Event streams, however they arrive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.sse import EventStream
from chatmockd.errors import MalformedFrame
from tests.core.cases import case


def read(data: bytes, *cuts: int, most: int = 1000) -> list[bytes]:
    """The events in C{data}, fed in the pieces between C{cuts}."""
    stream = EventStream(most)
    places = [0, *sorted(cuts), len(data)]
    found: list[bytes] = []
    for start, end in zip(places, places[1:], strict=False):
        found += stream.feed(data[start:end])
    return found


_LINES = st.sampled_from(
    [b"data: {}", b"data:x", b"data", b"data:  two", b": comment", b"event: a", b""]
    + [
        b"id: 1",
        b"retry: 5",
        b"data: [DONE]",
        "data: \u00fc\u2028".encode(),
        b"nothing",
    ]
)
_ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])


class EventStreamTests(SynchronousTestCase):
    """What is an event, and what is not."""

    def test_the_rules_of_the_standard(self) -> None:
        """Line ends, comments, fields without a value, data in several lines."""
        for data, events in (
            (b"data: a\n\n", [b"a"]),
            (b"event: x\ndata: a\n\n", [b"a"]),
            (b"data:a\ndata: b\n\n", [b"a\nb"]),
            (b"data:  a\n\n", [b" a"]),
            (b"data\n\n", [b""]),
            (b"data: a\r\rdata: b\r\n\r\n", [b"a", b"b"]),
            (b": hello\n\ndata: a\n: x\n\n", [b"a"]),
            (b"event: x\n\nid: 1\n\n", []),
            (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
            (b"data: a\n\ndata: cut off\n", [b"a"]),
            (b"database: a\n\n", []),
            (b"data: [DONE]\n\n", []),
            (b"\n\n\ndata: a\n\n\n\n", [b"a"]),
        ):
            with case(data=data):
                self.assertEqual(read(data), events)

    @given(st.lists(st.tuples(_LINES, _ENDS), max_size=12), st.data())
    def test_any_cutting_gives_the_same(
        self, lines: list[tuple[bytes, bytes]], choice: st.DataObject
    ) -> None:
        """Reads end anywhere, also inside a line end."""
        data = b"".join(line + end for line, end in lines)
        cuts = choice.draw(st.lists(st.integers(0, len(data)), max_size=8))
        self.assertEqual(read(data, *cuts), read(data))
        self.assertEqual(read(data, *range(len(data))), read(data))

    def test_one_event_has_a_limit(self) -> None:
        """In one read or many, in one line or many; events together have none."""
        for line in (b"data: " + b"x" * 40 + b"\n", b"data: xxxx\n" * 10, b"x" * 40):
            for cuts in ((), range(0, len(line), 3)):
                with case(line=line, cuts=cuts):
                    with self.assertRaises(MalformedFrame):
                        read(line, *cuts, most=30)
        self.assertEqual(len(read(b"data: xxxxxxxx\n\n" * 100, most=30)), 100)
        self.assertEqual(
            len(read(b"data: xxxxxxxx\n\n" * 100, *range(0, 1500, 7), most=30)), 100
        )

    def test_it_is_utf_8(self) -> None:
        """Also where a character is cut in two."""
        data = "data: \u00fc\n\n".encode()
        self.assertEqual(read(data, 7), ["\u00fc".encode()])
        with self.assertRaises(MalformedFrame):
            read(b"data: \xff\n\n")
