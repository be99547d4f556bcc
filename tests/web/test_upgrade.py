"""C{GET /v1/responses}: who gets a WebSocket, and what everybody else is told."""

from __future__ import annotations

from tests.bridge import JSON, Answer, completed, created
from tests.core.cases import case
from tests.test_daemon import _Daemon
from tests.web.socket_client import SocketBridge

UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class _Asking(SocketBridge):
    def get(self, **changes: str | None) -> Answer:
        """The handshake with these headers changed, or left out."""
        headers = dict(UPGRADE)
        for name, value in changes.items():
            name = name.replace("_", "-")
            headers.pop(name, None)
            if value is not None:
                headers[name] = value
        return self.ask("GET", "/v1/responses", headers)


class AdmissionTests(_Asking):
    """The same rules as for every request, before any 101."""

    def test_strangers_stay_outside(self) -> None:
        """A foreign host name, a web page."""
        for changes in (
            {"Host": "evil.example"},
            {"Host": "127.0.0.1.evil.example:8000"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            with case(changes=changes):
                answer = self.get(**changes)
                self.assert_error(answer, 403, "forbidden")
        self.assertEqual(self.dials, 0)

    def test_a_page_that_is_let_in(self) -> None:
        """One that C{server.allowed_origins} names."""
        self.configure(server__allowed_origins="https://app.example", **self.settings)
        client = self.connect({"Origin": "https://app.example"})
        assert client.response is not None
        self.assertEqual(client.response.status_code, 101)
        answer = self.get(Origin="https://other.example")
        self.assert_error(answer, 403, "forbidden")


class HandshakeTests(_Asking):
    """What is no handshake, or no good one."""

    def test_an_ordinary_request(self) -> None:
        """426, with what to do about it."""
        for headers in ({}, {"Upgrade": "h2c", "Connection": "Upgrade"}):
            answer = self.ask("GET", "/v1/responses", headers)
            self.assert_error(answer, 426, "upgrade_required")
            self.assertEqual(answer.headers["upgrade"], "websocket")
            self.assertIn("POST", answer.error["message"])

    def test_bad_handshakes(self) -> None:
        """400, with the version that is spoken here."""
        for changes in (
            {"Connection": "keep-alive"},
            {"Sec_WebSocket_Version": "8"},
            {"Sec_WebSocket_Version": None},
            {"Sec_WebSocket_Key": None},
            {"Sec_WebSocket_Key": "short"},
            {"Transfer_Encoding": "chunked"},
        ):
            with case(changes=changes):
                headers = {k.replace("_", "-"): v for k, v in changes.items()}
                if "Transfer-Encoding" in headers:
                    raw = self.ask_raw(
                        b"GET /v1/responses HTTP/1.1\r\nHost: localhost\r\n"
                        b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                        b"Sec-WebSocket-Version: 13\r\n"
                        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                    )
                    self.assertIn(b"HTTP/1.1 400", raw)
                    self.assertIn(b"bad_handshake", raw)
                    continue
                answer = self.get(**changes)
                self.assert_error(answer, 400, "bad_handshake")
                self.assertEqual(answer.headers["sec-websocket-version"], "13")

    def test_a_body(self) -> None:
        """There is no place for one."""
        headers = UPGRADE | JSON
        answer = self.ask("GET", "/v1/responses", headers, b"{}")
        self.assert_error(answer, 400, "bad_handshake")

    def test_the_connection_is_still_there_after_a_refusal(self) -> None:
        """It goes on with HTTP."""
        answer = self.get(Sec_WebSocket_Version="8")
        again = self.ask("GET", "/health", link=answer.link)
        self.assertEqual(again.status, 200)

    def test_after_a_request(self) -> None:
        """A connection which served one may become a WebSocket."""
        first = self.ask("GET", "/health")
        raw: list[bytes] = []
        first.link.client.dataReceived = raw.append  # type: ignore[method-assign]
        lines = "".join(f"{name}: {value}\r\n" for name, value in UPGRADE.items())
        request = f"GET /v1/responses HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"
        first.link.client_end.write(request.encode())
        self.pump()
        self.assertIn(b"HTTP/1.1 101", raw[0])
        self.assertIn(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", raw[0])

    def test_other_methods_and_paths(self) -> None:
        """The same errors as ever, with both methods in them."""
        answer = self.ask("PUT", "/v1/responses", JSON, b"{}")
        self.assert_error(answer, 405, "method_not_allowed")
        self.assertEqual(answer.headers["allow"], "GET, HEAD, POST")
        answer = self.ask("HEAD", "/v1/responses")
        self.assertEqual(answer.status, 426)

    def test_the_101(self) -> None:
        """It has a request id, and neither subprotocol nor compression."""
        client = self.connect(
            {
                "Sec-WebSocket-Extensions": "permessage-deflate",
                "Sec-WebSocket-Protocol": "a, b",
                "Authorization": "Bearer unused",
            }
        )
        assert client.response is not None
        headers = client.response.headers
        self.assertEqual(client.response.status_code, 101)
        self.assertTrue(headers["x-request-id"].startswith("req_"))
        self.assertNotIn("sec-websocket-extensions", headers)
        self.assertNotIn("sec-websocket-protocol", headers)

    def test_what_comes_with_the_handshake(self) -> None:
        """A client in a hurry sends its first message at once."""
        text = b'{"type":"response.create","model":"m","input":"Hi"}'
        frame = b"\x81\x80" + b"\0\0\0\0"
        frame = bytes((0x81, 0x80 | len(text))) + b"\0\0\0\0" + text
        self.connect(rest=frame)
        self.assertEqual(self.socket.received[0]["input"], "Hi")


class DrainTests(SocketBridge, _Daemon):
    """SIGTERM."""

    def test_idle_ones_are_closed(self) -> None:
        """With 1001, at once; there are no new ones."""
        daemon = self.started()
        client = self.open()
        stopped = daemon.stopService()
        self.pump()
        self.assertEqual(client.close_code, 1001)
        self.assertTrue(client.lost)
        self.successResultOf(stopped)

    def test_running_turns_end_first(self) -> None:
        """What waits is told so, and what comes; then it is closed."""
        daemon = self.started()
        client = self.open()
        client.say(stream_id="a")
        client.say(stream_id="a")
        self.socket.say(created("resp_1"))
        stopped = daemon.stopService()
        self.pump()
        client.say(stream_id="b")
        self.assertIsNone(client.close_code)
        self.assert_error_event(client.events[-2], 503, "shutting_down", "a")
        self.assert_error_event(client.events[-1], 503, "shutting_down", "b")
        refused = self.ask("GET", "/v1/responses", UPGRADE)
        self.assert_error(refused, 503, "shutting_down")
        self.wait(20)
        self.assertNoResult(stopped)
        self.socket.say(completed("resp_1"))
        self.assertEqual(client.lane("a")[-1], "response.completed")
        self.assertEqual(client.close_code, 1001)
        self.assertTrue(client.lost)
        self.wait(1)
        self.successResultOf(stopped)

    def test_turns_that_do_not_end_are_ended(self) -> None:
        """After C{server.drain_s}, with an error event."""
        daemon = self.started(drain=10)
        client = self.open()
        client.say()
        self.socket.say(created("resp_1"))
        stopped = daemon.stopService()
        self.wait(12)
        self.assert_error_event(client.events[-1], 503, "shutting_down")
        self.assertEqual(client.close_code, 1001)
        self.successResultOf(stopped)

    def test_who_does_not_answer_the_close_is_cut_off(self) -> None:
        """After some seconds."""
        daemon = self.started()
        client = self.open()
        client.answers = False
        stopped = daemon.stopService()
        self.wait(3)
        self.assertNoResult(stopped)
        self.wait(4)
        self.assertTrue(client.link.cut)
        self.successResultOf(stopped)

    def test_who_reads_nothing_is_cut_off(self) -> None:
        """With whatever waits for it."""
        daemon = self.started(drain=1)
        client = self.open()
        client.say()
        client.stall()
        self.socket.say(created("resp_1"))
        stopped = daemon.stopService()
        self.wait(15)
        self.successResultOf(stopped)
        self.assertTrue(client.link.cut)

    def test_two_servers_worth_of_sockets(self) -> None:
        """Those that have been closed before are not asked again."""
        daemon = self.started()
        clients = [self.open() for _ in range(3)]
        clients[0].close()
        clients[1].leave()
        stopped = daemon.stopService()
        self.pump()
        self.assertEqual(clients[2].close_code, 1001)
        self.successResultOf(stopped)
