"""The bytes of a frame, held against the standard library's C{json}."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.frame import head_of, one_line, sse_prefix, to_sse
from chatmockd.errors import MalformedFrame
from tests.core.cases import case
from tests.core.json_values import values

names = st.text(alphabet="abcXYZ019._-", min_size=1, max_size=30).filter(
    lambda name: name.strip("._-") != ""
)


@st.composite
def events(draw: st.DrawFn, kinds: st.SearchStrategy[str] = names) -> dict[str, Any]:
    """An event with any other members, in any order."""
    event: dict[str, Any] = draw(
        st.dictionaries(
            st.text(max_size=8)
            | st.sampled_from(["response", "delta", "typ", "types"]),
            values,
            max_size=5,
        )
    )
    event["type"] = draw(kinds)
    numbers = st.none() | st.integers(-(2**70), 2**70)
    if draw(st.booleans()):
        event["sequence_number"] = draw(numbers)
    else:
        event.pop("sequence_number", None)
    order = draw(st.permutations(list(event)))
    return {name: event[name] for name in order}


@st.composite
def written(draw: st.DrawFn, kinds: st.SearchStrategy[str] = names) -> bytes:
    """An event as JSON, in any of the ways that JSON may be written."""
    text = json.dumps(
        draw(events(kinds)),
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, None, 0, 2, "\t"])),
        separators=draw(st.sampled_from([None, (",", ":"), (" , ", "\r\n: ")])),
    )
    blank = st.sampled_from(["", " ", "\n", "\r\n", "\t"])
    return (draw(blank) + text + draw(blank)).encode()


class HeadOfTests(SynchronousTestCase):
    """What a frame says it is."""

    @given(written(st.text()))
    @settings(max_examples=200, deadline=None)
    def test_any_event(self, text: bytes) -> None:
        """Kind and number are what the standard library reads, wherever they stand."""
        said = json.loads(text)
        head = head_of(text)
        self.assertEqual(head.type, said["type"])
        self.assertEqual(head.sequence_number, said.get("sequence_number"))

    def test_escapes_in_the_kind(self) -> None:
        """A kind that is written with escapes is the same kind."""
        text = b'{"\\u0074ype":"response\\u002ecreated","sequence\\u005fnumber":3}'
        head = head_of(text)
        self.assertEqual((head.type, head.sequence_number), ("response.created", 3))

    def test_the_kind_inside_the_response_is_not_the_kind(self) -> None:
        """Only the outermost members count."""
        text = b'{"item":{"type":"message","sequence_number":9},"type":"a"}'
        head = head_of(text)
        self.assertEqual((head.type, head.sequence_number), ("a", None))

    def test_malformed(self) -> None:
        """What is not one JSON object with a kind is refused, whatever it is."""
        for text in (
            b"",
            b" ",
            b"[DONE]",
            b"null",
            b"[]",
            b'"response.created"',
            b"17",
            b"{}",
            b"{",
            b'{"type":"a"',
            b'{"type":"a"}}',
            b'{"type":"a"} {"type":"b"}',
            b'{"type":"a",}',
            b"{'type':'a'}",
            b"{type:1}",
            b'{"type":null}',
            b'{"type":1}',
            b'{"type":["a"]}',
            b'{"Type":"a"}',
            b'{"type":"a","sequence_number":"1"}',
            b'{"type":"a","sequence_number":1.5}',
            b'{"type":"a","sequence_number":true}',
            b'{"type":"a","x":NaN}',
            b'{"type":"a","x":-Infinity}',
            b'{"type":"a","x":01}',
            b'{"type":"a","x":"\n"}',
            b'{"type":"a","x":"\x00"}',
            b'{"type":"a","x":"\\x"}',
            b'\xef\xbb\xbf{"type":"a"}',
            b'{"type":"\xff"}',
            b'{"type":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b'{"type":"a","x":' + b'{"x":' * 100_000,
        ):
            with case(text=text[:60]):
                self.assertRaises(MalformedFrame, head_of, text)

    @given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
    @settings(max_examples=100, deadline=None)
    def test_any_bytes(self, text: bytes) -> None:
        """Nothing but a head or a refusal ever comes of a frame."""
        try:
            head = head_of(text)
        except MalformedFrame as problem:
            self.assertEqual(problem.status, 502)
        else:
            self.assertIsInstance(head.type, str)


class ToSseTests(SynchronousTestCase):
    """How a frame looks in an event stream."""

    def test_as_openai_frames_it(self) -> None:
        """The kind, one data line, a blank line; line feeds only, no id."""
        text = b'{"type":"response.created","sequence_number":0}'
        self.assertEqual(
            to_sse("response.created", text),
            b"event: response.created\n"
            b'data: {"type":"response.created","sequence_number":0}\n\n',
        )

    @given(written())
    @settings(max_examples=150, deadline=None)
    def test_any_event_survives(self, text: bytes) -> None:
        """A client reads exactly what was sent, pretty-printed or not."""
        kind = head_of(text).type
        first, data, *rest = to_sse(kind, text).split(b"\n")
        self.assertEqual(first, b"event: " + kind.encode())
        self.assertEqual(rest, [b"", b""])
        self.assertNotIn(b"\r", data)
        self.assertEqual(json.loads(data.removeprefix(b"data: ")), json.loads(text))

    def test_one_line_leaves_one_line_alone(self) -> None:
        """What has no line breaks is not even copied."""
        text = b'{"delta":"a\\nb"}'
        self.assertIs(one_line(text), text)

    def test_line_breaks_between_tokens(self) -> None:
        """Pretty-printed JSON becomes one line of the same JSON."""
        self.assertEqual(one_line(b'{\r\n "a": 1\n}'), b'{   "a": 1 }')

    def test_hostile_kinds(self) -> None:
        """No kind can write lines of its own into a stream."""
        for kind in (
            "",
            "a b",
            "a\nb",
            "a\r\nid: 1",
            "a\n\ndata: {}",
            "a\x00",
            "a:b",
            "a\u2028b",
            "é",
            "\u0663",
            "...",
            "-",
            "_",
            "a\t",
        ):
            with case(kind=kind):
                self.assertRaises(MalformedFrame, to_sse, kind, b"{}")

    def test_known_and_new_kinds(self) -> None:
        """A kind that nobody has heard of passes, as long as it is a name."""
        long = "x" * 10_000
        for kind in (
            "error",
            "response.mcp_call.failed",
            "x-y.z_9",
            "response.9",
            long,
        ):
            with case(kind=kind):
                prefix = b"event: " + kind.encode() + b"\ndata: "
                self.assertEqual(sse_prefix(kind), prefix)
                self.assertEqual(sse_prefix(kind), prefix)
