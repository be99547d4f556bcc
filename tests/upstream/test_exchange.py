"""Turns over HTTP: what is asked, what comes back, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping

from OpenSSL import SSL
from twisted.internet.error import ConnectionRefusedError, DNSLookupError

from chatmockd import __version__
from chatmockd.account.tokens import Credentials
from chatmockd.errors import CredentialsMissing
from tests.bridge import completed, created, delta, message
from tests.core.cases import case
from tests.http_bridge import HttpBridge


class AskingTests(HttpBridge):
    """What the upstream gets."""

    def test_the_request_is_a_create_without_its_type(self) -> None:
        """Always streamed, to the twin of the WebSocket's URL."""
        self.post(temperature=1)
        asked = self.request
        self.assertEqual(asked.target, "/v1/responses")
        self.assertEqual(
            asked.body,
            {"stream": True, "model": "gpt-5.5", "input": "Hello?", "temperature": 1},
        )
        self.assertEqual(asked.headers["accept"], "text/event-stream")
        self.assertEqual(asked.headers["content-type"], "application/json")
        self.assertEqual(asked.headers["authorization"], "Bearer sk-canary")
        self.assertEqual(asked.headers["user-agent"], f"chatmockd/{__version__}")
        self.assertNotIn("openai-beta", asked.headers)
        self.assertNotIn("originator", asked.headers)

    def test_chatgpt_gets_its_own_headers(self) -> None:
        """And the conversation's cache key as the session, where there is one."""
        self.configure(upstream__profile="chatgpt", upstream__originator="corp")
        self.post()
        first = self.request
        self.assertEqual(first.headers["openai-beta"], "responses=experimental")
        self.assertEqual(first.headers["originator"], "corp")
        self.assertIs(first.body["store"], False)
        self.post(prompt_cache_key="thread-7")
        self.assertNotEqual(first.headers["session-id"], "thread-7")
        self.assertEqual(self.request.headers["session-id"], "thread-7")
        self.post(prompt_cache_key="a\r\nEvil: 1")
        self.assertNotIn("evil", self.request.headers)

    def test_a_long_conversation_arrives_whole(self) -> None:
        """In pieces, no faster than the upstream takes them."""
        text = "x" * 1_000_000
        self.post(input=text)
        self.assertTrue(self.request.whole)
        self.assertEqual(self.request.body["input"], text)

    def test_what_exists_on_sockets_only_is_refused(self) -> None:
        """Before anything is sent."""
        for name, value in (("generate", False), ("stream_id", "a")):
            with case(name=name):
                answer = self.post(None, **{name: value})
                self.assert_error(answer, 400, "unsupported_parameter")
                self.assertEqual(answer.error["param"], name)
        self.assertEqual(self.asked, [])

    def test_mode_off_drops_the_marker(self) -> None:
        """There is nothing that it could name."""
        self.post(previous_response_id="resp_1")
        self.assertNotIn("previous_response_id", self.request.body)

    def test_limits_are_those_of_who_asked(self) -> None:
        """Also when somebody else has signed in before they are told."""

        class Changing:
            account = "acct-a"

            async def headers(self) -> dict[str, str]:
                return {
                    "Authorization": f"Bearer {self.account}",
                    "ChatGPT-Account-ID": self.account,
                }

            async def renewed(self, refused: Mapping[str, str]) -> None:
                return None

        credentials = Changing()
        self.configure(credentials)
        self.post()
        first = self.request
        first.begin()
        credentials.account = "acct-b"
        self.post()
        self.request.begin()
        first.say(
            {
                "type": "codex.rate_limits",
                "rate_limits": {"primary": {"used_percent": 12}},
            },
            created("resp_1"),
        )
        assert self.limits.identity is not None
        self.assertEqual(self.limits.identity.account, "acct-a")

    def test_a_connection_is_kept_for_the_next_turn(self) -> None:
        """Of any conversation: it holds no state."""
        for name in ("resp_1", "resp_2"):
            answer = self.post()
            self.request.say(created(name), completed(name))
            self.request.end()
            self.assertEqual(answer.status, 200)
        self.assertEqual(self.http_dials, 1)


class AnsweringTests(HttpBridge):
    """What the client gets."""

    def test_events_come_as_they_are(self) -> None:
        """The same as over a WebSocket."""
        answer = self.stream()
        self.request.say(created("resp_1"), delta("Hi", 1))
        self.assertEqual(
            answer.kinds, ["response.created", "response.output_text.delta"]
        )
        self.request.say(completed("resp_1", 2), b"data: [DONE]\n\n")
        self.request.end()
        self.assertEqual(answer.kinds[-1], "response.completed")
        self.assertTrue(answer.ended)

    def test_a_client_that_wants_json_gets_the_response(self) -> None:
        """Whatever the upstream is asked for."""
        answer = self.post()
        self.request.say(created("resp_1"))
        self.request.say(completed("resp_1", output=[message("Hi.")]))
        self.assertEqual(answer.json["output"], [message("Hi.")])

    def test_comments_and_odd_line_ends_are_no_matter(self) -> None:
        """It is an event stream like any other."""
        answer = self.stream()
        self.request.say(b': hello\r\n\r\nid: 7\r\ndata: {\r\ndata: "type":')
        self.request.say(b' "response.created", "response": {"id": "resp_1"}}\r\n\r')
        self.request.say(b"\n")
        self.request.say(completed("resp_1"))
        self.assertEqual(answer.kinds, ["response.created", "response.completed"])

    def test_a_slow_client_stops_the_upstream(self) -> None:
        """And gets everything when it reads on."""
        answer = self.stream()
        self.request.say(created("resp_1"))
        answer.stall()
        big = "y" * 70_000
        self.request.say(delta(big, 1))
        self.request.say(delta(big, 2))
        self.assertTrue(self.request.link.client_end.paused)
        answer.read_on()
        self.assertFalse(self.request.link.client_end.paused)
        self.request.say(completed("resp_1", 3))
        self.assertEqual(len(answer.kinds), 4)

    def test_a_client_that_leaves_takes_the_request_with_it(self) -> None:
        """Before the head of the answer, and behind it."""
        answer = self.stream()
        answer.leave()
        self.assertFalse(self.request.is_open)
        answer = self.stream()
        self.request.say(created("resp_1"))
        answer.leave()
        self.assertFalse(self.request.is_open)

    def test_a_stream_that_never_ends_behind_the_turn_is_cut_off(self) -> None:
        """After a moment; the client has its answer by then."""
        answer = self.post()
        self.request.say(created("resp_1"), completed("resp_1"))
        self.assertEqual(answer.status, 200)
        self.assertTrue(self.request.is_open)
        self.wait(7)
        self.assertFalse(self.request.is_open)


class RefusalTests(HttpBridge):
    """Answers that are no streams."""

    def test_the_upstreams_own_words_are_passed_on(self) -> None:
        """In each shape, with its status."""
        nested = {"error": {"message": "No.", "type": "t", "code": "c", "param": "p"}}
        usage = {"error": {"type": "usage_limit_reached", "message": "Enough."}}
        for status, body, code, said in (
            (400, {"detail": "Unsupported parameter: x"}, "unsupported_parameter", "x"),
            (400, nested, "c", "No."),
            (404, nested, "c", "No."),
            (429, usage, "usage_limit_reached", "Enough."),
            (500, {"error": {"message": "Oh."}}, None, "Oh."),
        ):
            with case(status=status, body=body):
                answer = self.stream()
                self.request.refuse(status, body)
                self.assert_error(answer, status, code)
                self.assertIn(said, answer.error["message"])

    def test_retry_after_is_passed_on(self) -> None:
        """SDKs obey it."""
        answer = self.post()
        self.request.refuse(
            429, {"error": {"message": "Slow down."}}, {"retry-after": "17"}
        )
        self.assertEqual((answer.status, answer.headers["retry-after"]), (429, "17"))

    def test_retry_after_may_be_a_date(self) -> None:
        """As seconds, when the answer says what time it is there."""
        then = "Sun, 06 Nov 1994 08:50:37 GMT"
        for headers, wait in (
            ({"date": "Sun, 06 Nov 1994 08:49:37 GMT"}, "60"),
            ({}, then),
        ):
            with case(headers=headers):
                answer = self.post()
                self.request.refuse(503, {}, {"retry-after": then, **headers})
                self.assertEqual(answer.status, 503)
                self.assertEqual(answer.headers["retry-after"], wait)

    def test_a_page_is_not_shown(self) -> None:
        """What stands before the upstream has nothing to say to the client."""
        for status, shown in (
            (404, 502),
            (302, 502),
            (502, 502),
            (503, 503),
            (403, 403),
        ):
            with case(status=status):
                answer = self.post()
                self.request.refuse(
                    status, b"<html>secret</html>", {"content-type": "text/html"}
                )
                self.assertEqual(answer.status, shown)
                self.assertIn(str(status), answer.error["message"])
                self.assertNotIn(b"secret", answer.body)

    def test_a_success_that_is_no_stream_is_502(self) -> None:
        """A login page of a hotel, say."""
        answer = self.post()
        self.request.refuse(200, b"<html>", {"content-type": "text/html"})
        self.assert_error(answer, 502, "upstream_error")

    def test_a_refusal_frees_the_connection(self) -> None:
        """It was read to its end."""
        self.post()
        self.request.refuse(400, {"detail": "No."})
        self.post()
        self.assertEqual(self.http_dials, 1)


class TroubleTests(HttpBridge):
    """Upstreams that cannot be asked, or fall silent."""

    def test_each_phase_of_connecting_has_its_name(self) -> None:
        """Nothing was sent."""
        for problem, phase in (
            (DNSLookupError(), "DNS: no such host name"),
            (ConnectionRefusedError(), "connect: Connection was refused"),
            (SSL.Error([("", "", "certificate verify failed")]), "TLS: certificate"),
        ):
            with case(problem=problem):
                self.http_refusals.append(problem)
                answer = self.stream()
                self.assert_error(answer, 502, "upstream_unreachable")
                self.assertIn(phase, answer.error["message"])

    def test_a_connection_lost_before_the_answer(self) -> None:
        """Whether the work was done is not known, so that nobody repeats it."""
        answer = self.stream()
        self.request.drop()
        self.assert_error(answer, 502, "upstream_outcome_unknown")
        self.assertEqual(answer.headers["x-should-retry"], "false")

    def test_a_stream_that_breaks_off(self) -> None:
        """By losing the connection, or by ending without a terminal event."""
        for how in ("drop", "end"):
            with case(how=how):
                answer = self.stream()
                self.request.say(created("resp_1"))
                getattr(self.request, how)()
                self.assertEqual(answer.kinds, ["response.created", "error"])
                self.assertEqual(answer.events[1][1]["code"], "upstream_disconnected")

    def test_events_that_are_none(self) -> None:
        """The stream ends with a word about it."""
        for said in (b"data: {\n\n", b'data: {"type": "\xff"}\n\n', b"data: []\n\n"):
            with case(said=said):
                answer = self.stream()
                self.request.say(created("resp_1"))
                self.request.say(said)
                self.assertEqual(
                    answer.events[-1][1]["code"], "upstream_malformed_frame"
                )
                self.assertFalse(self.request.is_open)

    def test_silence_is_not_waited_for(self) -> None:
        """Before the first event, and behind it."""
        self.configure(upstream__first_event_timeout_s=30, upstream__idle_timeout_s=100)
        answer = self.stream()
        self.wait(32)
        self.assert_error(answer, 504, "upstream_first_event_timeout")
        self.assertFalse(self.request.is_open)
        answer = self.stream()
        self.request.say(created("resp_1"))
        self.wait(102)
        self.assertEqual(answer.events[-1][1]["code"], "upstream_idle_timeout")

    def test_a_long_event_that_arrives_slowly_is_not_silent(self) -> None:
        """As over a WebSocket."""
        self.configure(upstream__idle_timeout_s=100)
        answer = self.stream()
        self.request.say(created("resp_1"))
        event = b"data: " + json.dumps(delta("x" * 400, 1)).encode() + b"\n\n"
        for begin in range(0, len(event), 100):
            self.wait(60)
            self.request.say(event[begin : begin + 100])
        self.assertEqual(answer.kinds[-1], "response.output_text.delta")
        self.request.say(event[:100])
        self.wait(102)
        self.assertEqual(answer.events[-1][1]["code"], "upstream_idle_timeout")

    def test_no_credentials_no_request(self) -> None:
        """The client is told what is missing."""

        class _Nothing:
            def headers(self) -> dict[str, str]:
                raise CredentialsMissing("Sign in.")

        self.configure(_Nothing())
        self.assert_error(self.post(), 401, "credentials_missing")
        self.assertEqual(self.asked, [])

    def test_there_is_a_limit(self) -> None:
        """The same as for connections."""
        self.configure(continuity__max_retained=1)
        self.post()
        self.assert_error(self.post(), 503, "no_capacity")

    def test_stopping_leaves_nothing(self) -> None:
        """Neither turns nor kept connections."""
        answer = self.stream()
        self.request.say(created("resp_1"))
        self.upstream.break_off(CredentialsMissing("bye"))
        self.pump()
        self.assertEqual(answer.kinds[-1], "error")
        stopped = self.upstream.stop()
        self.pump()
        self.successResultOf(stopped)
        self.assertEqual(self.upstream.counts(), {"http": 0})


class _Renewing:
    def __init__(self, renewed: dict[str, str] | None) -> None:
        self._renewed = renewed
        self.refused: list[Mapping[str, str]] = []

    async def headers(self) -> dict[str, str]:
        return {"Authorization": "Bearer old"}

    async def renewed(self, refused: Mapping[str, str]) -> dict[str, str] | None:
        self.refused.append(refused)
        return self._renewed


class SigningInTests(HttpBridge):
    """A token that is not taken any more."""

    better: dict[str, str] | None = {"Authorization": "Bearer new"}

    def sign_in(self, credentials: Credentials) -> Credentials:
        self.renewing = _Renewing(self.better)
        return self.renewing

    def test_401_is_tried_once_more_with_better_credentials(self) -> None:
        """Nothing was done about it."""
        answer = self.post()
        self.assertEqual(self.request.headers["authorization"], "Bearer old")
        self.request.refuse(401, {"error": {"message": "Expired."}})
        self.assertEqual(self.renewing.refused, [{"Authorization": "Bearer old"}])
        self.assertEqual(self.request.headers["authorization"], "Bearer new")
        self.assertEqual(self.request.body["input"], "Hello?")
        self.request.say(created("resp_1"), completed("resp_1"))
        self.assertEqual(answer.status, 200)

    def test_a_second_401_is_the_answer(self) -> None:
        """Once is enough."""
        answer = self.post()
        self.request.refuse(401, {"error": {"message": "Expired."}})
        self.request.refuse(401, {"error": {"message": "Expired again."}})
        self.assertEqual(len(self.asked), 2)
        self.assertEqual(
            (answer.status, answer.error["message"]), (401, "Expired again.")
        )

    def test_without_better_ones_401_is_the_answer(self) -> None:
        """At once."""
        self.better = None
        self.configure()
        answer = self.post()
        self.request.refuse(401, {"error": {"message": "Expired."}})
        self.assertEqual(len(self.asked), 1)
        self.assertEqual((answer.status, answer.error["message"]), (401, "Expired."))
