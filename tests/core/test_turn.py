"""What a client sees of a turn while it runs."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core import run as runs
from chatmockd.core.outcome import Completed, Failed
from chatmockd.core.turn import Turn, is_hidden
from tests.core.cases import case
from tests.core.events import (
    completed,
    created,
    delta,
    ended,
    item_done,
    numbered,
    read_back,
)

MESSAGE = {"type": "message", "id": "msg_1"}


def streamed(turn: Turn, *reads: Sequence[bytes]) -> bytes:
    """The whole stream that comes of these reads, the end included."""
    pieces = []
    for frames in reads:
        if turn.outcome is None:
            pieces += turn.receive(frames)
    if turn.outcome is not None:
        pieces.append(turn.outcome.event)
    return b"".join(pieces)


class PassingOnTests(SynchronousTestCase):
    """Frames reach the client as the upstream wrote them."""

    def setUp(self) -> None:
        self.turn = Turn(streaming=True)

    def test_one_read_is_one_write(self) -> None:
        """The frames of one read leave together, each framed as OpenAI frames it."""
        pieces = self.turn.receive([created(), delta("Hel"), delta("lo", 2)])
        self.assertEqual(
            pieces,
            [
                b"event: response.created\ndata: "
                + created()
                + b"\n\nevent: response.output_text.delta\ndata: "
                + delta("Hel")
                + b"\n\nevent: response.output_text.delta\ndata: "
                + delta("lo", 2)
                + b"\n\n"
            ],
        )
        self.assertEqual(self.turn.events, 3)

    def test_byte_for_byte(self) -> None:
        """Odd spacing, escapes and unknown members are the upstream's business."""
        frame = (
            b'{ "delta" : "\\u00e9\xc3\xa9" , "new":[1.0e+2,{}],'
            b'"type":"response.brand_new.delta","sequence_number":4}'
        )
        self.assertEqual(
            self.turn.receive([frame]),
            [b"event: response.brand_new.delta\ndata: " + frame + b"\n\n"],
        )

    def test_pretty_printed_frames(self) -> None:
        """A frame with line breaks becomes one data line; its neighbours stay."""
        pretty = json.dumps(json.loads(delta("x\ny")), indent=2).encode()
        for frame in (pretty, pretty.replace(b"\n", b"\r"), b"\r\n" + pretty):
            with case(frame=frame):
                turn = Turn(streaming=True)
                stream = streamed(turn, [delta("a"), frame, delta("b")])
                self.assertEqual(
                    [data for _, data in read_back([stream])],
                    [json.loads(f) for f in (delta("a"), pretty, delta("b"))],
                )
                self.assertNotIn(b"\r", stream)

    def test_large_frames_are_not_copied(self) -> None:
        """A large frame is handed on as the very object that came."""
        large = delta("x" * 70_000, 2)
        pieces = self.turn.receive([created(), delta("a"), large, delta("b", 3)])
        self.assertTrue(any(piece is large for piece in pieces))
        self.assertEqual(
            [data for _, data in read_back(pieces)],
            [json.loads(f) for f in (created(), delta("a"), large, delta("b", 3))],
        )

    def test_a_large_pretty_printed_frame(self) -> None:
        """Size does not save a frame from being one line."""
        large = b"{\n" + delta("x" * 70_000)[1:]
        ((_, data),) = read_back(self.turn.receive([large]))
        self.assertEqual(data, json.loads(large))

    def test_hidden_frames(self) -> None:
        """The upstream's housekeeping does not reach the client, nor counts."""
        hidden = [
            b'{"type":"keepalive","sequence_number":7}',
            b'{"type":"codex.rate_limits","plan_type":"plus"}',
            b'{"type":"codex.response.metadata","headers":{}}',
            b'{"type":"response.metadata","metadata":{}}',
        ]
        self.assertEqual(self.turn.receive(hidden), [])
        self.assertFalse(self.turn.accepted)
        self.assertEqual(self.turn.events, 0)
        pieces = self.turn.receive([created(), *hidden, delta("a")])
        self.assertEqual(
            [kind for kind, _ in read_back(pieces)],
            ["response.created", "response.output_text.delta"],
        )

    def test_what_is_hidden(self) -> None:
        """Nothing that only resembles the housekeeping."""
        for kind, hidden in (
            ("keepalive", True),
            ("keepalive.x", False),
            ("response.metadata", True),
            ("response.metadata.x", False),
            ("codex.", True),
            ("codex.anything", True),
            ("codex", False),
            ("codexx", False),
            ("x.codex.y", False),
            ("response.created", False),
            ("error", False),
        ):
            with case(kind=kind):
                self.assertIs(is_hidden(kind), hidden)

    def test_ever_new_kinds_do_not_fill_the_memory(self) -> None:
        """An upstream that invents kinds makes us remember only so many."""
        known = dict(runs._KINDS)
        self.addCleanup(lambda: (runs._KINDS.clear(), runs._KINDS.update(known)))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before = tracemalloc.get_traced_memory()[0]
        for number in range(20_000):
            self.turn.receive([numbered(f"made.up.{number}", 1)])
        self.turn.receive([numbered("x" * 600_000, 1)])
        self.assertLess(tracemalloc.get_traced_memory()[0] - before, 500_000)

    def test_known_kinds_are_known_to_one_turn_as_to_the_next(self) -> None:
        """A new turn looks at its first frame whatever an earlier turn has seen."""
        frame = numbered("response.a_kind_of_its_own", 1)
        for _ in range(2):
            late = Turn(streaming=True, held_tip="resp_0")
            self.assertEqual(late.receive([frame]), [])
            self.assertFalse(late.accepted)
            fresh = Turn(streaming=True)
            self.assertEqual(len(read_back(fresh.receive([frame, frame]))), 2)
            self.assertTrue(fresh.accepted)


class SequenceNumberTests(SynchronousTestCase):
    """Every event that a client sees has a number."""

    def _numbers(self, *reads: Sequence[bytes]) -> list[int]:
        stream = streamed(Turn(streaming=True), *reads)
        return [data["sequence_number"] for _, data in read_back([stream])]

    def test_supplied_where_there_are_none(self) -> None:
        """They count from nought, across reads and to the very end."""
        reads = [
            [created(number=None), delta("a", None)],
            [item_done(MESSAGE, 0, None)],
            [completed(number=None)],
        ]
        self.assertEqual(self._numbers(*reads), [0, 1, 2, 3])

    def test_counting_on_from_what_there_is(self) -> None:
        """A gap in the upstream's own numbers is filled from the last one."""
        frames = [created(number=5), delta("a", None), delta("b", None), delta("c", 9)]
        self.assertEqual(
            self._numbers([*frames, completed(number=None)]), [5, 6, 7, 9, 10]
        )

    def test_null_is_none(self) -> None:
        """A number that is null is missing."""
        frame = b'{"type":"response.created","sequence_number":null}'
        self.assertEqual(self._numbers([frame, delta("a", None)]), [0, 1])

    def test_hidden_frames_take_no_number(self) -> None:
        """A keepalive between two events leaves no gap."""
        frames = [created(number=None), b'{"type":"keepalive"}', delta("a", None)]
        self.assertEqual(self._numbers(frames), [0, 1])

    def test_our_own_error_too(self) -> None:
        """The event that we end a broken stream with goes on counting."""
        self.assertEqual(self._numbers([created(), delta("a"), b"[DONE]"]), [0, 1, 2])


class AcceptedTests(SynchronousTestCase):
    """Whether the upstream has taken the turn on, so that a status can be sent."""

    def test_what_shows_it(self) -> None:
        """Any event of the turn but a refusal."""
        for frame, accepted in (
            (created(), True),
            (numbered("response.queued", 0, response={"id": "r"}), True),
            (delta("a"), True),
            (completed(), True),
            (ended("incomplete", id="r"), True),
            (ended("failed", id="r"), False),
            (numbered("error", None, message="no"), False),
            (numbered("codex.rate_limits", None), False),
            (numbered("keepalive", 0), False),
        ):
            with case(frame=frame):
                turn = Turn(streaming=True)
                turn.receive([frame])
                self.assertIs(turn.accepted, accepted)

    def test_the_id(self) -> None:
        """Known as soon as the upstream names it."""
        turn = Turn(streaming=True)
        turn.receive([created("resp_7")])
        self.assertEqual(turn.response_id, "resp_7")
        turn.receive([created(None)])
        self.assertEqual(turn.response_id, "resp_7")
        turn = Turn(streaming=True)
        turn.receive([created(None)])
        self.assertIsNone(turn.response_id)


class LateFramesTests(SynchronousTestCase):
    """Frames of the turn before never reach the next one."""

    late = (
        delta("left over", 90),
        numbered("response.output_item.done", 91, item={"old": 1}, output_index=0),
        numbered("response.in_progress", 92, response={"id": "resp_0"}),
        created("resp_0", 93),
        completed("resp_0", 94),
        ended("failed", 95, id="resp_0", error={"code": "server_error"}),
        b'{"type":"keepalive","sequence_number":96}',
    )

    def test_dropped_until_the_turn_begins(self) -> None:
        """Whatever the old turn still says, the new one begins with its own event."""
        turn = Turn(streaming=True, marker="resp_0", held_tip="resp_0")
        for frame in self.late:
            self.assertEqual(turn.receive([frame]), [])
        self.assertFalse(turn.accepted)
        self.assertIsNone(turn.outcome)
        stream = streamed(turn, [*self.late, created("resp_1", None), completed()])
        self.assertEqual(
            [(kind, data["response"]["id"]) for kind, data in read_back([stream])],
            [("response.created", "resp_1"), ("response.completed", "resp_1")],
        )
        assert isinstance(turn.outcome, Completed)
        self.assertEqual(json.loads(turn.outcome.response)["output"], [])

    def test_none_are_late_after_that(self) -> None:
        """Once it has begun, everything is the turn's own."""
        turn = Turn(streaming=True, held_tip="resp_0")
        turn.receive([created("resp_1")])
        self.assertEqual(len(read_back(turn.receive([delta("a"), delta("b", 2)]))), 2)

    def test_a_turn_may_begin_with_its_end(self) -> None:
        """An end that does not name the response before is this turn's."""
        for frame in (completed("resp_1"), ended("completed", output=[])):
            with case(frame=frame):
                turn = Turn(streaming=True, held_tip="resp_0")
                turn.receive([frame])
                self.assertIsInstance(turn.outcome, Completed)

    def test_an_error_is_never_late(self) -> None:
        """An error answers the question that was asked last."""
        turn = Turn(streaming=True, held_tip="resp_0")
        turn.receive([numbered("error", None, message="no", status=400)])
        self.assertIsInstance(turn.outcome, Failed)

    def test_a_connection_whose_response_came_to_nothing(self) -> None:
        """It has no tip to know old frames by, and still drops what is not the turn."""
        turn = Turn(streaming=True, held_tip="")
        self.assertEqual(turn.receive([delta("left over")]), [])
        self.assertEqual(len(turn.receive([created("resp_1"), delta("a")])), 1)

    def test_a_fresh_connection_has_no_late_frames(self) -> None:
        """There is nothing that its first frames could be late for."""
        turn = Turn(streaming=True)
        self.assertEqual(len(read_back(turn.receive([delta("a")]))), 1)
        self.assertTrue(turn.accepted)


texts = st.text(max_size=20)
numbers = st.none() | st.integers(0, 50)
frames_of_a_turn = st.one_of(
    st.builds(delta, texts, numbers),
    st.builds(delta, texts, numbers),
    st.builds(lambda text, n: b"{\r\n" + delta(text, n)[1:], texts, numbers),
    st.builds(lambda n: delta("x" * 66_000, n), numbers),
    st.builds(lambda n: b"{\n" + delta("x" * 66_000, n)[1:], numbers),
    st.builds(created, st.sampled_from(["resp_1", None]), numbers),
    st.builds(item_done, st.just(MESSAGE), st.none() | st.integers(0, 3), numbers),
    st.builds(numbered, st.sampled_from(["keepalive", "codex.x", "a.new"]), numbers),
    st.builds(ended, st.sampled_from(["completed", "incomplete", "failed"]), numbers),
    st.builds(numbered, st.just("error"), numbers, message=texts),
    st.sampled_from([b"[DONE]", b'{"type":"a\\nb"}', b'{"type":1}']),
)


@st.composite
def written_frames(draw: st.DrawFn) -> bytes:
    """An event that passes through, in any of the ways to write it."""
    tricks = st.sampled_from(['"sequence_number":7}', '{"type":"error",', "\n", "}"])
    event: dict[str, Any] = {
        "type": draw(st.sampled_from(["response.output_text.delta", "a.new_kind"])),
        "delta": draw(texts | tricks),
        "obfuscation": draw(st.sampled_from(["", "x" * 12, "x" * 60])),
    }
    number = draw(numbers)
    if number is not None:
        event["sequence_number"] = number
    names = draw(st.sampled_from([list(event), sorted(event), [*reversed(event)]]))
    frame = json.dumps(
        {name: event[name] for name in names},
        separators=draw(st.sampled_from([(",", ":"), (",", ":"), (", ", ": ")])),
        indent=draw(st.sampled_from([None, None, None, 1])),
        ensure_ascii=draw(st.booleans()),
    ).encode()
    return draw(st.sampled_from([b"", b"", b"", b" ", b"\r\n"])) + frame


written = written_frames()


class SplitTests(SynchronousTestCase):
    """How frames arrive makes no difference to what a client reads."""

    @given(
        st.lists(frames_of_a_turn, max_size=12),
        st.lists(st.booleans(), min_size=12, max_size=12),
        st.sampled_from([None, "resp_0", "resp_1"]),
    )
    @example([created(), delta("a"), completed(), delta("late")], [False] * 12, None)
    @settings(max_examples=200, deadline=None)
    def test_any_split(
        self, frames: list[bytes], edges: list[bool], held_tip: str | None
    ) -> None:
        """One read or many: the same bytes, the same end, the same surplus."""
        reads: list[list[bytes]] = [[]]
        for frame, edge in zip(frames, edges, strict=False):
            reads[-1].append(frame)
            if edge:
                reads.append([])
        at_once = Turn(streaming=True, held_tip=held_tip)
        stream = streamed(at_once, frames)
        in_parts = Turn(streaming=True, held_tip=held_tip)
        self.assertEqual(streamed(in_parts, *reads), stream)
        for name in ("accepted", "response_id", "events"):
            self.assertEqual(getattr(in_parts, name), getattr(at_once, name), name)
        self.assertEqual(len(read_back([stream])), at_once.events)

    @given(st.lists(written, max_size=10), st.integers(1, 10))
    @settings(max_examples=200, deadline=None)
    def test_nothing_is_lost(self, frames: list[bytes], size: int) -> None:
        """A client reads every event that was sent, and each has its number."""
        turn = Turn(streaming=True)
        pieces = []
        for start in range(0, len(frames), size):
            pieces += turn.receive(frames[start : start + size])
        expected = [json.loads(frame) for frame in frames]
        number = -1
        for event in expected:
            number = event.setdefault("sequence_number", number + 1)
        self.assertEqual(read_back(pieces), [(e["type"], e) for e in expected])
