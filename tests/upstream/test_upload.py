"""Long messages on slow lines."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from chatmockd.upstream.upload import FRAGMENT
from tests.bridge import Answer, Bridge, completed, created
from tests.turns.durable import DurableBridge

LONG = "x" * (FRAGMENT * 8)


class SlowUploadTests(Bridge):
    """An upstream that takes a long conversation slowly."""

    settings = {"upstream__profile": "openai", "upstream__first_event_timeout_s": "30"}

    def begin(self, **more: object):  # type: ignore[no-untyped-def]
        """Ask something long of an upstream which reads nothing after the upgrade."""
        self.first_turn("resp_1")
        self.socket.link.client_end.stalled = True
        return self.post(previous_response_id="resp_1", input=LONG, **more)

    def read(self) -> None:
        self.socket.link.client_end.stalled = False
        self.pump()

    def test_the_message_arrives_whole(self) -> None:
        """In fragments, as one message."""
        answer = self.begin()
        self.read()
        self.assertEqual(self.socket.received[1]["input"], LONG)
        self.socket.say(created("resp_2"), completed("resp_2"))
        self.assertEqual(answer.status, 200)

    def test_little_of_it_waits_in_the_buffer(self) -> None:
        """Fragments are written as the line takes them."""
        self.begin()
        self.assertLess(self.socket.link.client_end.waiting(), FRAGMENT * 3)

    def test_pongs_overtake_it(self) -> None:
        """The upstream's ping is answered before the rest of the message."""
        self.begin()
        pongs: list[bytes] = []
        self.patch(self.socket.protocol, "onPong", pongs.append)
        self.socket.protocol.sendPing(b"?")
        self.pump()
        end = self.socket.link.client_end
        end.stalled = False
        for _ in range(3):
            self.socket.link.pump()
        self.assertEqual(pongs, [b"?"])
        self.assertEqual(len(self.socket.received), 1, "the message should not be over")
        self.pump()
        self.assertEqual(len(self.socket.received), 2)

    def test_the_time_it_takes_is_not_the_upstreams_silence(self) -> None:
        """The first event is waited for once all has been sent."""
        answer = self.begin()
        self.socket.answers_pings = False
        self.wait(15)
        self.read()
        self.wait(16)
        self.assertIsNone(answer.status)
        self.wait(16)
        self.assertEqual(answer.status, 504)

    def test_an_upstream_that_takes_no_more_is_not_waited_for(self) -> None:
        """Its silence begins with the last byte it took."""
        self.configure(upstream__ping_interval_s=0, upstream__first_event_timeout_s=30)
        answer = self.begin()
        self.wait(29)
        self.assertIsNone(answer.status)
        self.wait(3)
        self.assertEqual(answer.status, 504)

    def test_an_upstream_that_takes_it_slowly_is_not_pinged_to_death(self) -> None:
        """Our ping stands in line behind the message."""
        answer = self.begin()
        self.socket.answers_pings = False
        end = self.socket.link.client_end
        for _ in range(8):
            self.wait(15)
            end.stalled = False
            self.socket.link.pump()
            end.stalled = True
        self.assertIsNone(answer.status)

    def test_the_rest_of_it_may_take_as_long(self) -> None:
        """What the system has taken from us has not arrived yet."""
        self.first_turn("resp_1")
        self.socket.answers_pings = False
        end = self.socket.link.client_end
        end.stalled = True
        # So that most of the last fragment is still to come.
        text = "x" * (FRAGMENT * 2 - 1000)
        answer = self.post(previous_response_id="resp_1", input=text)
        end.trickle(FRAGMENT)
        assert end.producer is not None
        end.producer.resumeProducing()
        self.assertIsNone(end.producer, "the upload should be over")
        for _ in range(8):
            self.wait(15)
            self.assertIsNone(answer.status)
            end.trickle(1000)
        self.wait(31)
        self.assertEqual(answer.status, 504)

    def test_a_client_that_leaves_stops_it(self) -> None:
        """Nothing more is sent than what waited, and the connection closes."""
        self.begin().leave()
        self.read()
        self.assertEqual(len(self.socket.received), 1)
        self.assertFalse(self.socket.is_open)

    def test_a_socket_that_is_lost_under_it(self) -> None:
        """The follow-up never had a first event: resend your history."""
        answer = self.begin()
        self.socket.drop()
        self.assert_error(answer, 400, "previous_response_not_found")

    def test_an_answer_before_its_end_leaves_no_connection(self) -> None:
        """Half a message on the wire is no beginning for the next."""
        answer = self.begin()
        self.socket.say(created("resp_2"), completed("resp_2"))
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.upstream.counts()["retained"], 0)


class CutShortTests(DurableBridge):
    """A connection that goes before the whole message has left."""

    def begin(self, **more: Any) -> Answer:
        """Ask something long of a new upstream, which reads some of it only."""
        accept = self.accept

        def stall(factory: object) -> Deferred[Any]:
            attempt = accept(factory)
            self.socket.link.client_end.stalled = len(self.sockets) == 1
            return attempt

        self.patch(self, "accept", stall)
        answer = self.post(input=LONG, **more)
        self.pump_upgrade()
        return answer

    def pump_upgrade(self) -> None:
        """The upgrade gets through, and a first piece of the message."""
        end = self.sockets[0].link.client_end
        for _ in range(3):
            end.stalled = False
            self.sockets[0].link.pump()
        end.stalled = True
        self.assertEqual(self.sockets[0].received, [])
        self.assertGreater(end.waiting(), 0)

    def test_mode_durable_sends_it_once_more(self) -> None:
        """Nobody can have done anything about half a message."""
        answer = self.begin()
        self.sockets[0].drop()
        self.wait(1)
        self.assertEqual(self.dials, 2)
        self.assertEqual(self.asked["input"], LONG)
        self.answer("resp_1")
        self.assertEqual(answer.status, 200)

    def test_an_upstream_that_takes_no_more(self) -> None:
        """It is found out by a ping, and the next one is asked."""
        answer = self.begin()
        self.sockets[0].answers_pings = False
        self.wait(42)
        self.assertEqual(self.dials, 2)
        self.answer("resp_1")
        self.assertEqual(answer.status, 200)

    def test_an_upstream_that_closes_has_answered(self) -> None:
        """It finds the message too large, say, and will again."""
        answer = self.begin()
        self.sockets[0].close(1009, "too big")
        self.assertEqual(self.dials, 1)
        self.assert_error(answer, 502, "upstream_outcome_unknown")
        self.assertIn("1009 (too big)", answer.error["message"])

    def test_mode_retained_tells_so(self) -> None:
        """The client may ask again; it is not told that the outcome is unknown."""
        self.configure(upstream__profile="openai", continuity__mode="retained")
        answer = self.begin()
        self.sockets[0].drop()
        self.assertEqual(self.dials, 1)
        self.assert_error(answer, 502, "upstream_unreachable")
        self.assertIn("did not reach the upstream whole", answer.error["message"])
        self.assertNotIn("x-should-retry", answer.headers)
