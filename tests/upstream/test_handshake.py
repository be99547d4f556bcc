"""Connections that do not come about, and what the client is told."""

from __future__ import annotations

import json
from typing import Any

from OpenSSL import SSL
from service_identity import VerificationError
from service_identity.exceptions import DNSMismatch
from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectionRefusedError,
    DNSLookupError,
    NoRouteError,
    TCPTimedOutError,
)
from twisted.internet.error import (
    TimeoutError as TwistedTimeout,
)
from twisted.trial.unittest import SynchronousTestCase

from chatmockd import __version__
from chatmockd.core.profile import CHATGPT, OPENAI
from chatmockd.names import Names
from chatmockd.settings import Upstream
from chatmockd.upstream.handshake import (
    Address,
    Introduction,
    Reply,
    unreachable,
    upgrade_request,
)
from tests.bridge import Bridge
from tests.core.cases import case


class UnreachableTests(Bridge):
    """Nobody there: 502 with phase and cause, for streaming clients too."""

    def test_phases_and_causes(self) -> None:
        """The message says how far it got, and why no further."""
        cases = (
            (ConnectionRefusedError(), "connect", "refused"),
            (NoRouteError(), "connect", "No route"),
            (TCPTimedOutError(), "connect", "timed out"),
            (TwistedTimeout(), "connect", "(upstream.connect_timeout_s)"),
            (TwistedTimeout(string="no answer"), "connect: no answer (", "timeout_s)"),
            (DNSLookupError(), "DNS", "no such host"),
            (SSL.Error([("SSL", "", "certificate verify failed")]), "TLS", "verify"),
            (VerificationError([DNSMismatch("x")]), "TLS", "another host name"),
        )
        for problem, phase, cause in cases:
            for streaming in (True, False):
                self.refusals.append(problem)
                answer = self.post(stream=streaming)
                self.assert_error(answer, 502, "upstream_unreachable")
                for part in ("upstream.test:80", phase, cause):
                    self.assertIn(part, answer.error["message"])
        self.assertEqual(set(self.upstream.counts().values()), {0})

    def test_a_dial_that_takes_too_long(self) -> None:
        """C{upstream.connect_timeout_s} covers DNS and TCP."""
        self.hangs = True
        answer = self.post()
        self.wait(9)
        self.assertIsNone(answer.status)
        self.wait(1)
        self.assert_error(answer, 502, "upstream_unreachable")
        self.assertIn("connect: no answer within 10 s", answer.error["message"])

    def test_a_name_server_that_does_not_answer(self) -> None:
        """The look-up has as long as all of it, and is believed if it took that."""
        names = Names(self.clock, lambda host, port: Deferred())

        def look_up(factory: object) -> Deferred[Any]:
            return names.look_up("upstream.test", 80, 10)

        self.patch(self, "accept", look_up)
        answer, streaming = self.post(), self.stream()
        self.wait(10)
        for each in (answer, streaming):
            self.assert_error(each, 502, "upstream_unreachable")
            self.assertIn(
                "DNS: no answer within 10 s (upstream.connect_timeout_s)",
                each.error["message"],
            )
        self.assertEqual(set(self.upstream.counts().values()), {0})

    def test_an_upgrade_that_takes_too_long(self) -> None:
        """The same timeout covers what follows the TCP connection."""
        self.stays_silent = True
        answer = self.post()
        self.wait(10)
        self.assert_error(answer, 502, "upstream_unreachable")
        self.assertIn("WebSocket upgrade", answer.error["message"])
        self.assertTrue(self.socket.link.client_end.aborted)

    def test_a_server_that_hangs_up_during_the_upgrade(self) -> None:
        """TCP was there, and then it was not."""
        self.stays_silent = True
        answer = self.post()
        self.socket.drop()
        self.assert_error(answer, 502, "upstream_unreachable")
        self.assertIn("WebSocket upgrade", answer.error["message"])

    def test_a_server_that_speaks_no_http(self) -> None:
        """An SSH server, say."""
        self.stays_silent = True
        answer = self.post()
        # Which waits for us, now.
        self.socket.link.server_end.write(b"SSH-2.0-x\r\n")
        self.pump()
        self.assert_error(answer, 502, "upstream_unreachable")
        self.assertIn("not a valid upgrade", answer.error["message"])

    def test_a_server_with_the_wrong_answer_to_our_key(self) -> None:
        """101 alone is no upgrade."""
        self.stays_silent = True
        answer = self.post()
        self.socket.link.server_end.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: bogus\r\n\r\n"
        )
        self.pump()
        self.assert_error(answer, 502, "upstream_unreachable")
        self.assertIn("Accept", answer.error["message"])

    def test_a_server_with_endless_headers(self) -> None:
        """They are not collected without limit."""
        self.stays_silent = True
        answer = self.post()
        self.socket.link.server_end.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000)
        self.pump()
        self.assertEqual(answer.status, 502)


class RefusedUpgradeTests(Bridge):
    """The server is there and says no."""

    settings = {"upstream__profile": "openai"}

    def refuse(self, *parts: bytes, streaming: bool = False):  # type: ignore[no-untyped-def]
        self.stays_silent = True
        answer = self.post(stream=streaming)
        for part in parts:
            self.socket.link.server_end.write(part)
            self.pump()
        return answer

    def test_statuses(self) -> None:
        """401, 403, 429 and 503 are passed on; anything else is 502 and named."""
        cases = {401: 401, 403: 403, 429: 429, 503: 503}
        cases |= {200: 502, 302: 502, 404: 502, 426: 502, 500: 502}
        for status, passed in cases.items():
            for streaming in (True, False):
                answer = self.refuse(
                    b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status,
                    streaming=streaming,
                )
                self.assertEqual((status, answer.status), (status, passed))
                self.assertIn(f"with {status}", answer.error["message"])
        self.assertEqual(set(self.upstream.counts().values()), {0})

    def test_retry_after_is_passed_on(self) -> None:
        """The upstream knows when it makes sense to come back."""
        answer = self.refuse(
            b"HTTP/1.1 429 Slow\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n"
        )
        self.assertEqual(answer.headers["retry-after"], "17")

    def test_retry_after_may_be_a_date(self) -> None:
        """As seconds, when the answer says what time it is there; else as it is."""
        then = "Sun, 06 Nov 1994 08:50:37 GMT"
        for date, wait in (
            (b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "60"),
            (b"", then),
        ):
            with case(date=date):
                answer = self.refuse(
                    b"HTTP/1.1 503 Later\r\n%bRetry-After: %b\r\n"
                    b"Content-Length: 0\r\n\r\n" % (date, then.encode())
                )
                self.assertEqual(answer.headers["retry-after"], wait)

    def test_absurd_numbers_are_no_trouble(self) -> None:
        """Thousands of digits, in any header."""
        digits = b"9" * 5000
        for status, head in (
            (429, b"Retry-After: %b\r\nContent-Length: 0\r\n" % digits),
            (403, b"Content-Length: %b\r\n" % digits),
        ):
            answer = self.refuse(b"HTTP/1.1 %d No\r\n%b\r\n" % (status, head))
            self.assertEqual(answer.status, status)
            self.assertNotIn("retry-after", answer.headers)

    def test_a_body_that_never_comes_does_not_hide_the_status(self) -> None:
        """It is waited for, but not for ever."""
        answer = self.refuse(b"HTTP/1.1 401 No\r\nContent-Length: 900\r\n\r\n{")
        self.assertIsNone(answer.status)
        self.wait(11)
        self.assertEqual(answer.status, 401)

    def test_what_the_upstream_says_is_told(self) -> None:
        """Its message and code, also when the body comes in pieces."""
        body = json.dumps(
            {"error": {"message": "bad key", "code": "invalid_api_key", "type": "x"}}
        ).encode()
        head = b"HTTP/1.1 401 No\r\nContent-Length: %d\r\n\r\n" % len(body)
        for parts in (
            (head + body,),
            (head, body[:10], body[10:]),
            (head[:9], head[9:] + body),
        ):
            answer = self.refuse(*parts)
            self.assert_error(answer, 401, "invalid_api_key")
            self.assertIn("bad key", answer.error["message"])

    def test_a_body_that_is_cut_off_does_not_hide_the_status(self) -> None:
        """The peer announced more than it sent."""
        answer = self.refuse(b"HTTP/1.1 403 No\r\nContent-Length: 900\r\n\r\n<htm")
        self.socket.drop()
        self.assertEqual(answer.status, 403)

    def test_bodies_that_are_not_json(self) -> None:
        """HTML of a proxy is not shown to clients."""
        answer = self.refuse(
            b"HTTP/1.1 503 No\r\nContent-Length: 12\r\n\r\n<html></html"
        )
        self.assertEqual(answer.status, 503)
        self.assertNotIn("html", answer.error["message"])


class ReplyTests(SynchronousTestCase):
    """The answer to an upgrade, in pieces."""

    def test_frames_behind_the_head_are_kept_apart(self) -> None:
        """A server may speak at once."""
        reply = Reply()
        self.assertIsNone(reply.feed(b"HTTP/1.1 101 x\r\nA: b\r\n"))
        self.assertEqual(
            reply.feed(b"\r\n\x81\x00"),
            (b"HTTP/1.1 101 x\r\nA: b\r\n\r\n", b"\x81\x00"),
        )
        self.assertEqual((reply.status, reply.headers()), (101, {"a": "b"}))

    def test_garbage_has_no_status(self) -> None:
        """Whatever it is."""
        for line in (b"", b"HTTP/1.1", b"HTTP/1.1 abc", b"FTP/1 200", b"HTTP/1.1 20"):
            reply = Reply()
            reply.feed(line + b"\r\n\r\n")
            self.assertIsNone(reply.status, line)


class AddressTests(SynchronousTestCase):
    """URLs."""

    def test_defaults_and_parts(self) -> None:
        """Ports follow the scheme; the query is part of the resource."""
        cases = {
            "wss://h.example/v1/responses": ("h.example", 443, "/v1/responses", True),
            "ws://h.example:81": ("h.example", 81, "/", False),
            "wss://[::1]:8443/a?b=c": ("::1", 8443, "/a?b=c", True),
        }
        for url, parts in cases.items():
            self.assertEqual(Address.of(url), Address(*parts))
        self.assertEqual(str(Address.of("wss://[::1]:8443/")), "[::1]:8443")


class UpgradeRequestTests(SynchronousTestCase):
    """What the upgrade carries."""

    def test_openai_gets_the_credentials_only(self) -> None:
        """No beta header is needed there."""
        request = upgrade_request(
            Address.of(OPENAI.url),
            OPENAI,
            {"Authorization": "Bearer k"},
            Introduction(),
        )
        self.assertEqual(request.headers, {"Authorization": "Bearer k"})
        self.assertTrue(request.useragent.startswith("chatmockd/"))

    def test_chatgpt_gets_its_own_headers(self) -> None:
        """We say who we are, and each connection is a session of its own."""
        first, second = (
            upgrade_request(Address.of(CHATGPT.url), CHATGPT, {}, Introduction())
            for _ in range(2)
        )
        self.assertEqual(
            first.headers["OpenAI-Beta"], "responses_websockets=2026-02-06"
        )
        self.assertEqual(first.headers["originator"], f"chatmockd/{__version__}")
        self.assertEqual(first.useragent, f"chatmockd/{__version__}")
        self.assertNotEqual(first.headers["session-id"], second.headers["session-id"])

    def test_an_operator_says_who_we_are(self) -> None:
        """One or both of the names."""
        settings = Upstream(originator="codex_vscode", user_agent="Corp/1")
        request = upgrade_request(
            Address.of(CHATGPT.url), CHATGPT, {}, Introduction.of(settings)
        )
        self.assertEqual(request.headers["originator"], "codex_vscode")
        self.assertEqual(request.useragent, "Corp/1")
        self.assertEqual(
            Introduction.of(Upstream(user_agent="Corp/1")).originator,
            f"chatmockd/{__version__}",
        )


class CauseTests(SynchronousTestCase):
    """Problems without words of their own."""

    def test_there_is_always_a_cause(self) -> None:
        """At least its name."""
        error = unreachable(Address.of(OPENAI.url), "connect", ValueError())
        self.assertIn("ValueError", str(error))
