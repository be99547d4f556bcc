"""
Cutting messages out of the stream, held against the parser that it runs ahead of.

Whatever a server sends, and however the network cuts it up, going through L{Cutter}
must come to the same as giving every byte to Autobahn.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any

from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.cut import Cutter
from tests.core.cases import case

PROVED_AGAINST = 26  # Autobahn's major version

MAX_MESSAGE = 66_000  # bytes; small enough that a test can send more

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10

Event = tuple[str, bytes]


class Transport(StringTransport):
    """Lets go of a producer that it does not have, as a TCP transport does."""

    def unregisterProducer(self) -> None:
        self.producer = None


class Ears(WebSocketClientProtocol):  # type: ignore[misc]
    """Writes down what Autobahn makes of the bytes."""

    def __init__(self, heard: list[Event]) -> None:
        super().__init__()
        self._heard = heard

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._heard.append(("binary" if isBinary else "text", payload))

    def onPing(self, payload: bytes) -> None:
        self._heard.append(("ping", payload))

    def onPong(self, payload: bytes) -> None:
        self._heard.append(("pong", payload))

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> Any:
        self._heard.append(("close", repr((code, reasonRaw)).encode()))
        return super().onCloseFrame(code, reasonRaw)


def _factory() -> WebSocketClientFactory:
    factory = WebSocketClientFactory("ws://upstream.test/")
    factory.setProtocolOptions(
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
        serverConnectionDropTimeout=0,
        maxFramePayloadSize=MAX_MESSAGE,
        maxMessagePayloadSize=MAX_MESSAGE,
    )
    return factory


def _opened(factory: WebSocketClientFactory, heard: list[Event]) -> Ears:
    """A client whose upgrade has just been granted."""
    ears = Ears(heard)
    ears.factory = factory
    ears.makeConnection(Transport())
    digest = hashlib.sha1(ears.websocket_key + Ears._WS_MAGIC).digest()
    ears.dataReceived(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
        + base64.b64encode(digest)
        + b"\r\n\r\n"
    )
    assert ears.state == Ears.STATE_OPEN
    return ears


class Comparison:
    """What came of one stream of bytes, on one of the two ways."""

    _factory = _factory()

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self._ears = _opened(self._factory, self.heard)

    @property
    def failed(self) -> bool:
        """Autobahn dropped the connection; what comes after that is nobody's."""
        return bool(self._ears.state == Ears.STATE_CLOSED)

    def end(self) -> tuple[list[Event], bool, object]:
        """What was heard, whether it failed, and why."""
        return self.heard, self.failed, self._ears.wasNotCleanReason

    def plainly(self, reads: Iterable[bytes]) -> tuple[list[Event], bool, object]:
        """Give Autobahn everything."""
        for read in reads:
            self._ears.dataReceived(read)
        return self.end()

    def through_cutter(
        self, reads: Iterable[bytes]
    ) -> tuple[list[Event], bool, object]:
        """Give Autobahn what the cutter leaves to it, as a connection does."""
        cutter = Cutter(MAX_MESSAGE)
        for read in reads:
            rest = read
            while rest and not self.failed:
                payloads, odd, rest = cutter.feed(rest)
                self.heard.extend(("text", payload) for payload in payloads)
                if odd:
                    self._ears.dataReceived(odd)
        return self.end()


def frame(
    payload: bytes,
    opcode: int = TEXT,
    *,
    fin: bool = True,
    reserved: int = 0,
    mask: bytes = b"",
    width: int | None = None,
    announced: int | None = None,
) -> bytes:
    """
    One frame of a server.

    @param width: Bytes for the length, 0, 2 or 8; None takes the fewest.
    @param announced: The length that the header tells, if not the true one.
    """
    length = len(payload) if announced is None else announced
    if width is None:
        width = 0 if length < 126 else 2 if length < 65_536 else 8
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    marks = 0x80 if mask else 0
    header = bytes([first, marks | {0: length, 2: 126, 8: 127}[width]])
    if width:
        header += length.to_bytes(width, "big")
    if mask:
        payload = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    return header + mask + payload


def cut_up(stream: bytes, sizes: Sequence[int]) -> list[bytes]:
    """C{stream} in reads of these sizes, again and again."""
    reads, at, turn = [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        reads.append(stream[at : at + size])
        at += size
        turn += 1
    return reads


_EDGES = (0, 1, 2, 124, 125, 126, 127, 65_535, 65_536, 65_537, 66_000, 66_001, 70_000)
_BROKEN = (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80")

short_payloads = st.one_of(
    st.text(max_size=40).map(str.encode),
    st.binary(max_size=12),
    st.builds(
        lambda before, broken, after: before.encode() + broken + after.encode(),
        st.text(max_size=8),
        st.sampled_from(_BROKEN),
        st.text(max_size=8),
    ),
)
edge_payloads = st.builds(
    lambda size, unit: (unit * size)[:size],
    st.sampled_from(_EDGES),
    st.sampled_from([b"a", "é".encode(), "🙂".encode()]),
)
good_texts = st.one_of(
    st.text(max_size=60).map(lambda text: frame(text.encode())),
    st.sampled_from(_EDGES[:-2]).map(lambda size: frame(b"x" * size)),
    st.integers(0, 33_000).map(lambda half: frame("é".encode() * half)),
)
controls = st.one_of(
    st.builds(frame, st.binary(max_size=125), st.sampled_from([PING, PONG])),
    st.builds(frame, st.just(b""), st.sampled_from([PING, PONG])),
)
closes = st.one_of(
    st.just(frame(b"", CLOSE)),
    st.builds(
        lambda code, reason: frame(code.to_bytes(2, "big") + reason, CLOSE),
        st.sampled_from([1000, 1001, 1011, 4001, 1005, 999, 5000]),
        st.one_of(st.text(max_size=30).map(str.encode), st.just(b"\xff")),
    ),
    st.just(frame(b"x", CLOSE)),
)


@st.composite
def fragmented(draw: st.DrawFn) -> bytes:
    """A message in fragments, with control frames in between."""
    pieces = draw(st.lists(short_payloads | edge_payloads, min_size=1, max_size=4))
    opcode = draw(st.sampled_from([TEXT, TEXT, TEXT, BINARY]))
    stream = b""
    for index, piece in enumerate(pieces):
        last = index == len(pieces) - 1
        stream += frame(piece, CONTINUATION if index else opcode, fin=last)
        if not last:
            stream += b"".join(draw(st.lists(controls, max_size=2)))
    return stream


@st.composite
def split_characters(draw: st.DrawFn) -> bytes:
    """A good text in fragments whose edges do not respect characters."""
    text = draw(st.text(min_size=1, max_size=40)).encode()
    edge = draw(st.integers(0, len(text)))
    return frame(text[:edge], fin=False) + frame(text[edge:], CONTINUATION)


odd_frames = st.one_of(
    st.builds(frame, short_payloads | edge_payloads),
    st.builds(frame, short_payloads | edge_payloads, st.just(BINARY)),
    st.builds(frame, short_payloads, st.integers(0, 15), fin=st.booleans()),
    st.builds(frame, short_payloads, reserved=st.integers(1, 7)),
    st.builds(frame, short_payloads, mask=st.binary(min_size=4, max_size=4)),
    st.builds(frame, short_payloads, width=st.sampled_from([2, 8])),
    st.builds(frame, st.just(b"x" * 300), width=st.just(8)),
    st.builds(frame, st.binary(max_size=4), announced=st.just(2**63 + 5)),
    st.builds(frame, st.binary(max_size=4), announced=st.just(2**40)),
    st.builds(frame, st.binary(min_size=126, max_size=130), st.just(PING)),
    fragmented(),
    closes,
)
streams = st.builds(
    lambda frames: b"".join(frames),
    st.lists(
        st.one_of(good_texts, good_texts, controls, split_characters(), odd_frames),
        max_size=8,
    ),
)
cuts = st.lists(
    st.one_of(
        st.integers(1, 12), st.integers(1, 300), st.sampled_from([16_384, 65_536])
    ),
    min_size=1,
    max_size=6,
)


class AgainstAutobahnTests(SynchronousTestCase):
    """The same messages in the same order, and the same failure or none."""

    def _compare(self, stream: bytes, sizes: Sequence[int]) -> None:
        reads = cut_up(stream, [max(size, len(stream) // 2_000) for size in sizes])
        plain = Comparison().plainly(reads)
        self.assertEqual(Comparison().through_cutter(reads), plain)

    @given(streams, cuts)
    @example(frame(b"{}") * 3, [1])
    @example(frame(b"") + frame(b"", PING) + frame(b""), [3])
    @example(frame(b"x" * 70_000) + frame(b"{}"), [65_536])
    @example(frame(b"\xff" * 65_700) + frame(b"{}"), [40_000])
    @example(frame("é".encode() * 32_900) + frame(b"{}"), [65_000, 900])
    @example(frame(b"a", fin=False) + frame(b"{}"), [100])
    @example(frame(b"{}", CLOSE) + frame(b"{}"), [100])
    @settings(max_examples=12000, deadline=None)
    def test_any_stream(self, stream: bytes, sizes: Sequence[int]) -> None:
        """Nobody can tell from what arrives that there is a cutter."""
        self._compare(stream, sizes)

    @given(st.lists(st.one_of(good_texts, controls, split_characters())), cuts)
    @settings(max_examples=100, deadline=None)
    def test_a_good_server(self, frames: list[bytes], sizes: Sequence[int]) -> None:
        """A server that keeps to the standard is heard to the end."""
        stream = b"".join(frames)
        self._compare(stream, sizes)
        self.assertFalse(Comparison().through_cutter([stream])[1])

    def test_every_cut_of_every_header(self) -> None:
        """A read may end inside any header, of any length."""
        for size in (0, 125, 126, 65_535, 65_536):
            stream = frame(b"x" * size) + frame(b"{}", PING) + frame(b"y" * size)
            for edge in (*range(1, 16), *range(size, size + 24)):
                with case(size=size, edge=edge):
                    self._compare(stream, [edge, len(stream)])

    def test_the_proof_is_of_this_autobahn(self) -> None:
        """What Autobahn accepts is a fact about a version of it."""
        self.assertEqual(
            int(version("autobahn").split(".")[0]),
            PROVED_AGAINST,
            "Another major version of Autobahn is installed than the one chatmockd's "
            "frame cutter was proved to agree with. Read its changes to "
            "WebSocketProtocol.processData and onFrameData; raise max_examples of "
            "test_any_stream to 20000 and run it; then set PROVED_AGAINST here and "
            "the bounds in setup.py.",
        )


class CutterTests(SynchronousTestCase):
    """What is cut out, and what is left to the parser."""

    def setUp(self) -> None:
        self.cutter = Cutter(MAX_MESSAGE)

    def test_a_read_full_of_frames(self) -> None:
        """The many short frames of one read come at once."""
        stream = frame(b"one") + frame(b"") + frame("zwölf".encode())
        self.assertEqual(
            self.cutter.feed(stream), ([b"one", b"", "zwölf".encode()], b"", b"")
        )

    def test_a_frame_over_many_reads(self) -> None:
        """Nothing is given out before a frame is whole; then all of it is."""
        stream = frame(b"x" * 200)
        for byte in stream[:-1]:
            self.assertEqual(self.cutter.feed(bytes([byte])), ([], b"", b""))
        self.assertEqual(
            self.cutter.feed(stream[-1:] + frame(b"y")), ([b"x" * 200, b"y"], b"", b"")
        )

    def test_a_large_frame_and_what_follows(self) -> None:
        """The frame behind a large one in the same read is not lost."""
        stream = frame(b"x" * 66_000) + frame(b"y")
        self.assertEqual(self.cutter.feed(stream[:30_000]), ([], b"", b""))
        payloads, odd, rest = self.cutter.feed(stream[30_000:])
        self.assertEqual((payloads, odd), ([b"x" * 66_000], b""))
        self.assertEqual(self.cutter.feed(rest), ([b"y"], b"", b""))

    def test_a_large_frame_that_is_not_ascii(self) -> None:
        """Text in any language is cut out; what is no text is left to the parser."""
        for payload, good in (("é".encode() * 33_000, True), (b"\xe9" * 66_000, False)):
            stream = frame(payload)
            for reads in ([stream], cut_up(stream, [40_000])):
                with case(good=good, reads=len(reads)):
                    cutter = Cutter(MAX_MESSAGE)
                    for read in reads[:-1]:
                        self.assertEqual(cutter.feed(read), ([], b"", b""))
                    last = cutter.feed(reads[-1])
                    self.assertEqual(
                        last, ([payload], b"", b"") if good else ([], stream, b"")
                    )

    def test_odd_frames_in_between(self) -> None:
        """A ping stops the cutting exactly at its edges."""
        ping = frame(b"here?", PING)
        stream = frame(b"a") + ping + frame(b"b")
        payloads, odd, rest = self.cutter.feed(stream)
        self.assertEqual((payloads, odd), ([b"a"], ping))
        self.assertEqual(self.cutter.feed(rest), ([b"b"], b"", b""))

    def test_the_largest_message(self) -> None:
        """The limit itself is allowed; one byte more is the parser's to refuse."""
        cutter = Cutter(10)
        self.assertEqual(cutter.feed(frame(b"x" * 10)), ([b"x" * 10], b"", b""))
        cutter = Cutter(200)
        more = frame(b"x" * 201)
        self.assertEqual(cutter.feed(more), ([], more, b""))

    def test_an_oversize_frame_is_not_collected(self) -> None:
        """What is too large goes on as it comes, and does not fill our memory."""
        whole = frame(b"x" * 70_000)
        for read in cut_up(whole, [10_000]):
            self.assertEqual(self.cutter.feed(read), ([], read, b""))
        self.assertEqual(self.cutter.feed(frame(b"y")), ([b"y"], b"", b""))
