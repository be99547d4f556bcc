"""One client connection."""

from __future__ import annotations

from typing import NoReturn

from twisted.python.failure import Failure

from tests.bridge import Bridge, completed, created, delta
from tests.turns.durable import DurableBridge
from tests.wire import Link


class MalformedHeadTests(Bridge):
    """What is no request still gets an answer of the one shape."""

    def refused(self, raw: bytes, status: int) -> None:
        reply = self.ask_raw(raw)
        head, _, body = reply.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 %d " % status), reply[:200])
        self.assertIn(b"X-Request-Id: req_", head)
        self.assertIn(b'"type":"invalid_request_error"', body)

    def test_what_is_not_http_is_400(self) -> None:
        """A TLS client on a plain port, for one."""
        for raw in (b"\x16\x03\x01\x02\x00\r\n", b"GET /\r\n\r\n", b"\r\nx\r\n\r\n"):
            self.refused(raw, 400)
        self.refused(b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400)

    def test_a_head_that_is_too_large_is_431(self) -> None:
        """In one line or in many."""
        start = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
        self.refused(start + b"X: " + b"y" * 20_000 + b"\r\n\r\n", 431)
        self.refused(start + b"X: yyyyyyyyyyyyyyyyyyyyy\r\n" * 1000, 431)


class HoldTests(Bridge):
    """Sending in one go what is written bit by bit."""

    def writes_of(self, link: Link) -> list[bytes]:
        """What is written to the client from now on, write by write."""
        written: list[bytes] = []
        write = link.server_end.write

        def noted(data: bytes) -> None:
            written.append(data)
            write(data)

        link.server_end.write = noted  # type: ignore[method-assign]
        return written

    def test_an_answer_is_one_write(self) -> None:
        """Its head, its body, and for a stream its last chunk."""
        for streaming in (False, True):
            link = self.connect_client()
            written = self.writes_of(link)
            answer = self.post(stream=streaming, link=link)
            self.socket.say(created("resp_1"), completed("resp_1"))
            self.assertTrue(answer.ended)
            self.assertEqual(len(written), 1)
            self.assertEqual(written[0].endswith(b"\r\n0\r\n\r\n"), streaming)

    def test_events_are_not_held(self) -> None:
        """Each leaves when it has come."""
        link = self.connect_client()
        written = self.writes_of(link)
        self.stream(link=link)
        self.socket.say(created("resp_1"))
        self.socket.say(delta("a", 1))
        self.socket.say(delta("b", 2))
        self.assertEqual(len(written), 3)

    def test_the_last_answer_leaves_before_its_connection_closes(self) -> None:
        """The client asked for that."""
        answer = self.post(headers={"Connection": "close"})
        self.socket.say(created("resp_1"), completed("resp_1"))
        self.assertTrue(answer.ended and answer.link.cut)
        self.assertEqual(answer.status, 200)

    def test_pipelined_answers_come_in_order(self) -> None:
        """The next request is read before the end of this one is left."""
        link = self.connect_client()
        got: list[bytes] = []
        link.client.dataReceived = got.append  # type: ignore[method-assign]
        host = b"Host: localhost\r\n"
        expecting = b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
        link.client_end.write(b"GET /health HTTP/1.1\r\n%b\r\n" % host)
        link.client_end.write(b"POST /nowhere HTTP/1.1\r\n%b%b" % (host, expecting))
        self.pump()
        reply = b"".join(got)
        lines = [line for line in reply.split(b"\r\n") if line.startswith(b"HTTP/")]
        self.assertEqual([line[9:12] for line in lines], [b"200", b"100", b"415"])


class PipeliningTests(DurableBridge):
    """Requests that come before the answers to others have been read."""

    def test_answers_do_not_pile_up(self) -> None:
        """Who reads nothing is not answered on; who reads on gets it all, in order."""
        answer = self.post({"model": "gpt-5.5", "input": "x" * 30_000})
        self.socket.say(created("resp_1"), completed("resp_1", text="y" * 50_000))
        self.assertTrue(answer.ended)
        link = self.connect_client()
        got: list[bytes] = []
        link.client.dataReceived = got.append  # type: ignore[method-assign]
        link.server_end.stalled = True
        count = 200
        asked = [
            f"GET /v1/{'responses/resp_1' if n % 2 else f'nothing/{n}'} HTTP/1.1\r\n"
            "Host: localhost\r\n\r\n"
            for n in range(count)
        ]
        link.client_end.write("".join(asked[:100]).encode())
        self.pump()
        link.client_end.write("".join(asked[100:]).encode())
        self.pump()
        self.assertLess(link.server_end.waiting(), 200_000)
        link.server_end.stalled = False
        self.pump()
        whole = b"".join(got)
        self.assertEqual(whole.count(b"HTTP/1.1 "), count)
        self.assertEqual(whole.count(b"y" * 50_000), count // 2)
        places = [whole.index(b"/nothing/%d." % n) for n in range(0, count, 2)]
        self.assertEqual(places, sorted(places))


class IdleTests(Bridge):
    """Who says nothing, and takes nothing, is not waited for."""

    def test_an_idle_client_is_let_go(self) -> None:
        """A connection on which nothing is asked is closed after a minute."""
        link = self.connect_client()
        self.wait(61)
        self.assertTrue(link.cut)

    def test_the_log_says_nothing_of_it(self) -> None:
        """Clients come and go all day long; one that breaks off is another matter."""
        links = [self.connect_client() for _ in range(3)]
        self.post(link=links[0])
        self.socket.say(created("resp_1"), completed("resp_1"))
        self.wait(62)
        self.assertEqual([link.cut for link in links], [True] * 3)
        self.assertEqual([line for line in self.log if "Timing out" in line], [])
        link = self.connect_client()
        link.client_end.write(
            b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
        )
        self.pump()
        self.wait(62)
        self.assertTrue(link.cut)
        self.assertEqual(len([line for line in self.log if "Timing out" in line]), 1)

    def test_a_client_that_asks_now_and_then_is_not(self) -> None:
        """The minute begins anew with each answer, and with each byte."""
        link = self.connect_client()
        for _ in range(3):
            self.wait(45)
            answer = self.post(link=link)
            self.wait(45)
            self.socket.say(created("resp_1"), completed("resp_1"))
            self.assertTrue(answer.ended)
        self.wait(45)
        link.client_end.write(b"POST ")
        self.pump()
        self.wait(45)
        self.assertFalse(link.cut)
        self.wait(16)
        self.assertTrue(link.cut)

    def test_a_head_by_itself_is_a_sign_of_life(self) -> None:
        """Its body may take longer than what is left of the minute."""
        link = self.connect_client()
        self.wait(59)
        link.client_end.write(
            b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n"
        )
        self.pump()
        self.wait(59)
        self.assertFalse(link.cut)
        self.wait(2)
        self.assertTrue(link.cut)

    def test_a_client_that_is_gone_leaves_no_timer(self) -> None:
        """Whether it was answered, or never asked."""
        before = len(self.clock.getDelayedCalls())
        for asked in (False, True):
            link = self.connect_client()
            if asked:
                answer = self.post(link=link)
                self.socket.say(created("resp_1"), completed("resp_1"))
                self.assertTrue(answer.ended)
                before += 1  # the pulse of its upstream connection
            link.break_()
            self.pump()
            self.assertEqual(len(self.clock.getDelayedCalls()), before)

    def test_a_client_whose_going_cannot_be_dealt_with(self) -> None:
        """It is counted no more, and leaves no timer either."""
        timers = len(self.clock.getDelayedCalls())
        answer = self.stream()
        (channel,) = self.site.channels

        request = channel.requests[0]
        deal = request.connectionLost

        def broken(reason: Failure) -> NoReturn:
            deal(reason)
            raise ZeroDivisionError

        self.patch(request, "connectionLost", broken)
        self.assertRaises(ZeroDivisionError, answer.leave)
        self.assertEqual(self.site.channels, set())
        self.pump()
        self.assertEqual(len(self.clock.getDelayedCalls()), timers)

    def test_a_client_that_is_still_reading_is_not(self) -> None:
        """A large answer has been buffered long before it has been read."""
        answer = self.post()
        answer.stall()
        self.socket.say(created("resp_1"), completed("resp_1", text="x" * 300_000))
        for _ in range(5):
            self.wait(50)
            answer.link.server_end.trickle(20_000)
        answer.read_on()
        self.assertTrue(answer.ended)
        self.wait(61)
        self.assertTrue(answer.link.cut)

    def test_a_client_that_stops_reading_its_answer_is_let_go(self) -> None:
        """And cut off when it does not even take the end."""
        answer = self.post()
        answer.stall()
        self.socket.say(created("resp_1"), completed("resp_1", text="x" * 300_000))
        self.wait(60 + 60 + 16)
        self.pump()
        answer.read_on()
        self.assertTrue(answer.broken)

    def test_a_waiting_client_is_not(self) -> None:
        """Models think longer than a minute."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        self.wait(100)
        self.assertFalse(answer.link.cut)
