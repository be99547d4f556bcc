"""L{chatmockd.turns.connecting}."""

from __future__ import annotations

from tests.turns.durable import DurableBridge


class ConnectingTests(DurableBridge):
    """The upstream cannot be reached now and then."""

    def test_once_more_unseen(self) -> None:
        """Nothing was sent, so the client need not know."""
        self.refuse_connections()
        answer = self.post()
        self.assertFalse(answer.ended)
        self.wait(1)
        self.answer("resp_1")
        self.assertEqual(answer.status, 200)
        self.assertEqual((self.dials, self.messages), (2, 1))

    def test_a_rebuilt_follow_up_too(self) -> None:
        """What is sent then is the whole conversation."""
        self.turn("resp_1")
        self.socket.drop()
        self.refuse_connections()
        answer = self.post(input="And?", previous_response_id="resp_1")
        self.wait(1)
        self.answer("resp_2")
        self.assertEqual(answer.json["previous_response_id"], "resp_1")
        self.assertEqual(len(self.asked["input"]), 3)

    def test_twice_is_the_end(self) -> None:
        """The client is told what the second attempt found."""
        self.refuse_connections()
        self.refuse_connections()
        answer = self.post()
        self.wait(1)
        self.assert_error(answer, 502, "upstream_unreachable")
        self.assertEqual(self.dials, 2)

    def test_an_upstream_that_is_down_is_not_asked_twice_as_often(self) -> None:
        """After a few retries in a minute, the first attempt has the last word."""
        for _ in range(20):
            self.refuse_connections()
        for _ in range(3):
            self.post()
            self.wait(1)
        self.assertEqual(self.dials, 6)
        self.assert_error(self.post(), 502, "upstream_unreachable")
        self.assertEqual(self.dials, 7)

    def test_what_the_upstream_says_is_not_asked_again(self) -> None:
        """It was reached."""
        for refusal in (401, 403, 429, 503):
            self.refusals.append(refusal)
            self.assertEqual(self.post().status, refusal)
        self.assertEqual(self.dials, 4)

    def test_a_long_silence_is_enough(self) -> None:
        """The client has waited for as long as it was told it would have to."""
        self.hangs = True
        answer = self.post()
        self.wait(11)
        self.assert_error(answer, 502, "upstream_unreachable")
        self.assertEqual(self.dials, 1)
