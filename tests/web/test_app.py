"""The routes, and errors outside of them."""

from __future__ import annotations

from tests.bridge import JSON, Bridge, completed, created
from tests.core.cases import case


class RouteTests(Bridge):
    """What exists, and what does not."""

    def test_health(self) -> None:
        """200 when the daemon serves."""
        answer = self.ask("GET", "/health")
        self.assertEqual((answer.status, answer.json), (200, {"status": "ok"}))

    def test_unknown_paths_are_404(self) -> None:
        """As JSON; a doubled or trailing slash is no redirect either."""
        for path in ("/api", "/v1", "/v1/responses/", "/v1//responses", "/v1/engines"):
            answer = self.ask("GET", path)
            self.assert_error(answer, 404, "not_found")

    def test_a_base_url_that_is_nearly_right(self) -> None:
        """The answer says what to do about it, and the log says the same."""
        for path, hint in (
            ("/responses", "/responses. The base URL has to end in /v1."),
            ("/chat/completions", "completions. The base URL has to end in /v1."),
            ("/v1/v1/responses", "responses. The base URL has one /v1 too many."),
            ("/v1/api/chat", "chat. The base URL for Ollama's API has no /v1."),
            ("/v1/embeddings", "/v1/embeddings."),
        ):
            with case(path=path):
                answer = self.ask("POST", path, JSON)
                self.assert_error(answer, 404, "not_found")
                message = answer.error["message"]
                self.assertTrue(message.endswith(hint), message)

    def test_unknown_methods_are_405(self) -> None:
        """With what is allowed."""
        for method in ("PUT", "DELETE", "BREW"):
            answer = self.ask(method, "/v1/responses", JSON)
            self.assert_error(answer, 405, "method_not_allowed")
            self.assertEqual(answer.headers["allow"], "GET, HEAD, POST")

    def test_head_has_no_body(self) -> None:
        """Monitors ask for the head only."""
        link = self.connect_client()
        got: list[bytes] = []
        link.client.dataReceived = got.append  # type: ignore[method-assign]
        link.client_end.write(b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.pump()
        head, _, body = b"".join(got).partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200"))
        self.assertEqual(body, b"")

    def test_one_connection_serves_many_requests(self) -> None:
        """Keep-alive, after good answers, streams and errors."""
        link = self.connect_client()
        for more in ({}, {"stream": True}, {"input": 1}, {}):
            answer = self.post(link=link, **more)
            if not answer.ended:
                self.socket.say(created("resp_1"), completed("resp_1"))
            self.assertTrue(answer.ended, more)
        self.assertFalse(link.cut)


class IdleTests(Bridge):
    """When the daemon may say that nothing is in flight."""

    def test_it_waits_for_the_last_byte(self) -> None:
        """A turn is in flight until its answer has been written."""
        answer = self.post()
        seen: list[bool] = []
        self.api.when_idle().addCallback(lambda _: seen.append(True))
        self.socket.say(created("resp_1"))
        self.assertEqual(seen, [])
        self.socket.say(completed("resp_1"))
        self.assertEqual((seen, answer.ended), ([True], True))
        self.successResultOf(self.api.when_idle())

    def test_a_client_that_left_is_not_in_flight(self) -> None:
        """However it left."""
        answer = self.stream()
        idle = self.api.when_idle()
        answer.leave()
        self.successResultOf(idle)
