"""What stands before every route, over real HTTP in memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import zstandard

from chatmockd.errors import ChatmockdError
from chatmockd.web import guard
from tests.bridge import JSON, Answer, Bridge, completed, created
from tests.core.cases import case
from tests.wire import Link

QUESTION = b'{"model":"m","input":"i"}'


class WhoMayComeInTests(Bridge):
    """Host, Origin and content type, on every route."""

    settings = {
        "server__allowed_hosts": "box.lan",
        "server__allowed_origins": "https://app.example",
    }

    def refused(
        self, status: int, *headers: tuple[str, str], method: str = "POST"
    ) -> None:
        for target in ("/v1/responses", "/health", "/nowhere"):
            answer = self.ask(method, target, list(headers), QUESTION)
            self.assertEqual(answer.status, status, (headers, target))
            self.assertTrue(answer.error["message"])
            self.assertNotIn("access-control-allow-origin", answer.headers)
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
        self.assertEqual(self.dials, 0)

    def test_foreign_host_names_are_403(self) -> None:
        """A page whose name was made to point here stays outside."""
        json = ("Content-Type", "application/json")
        for host in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example"):
            self.refused(403, ("Host", host), json)

    def test_absent_and_doubled_hosts_are_400(self) -> None:
        """Two names can be read differently by two programs."""
        for hosts in (b"", b"Host: localhost\r\n" * 2):
            reply = self.ask_raw(b"GET /health HTTP/1.1\r\n%b\r\n" % hosts)
            self.assertTrue(reply.startswith(b"HTTP/1.1 400 "), reply)
            self.assertIn(b"exactly one Host", reply)

    def test_our_own_names_come_in(self) -> None:
        """Loopback by any name, and what the configuration lists."""
        for host in ("localhost", "127.0.0.1:8000", "[::1]:8000", "BOX.lan:80"):
            answer = self.ask("GET", "/health", {"Host": host})
            self.assertEqual((host, answer.status), (host, 200))

    def test_pages_are_403(self) -> None:
        """Whatever a page sends with its origin, even where it needs no preflight."""
        for origin in ("https://evil.example", "null", "http://localhost"):
            for kind in ("application/json", "text/plain"):
                self.refused(403, ("Origin", origin), ("Content-Type", kind))
        self.refused(403, ("Origin", "https://evil.example"), method="OPTIONS")

    def test_pages_without_origin_are_403(self) -> None:
        """An img or a script of a foreign page sends only fetch metadata."""
        answer = self.ask("GET", "/health", {"Sec-Fetch-Site": "cross-site"})
        self.assert_error(answer, 403, "forbidden")

    def test_a_known_page_is_served(self) -> None:
        """It gets the headers without which a browser would hide the answer."""
        origin = {"Origin": "https://app.example"}
        answer = self.post(headers=origin)
        self.socket.say(created("resp_1"), completed("resp_1"))
        self.assertEqual(answer.status, 200)
        self.assertEqual(
            answer.headers["access-control-allow-origin"], "https://app.example"
        )
        preflight = self.ask(
            "OPTIONS",
            "/v1/responses",
            origin | {"Access-Control-Request-Headers": "content-type, x-more"},
        )
        self.assertEqual(preflight.status, 204)
        self.assertEqual(
            preflight.headers["access-control-allow-headers"], "content-type, x-more"
        )

    def test_what_an_sdk_reads_is_shown_to_a_page(self) -> None:
        """Whether to try again, when, and what to ask us about; also of an error."""
        self.configure(**self.settings, continuity__max_retained=1)
        lost = self.post(headers={"Origin": "https://app.example"})
        full = self.post(headers={"Origin": "https://app.example"})
        self.socket.say(created("resp_1"))
        self.socket.drop()
        for answer, said in ((lost, {"x-should-retry"}), (full, {"retry-after"})):
            self.assertLessEqual(said | {"x-request-id"}, answer.headers.keys())
            shown = answer.headers["access-control-expose-headers"].split(", ")
            self.assertLessEqual(said | {"x-request-id"}, set(shown))

    def test_other_content_types_are_415(self) -> None:
        """curl -d sends a form unless told otherwise; forms need no preflight."""
        for kind in (
            "application/x-www-form-urlencoded",
            "text/plain",
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-16",
        ):
            self.refused(415, ("Content-Type", kind))
        self.refused(415)

    def test_unknown_encodings_are_415(self) -> None:
        """What is not read is not guessed at."""
        for encoding in ("br", "x", "gzip, zstd"):
            self.refused(
                415,
                ("Content-Type", "application/json"),
                ("Content-Encoding", encoding),
            )

    def test_other_targets_are_400(self) -> None:
        """A whole URL as target, or a star."""
        for target in ("http://evil.example/health", "*"):
            answer = self.ask("OPTIONS", target, {"Host": "localhost"})
            self.assertEqual((target, answer.status), (target, 400))

    def test_paths_that_are_not_utf8_are_400(self) -> None:
        """As JSON, not as a stack trace."""
        answer = self.ask("GET", "/v1/%ff")
        self.assertEqual(answer.status, 400)
        self.assertTrue(answer.error["message"])


class PackedBodyTests(Bridge):
    """C{Content-Encoding}."""

    settings = {"server__max_body_bytes": 1000, "upstream__profile": "openai"}

    def ask_packed(self, packed: bytes, encoding: str) -> Answer:
        headers = {**JSON, "Content-Encoding": encoding}
        return self.ask("POST", "/v1/responses", headers, packed)

    def test_it_is_what_it_was(self) -> None:
        """Codex packs what it sends to the provider it has built in."""
        for encoding, packed in (
            ("gzip", gzip.compress(QUESTION)),
            ("deflate", zlib.compress(QUESTION)),
            ("zstd", zstandard.compress(QUESTION)),
        ):
            with case(encoding=encoding):
                self.ask_packed(packed, encoding)
                sent = self.sockets[-1].received[0]
                self.assertEqual((sent["model"], sent["input"]), ("m", "i"))

    def test_what_cannot_be_read_is_refused(self) -> None:
        """Before anything goes upstream."""
        self.assert_error(self.ask_packed(QUESTION, "gzip"), 400, None)
        bomb = zstandard.compress(b" " * 1001)
        self.assert_error(self.ask_packed(bomb, "zstd"), 413, "body_too_large")
        self.assertEqual(self.dials, 0)


class BodyLimitTests(Bridge):
    """C{server.max_body_bytes}."""

    settings = {"server__max_body_bytes": 1000}

    def body(self, size: int) -> bytes:
        padding = size - len(QUESTION)
        return QUESTION.replace(b'"i"', b'"i%b"' % (b"a" * padding))

    def test_a_body_at_the_limit_passes(self) -> None:
        """The limit is what may be sent."""
        self.post(self.body(1000))
        self.assertEqual(self.dials, 1)

    def test_a_body_over_the_limit_is_413(self) -> None:
        """One byte more may not."""
        self.assert_error(self.post(self.body(1001)), 413, "body_too_large")
        self.assertEqual(self.dials, 0)

    def test_a_body_of_unknown_length_is_counted_as_it_comes(self) -> None:
        """Chunked transfer announces nothing; what is over is thrown away."""
        link = self.connect_client()
        answer = self.start_upload(link)
        for _ in range(3):
            link.client_end.write(b"200\r\n%b\r\n" % (b"a" * 512))
            self.pump()
        request = link.server.requests[0]
        self.assertLess(request.content.getbuffer().nbytes, 1000)
        link.client_end.write(b"0\r\n\r\n")
        self.pump()
        self.assertIn(b" 413 ", answer())
        self.assertIn(b"body_too_large", answer())

    def test_a_client_that_never_stops_is_cut_off(self) -> None:
        """Patience with a body that is refused anyway has an end."""
        self.patch(guard, "_PATIENCE", 5000)
        link = self.connect_client()
        self.start_upload(link)
        for _ in range(20):
            if not link.cut:
                link.client_end.write(b"200\r\n%b\r\n" % (b"a" * 512))
                self.pump()
        self.assertTrue(link.cut)

    def start_upload(self, link: Link) -> Callable[[], bytes]:
        got: list[bytes] = []
        link.client.dataReceived = got.append
        link.client_end.write(
            b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        self.pump()
        return lambda: b"".join(got)


class RequestIdTests(Bridge):
    """C{x-request-id}."""

    settings = {"server__log_requests": "true"}

    def test_requests_that_went_well_are_logged_if_wanted(self) -> None:
        """Otherwise the log of a busy month is about what went wrong."""
        self.configure(upstream__profile="openai")
        good = self.first_turn().headers["x-request-id"]
        bad = self.post(b"{").headers["x-request-id"]
        self.assertFalse([line for line in self.log if good in line])
        self.assertTrue([line for line in self.log if bad in line])

    def test_every_answer_has_its_own(self) -> None:
        """Good or bad."""
        ids = {
            self.ask("GET", "/health").headers["x-request-id"],
            self.ask("GET", "/nowhere").headers["x-request-id"],
            self.ask("GET", "/health", {"Host": "evil"}).headers["x-request-id"],
            self.post(b"{").headers["x-request-id"],
            self.first_turn().headers["x-request-id"],
        }
        self.assertEqual(len(ids), 5)

    def test_the_log_has_it(self) -> None:
        """One line for each request, with what became of it."""
        request_id = self.first_turn("resp_1").headers["x-request-id"]
        lines = [line for line in self.log if request_id in line]
        self.assertIn("POST /v1/responses 200", lines[-1])
        self.assertIn("resp_1", lines[-1])

    def test_the_log_has_no_query(self) -> None:
        """Queries may hold keys."""
        self.ask("GET", "/health?api_key=sk-canary")
        line = next(line for line in self.log if "/health" in line)
        self.assertNotIn("sk-canary", line)


class StatusLineTests(Bridge):
    """The words behind a status."""

    def test_newer_statuses_have_theirs(self) -> None:
        """And those that nobody has named are no trouble."""

        class Refusal(ChatmockdError):
            pass

        def refuse(*args: object) -> None:
            raise Refusal("no")

        self.patch(self.upstream, "lease", refuse)
        for status, line in ((429, b"429 Too Many Requests"), (499, b"499 Error")):
            Refusal.status = status
            reply = self.ask_raw(
                b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (len(QUESTION), QUESTION)
            )
            self.assertTrue(reply.startswith(b"HTTP/1.1 %b\r\n" % line), reply[:60])


class OwnMistakeTests(Bridge):
    """A defect of ours, before anything was written."""

    def test_it_is_a_plain_500(self) -> None:
        """JSON without a traceback; the log has the traceback."""

        def broken(*args: object) -> None:
            raise ZeroDivisionError("secret detail")

        self.patch(self.upstream, "lease", broken)
        answer = self.post()
        self.assert_error(answer, 500, "internal_error")
        self.assertNotIn(b"secret detail", answer.body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_error_headers_go_along(self) -> None:
        """What an error says of retrying reaches the client."""

        class Later(ChatmockdError):
            retry_after = 7
            should_retry = False

        def refuse(*args: object) -> None:
            raise Later("later")

        self.patch(self.upstream, "lease", refuse)
        answer = self.post(headers=JSON)
        self.assertEqual(answer.headers["retry-after"], "7")
        self.assertEqual(answer.headers["x-should-retry"], "false")
