"""An upstream that wants HTTP."""

from __future__ import annotations

from chatmockd.account.tokens import Credentials
from chatmockd.pulse import Pulse
from chatmockd.upstream.fallback import Fallback
from chatmockd.upstream.leasing import Leasing
from tests.bridge import Bridge, completed, created, message
from tests.http_bridge import HttpBridge


class FallbackTests(HttpBridge):
    """C{upstream.fallback = "http"}."""

    settings = {"upstream__fallback": "http", "continuity__mode": "durable"}

    def make_upstream(self, credentials: Credentials, pulse: Pulse) -> Leasing:
        sockets = Bridge.make_upstream(self, credentials, pulse)
        return Fallback(sockets, self.make_exchanges(credentials, pulse))

    def test_426_is_met_with_http(self) -> None:
        """By the turn that met it, and by all that follow; it is said once."""
        self.refusals.append(426)
        answer = self.post()
        self.request.say(created("resp_1"), completed("resp_1"))
        self.assertEqual(answer.status, 200)
        self.post()
        self.assertEqual((self.dials, len(self.asked)), (1, 2))
        said = [line for line in self.log if "called over HTTP" in line]
        self.assertEqual(len(said), 1, said)
        self.assertIn("426", said[0])

    def test_nothing_else_is(self) -> None:
        """Trouble with WebSockets is told, and not papered over."""
        for refusal in (401, 403, 404, 429, 500, 503):
            self.refusals.append(refusal)
            self.assertNotEqual(self.post().status, 200)
        self.refuse_connections()
        self.refuse_connections()
        answer = self.post()
        self.wait(1)
        self.assert_error(answer, 502, "upstream_unreachable")
        self.assertEqual(self.asked, [])

    def test_sockets_are_used_as_long_as_they_are_let_in(self) -> None:
        """HTTP is the second choice."""
        self.first_turn()
        self.assertEqual(self.asked, [])

    def test_a_conversation_goes_on_over_http(self) -> None:
        """Whole, since nobody there knows its marker."""
        answer = self.post()
        self.socket.say(created("resp_1"), completed("resp_1", output=[message("Hi.")]))
        self.assertEqual(answer.status, 200)
        self.socket.drop()
        self.refusals.append(426)
        self.post(input="And?", previous_response_id="resp_1")
        texts = [item["content"] for item in self.request.body["input"]]
        self.assertEqual(
            [parts[0]["text"] for parts in texts], ["Hello?", "Hi.", "And?"]
        )
        self.assertNotIn("previous_response_id", self.request.body)


class NoFallbackTests(Bridge):
    """The default."""

    def test_426_is_told(self) -> None:
        """It is between us and the upstream, so it is no 426 to the client."""
        self.refusals.append(426)
        answer = self.post()
        self.assertEqual(answer.status, 502)
        self.assertIn("426", answer.error["message"])
