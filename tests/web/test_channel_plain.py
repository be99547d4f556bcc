"""
Taking plain heads at once, held against the parser that this runs ahead of.

However a request is cut up by the network, it must come to the same; one whose first
byte comes alone is dealt with by the full parser of twisted.web.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from random import Random
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from chatmockd.core.admission import Admission
from chatmockd.core.plain import read_plain
from chatmockd.web.guard import GuardedRequest, guarded
from chatmockd.web.site import ApiSite

PROVED_AGAINST = "26."  # Twisted

_NAMES = (b"Host", b"host", b"Content-Length", b"X-A", b"TE", b"Connection", b"Cookie")
_ODD_NAMES = (b"Transfer-Encoding", b"Expect", b"X A", b"", b" X", b"X\xe9", b"Upgrade")
_VALUES = (b"localhost", b"2", b"02", b" 2\t", b"close", b"keep-alive", b"a=b", b"")
_ODD_VALUES = (b"chunked", b"100-continue", b"-1", b"x\x00", b"x\n", b"x\ry", b"\xff")

JSON = b"Content-Type: application/json"
REQUEST = b"POST / HTTP/1.1\r\nHost: localhost\r\n%b%b\r\nContent-Length: 2\r\n\r\n{}"

_names = st.sampled_from(_NAMES) | st.sampled_from(_NAMES + _ODD_NAMES)
_values = st.sampled_from(_VALUES) | st.sampled_from(_VALUES + _ODD_VALUES)
_lines = st.tuples(_names, _values).map(lambda pair: b"%b: %b" % pair)
_starts = st.sampled_from(
    [b"POST /v1/responses HTTP/1.1"] * 5
    + [b"POST /%41?b=c HTTP/1.1", b"POST / HTTP/1.0", b"GET / HTTP/1.1", b"POST"]
    + [b"POST /\xc3\xa4 HTTP/1.1", b"POST * HTTP/1.1", b"", b"PUT  / HTTP/1.1"]
)
_ends = st.sampled_from([b"\r\n"] * 9 + [b"\n"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Something like a request; often one that is plain."""
    end = draw(_ends)
    lines = [draw(_starts), JSON, *draw(st.lists(_lines, max_size=4))]
    if draw(st.booleans()):
        lines.append(b"Content-Length: 2")
    body = draw(st.sampled_from([b"{}"] * 5 + [b"", b"{", b"{}P", b"\r\n"]))
    return end.join([*lines, b"", b""]) + body


class _Answer(Resource):
    """Writes down what it was asked, and answers."""

    isLeaf = True

    def __init__(self, seen: list[Any]) -> None:
        super().__init__()
        self._seen = seen

    def render(self, request: GuardedRequest) -> bytes:
        headers = request.requestHeaders.getAllRawHeaders()
        asked = (request.method, request.uri, request.path, request.clientproto)
        self._seen.append((asked, sorted(headers), request.body()))
        return b"yes"


class _Transport(StringTransport):
    """Lets go of a producer that it does not have, as a TCP transport does."""

    def unregisterProducer(self) -> None:
        self.producer = None


class Client:
    """One connection, and what came of what was sent over it."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        request_class = guarded(Admission([], []), 1000)
        clock = Clock()
        site = ApiSite(_Answer(self.seen), request_class, clock, clock.seconds, False)
        self._channel = site.buildProtocol(None)
        self._transport = _Transport()
        self._channel.makeConnection(self._transport)

    def send(self, *reads: bytes) -> None:
        for read in reads:
            if not self._transport.disconnecting:
                self._channel.dataReceived(read)

    @property
    def outcome(self) -> Any:
        """What the daemon saw, what it said, and whether it goes on listening."""
        said = re.sub(rb"req_[0-9a-f]+", b"req_", self._transport.value())
        goes_on = bool(self._channel.persistent), self._transport.disconnecting
        return self.seen, said, goes_on


class SameTests(SynchronousTestCase):
    """It makes no difference how a request arrives."""

    @given(st.lists(requests(), min_size=1, max_size=3), st.randoms())
    @settings(max_examples=400, deadline=None)
    @example([REQUEST % (b"", JSON)] * 2, Random(1))
    @example([b"\r\n", REQUEST % (b"Content-Length: 2\r\n", JSON)], Random(1))
    @example([REQUEST % (b"Expect: 100-continue\r\n", JSON)], Random(1))
    @example([REQUEST % (b"Transfer-Encoding: chunked\r\n", JSON)], Random(1))
    @example([b"\r\n", REQUEST % (b"", JSON)] * 2, Random(1))
    @example([REQUEST % (b"a:\r\n" * 600, JSON)], Random(1))
    def test_in_any_number_of_reads(self, asked: list[bytes], chance: Random) -> None:
        """Neither to the resource, nor to the client, nor to what follows."""
        whole, by_the_parser, in_two, together = (Client() for _ in range(4))
        for request in asked:
            whole.send(request)
            by_the_parser.send(request[:1], request[1:])
            at = chance.choice([request.find(b"\r\n\r\n") + 4, len(request) - 1])
            in_two.send(request[:at], request[at:])
        self.assertEqual(whole.outcome, by_the_parser.outcome)
        self.assertEqual(in_two.outcome, by_the_parser.outcome)
        together.send(b"".join(asked))
        pipelined = Client()
        pipelined.send(asked[0][:1], b"".join(asked)[1:])
        self.assertEqual(together.outcome, pipelined.outcome)

    def test_many_are_plain(self) -> None:
        """Or else the test above would prove nothing."""
        client, request = Client(), REQUEST % (b"", JSON)
        self.assertIsNotNone(read_plain(request))
        client.send(request)
        self.assertEqual(len(client.seen), 1)

    def test_a_crowd_in_one_read(self) -> None:
        """Who asks for a thousand things at once is answered in turn."""
        client = Client()
        client.send((REQUEST % (b"", JSON)) * 1000)
        self.assertEqual(len(client.seen), 1000)

    def test_a_body_that_comes_later(self) -> None:
        """As Python's HTTP clients send it: the request waits for its last byte."""
        client, request = Client(), REQUEST % (b"", JSON)
        head, body = request[:-2], request[-2:]
        client.send(head, body[:1])
        self.assertEqual(client.seen, [])
        client.send(body[1:])
        self.assertEqual([seen[2] for seen in client.seen], [b"{}"])

    def test_a_connection_that_closes(self) -> None:
        """It takes no more requests, plain or not."""
        closing = REQUEST % (b"Connection: close\r\n", JSON)
        for reads in ([closing], [closing[:9], closing[9:]]):
            client = Client()
            client.send(*reads)
            self.assertEqual(client.outcome[2], (False, True))
            self.assertEqual(len(client.seen), 1)

    def test_the_version_it_was_proved_with(self) -> None:
        """It leans on how twisted.web keeps its state: look again at another one."""
        self.assertTrue(version("Twisted").startswith(PROVED_AGAINST))
