"""
Taking plain requests whole, held against the parser that this runs ahead of.

A request that arrives in one read must come to the same as one that arrives in two,
which the full parser of twisted.web deals with.
"""

from __future__ import annotations

import re
from importlib.metadata import version
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
        site = ApiSite(_Answer(self.seen), request_class, Clock(), log_requests=False)
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

    @given(st.lists(requests(), min_size=1, max_size=3))
    @settings(max_examples=400, deadline=None)
    @example([REQUEST % (b"", JSON)] * 2)
    @example([b"\r\n", REQUEST % (b"Content-Length: 2\r\n", JSON)])
    @example([REQUEST % (b"Expect: 100-continue\r\n", JSON)])
    @example([REQUEST % (b"Transfer-Encoding: chunked\r\n", JSON)])
    def test_in_one_read_or_in_two(self, asked: list[bytes]) -> None:
        """Neither to the resource, nor to the client, nor to what follows."""
        whole, halved = Client(), Client()
        for request in asked:
            whole.send(request)
            halved.send(request[:1], request[1:])
        self.assertEqual(whole.outcome, halved.outcome)

    def test_many_are_plain(self) -> None:
        """Or else the test above would prove nothing."""
        client, request = Client(), REQUEST % (b"", JSON)
        self.assertIsNotNone(read_plain(request))
        client.send(request)
        self.assertEqual(len(client.seen), 1)

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
