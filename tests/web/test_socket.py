"""One client WebSocket: what it may send, how fast it must read, how it ends."""

from __future__ import annotations

import json

from tests.bridge import completed, created, delta
from tests.core.cases import case
from tests.web.socket_client import SocketBridge, SocketClient

CREATE = {"type": "response.create", "model": "gpt-5.5", "input": "Hello?"}


class MessageTests(SocketBridge):
    """What a client may say."""

    def test_a_turn(self) -> None:
        """The upstream's own JSON, one message per event."""
        client = self.open()
        client.say()
        self.answer_socket(0, "resp_1")
        self.assertEqual(
            client.events,
            [created("resp_1"), delta("Hi.", 1), completed("resp_1", 2)],
        )

    def test_what_goes_upstream(self) -> None:
        """All fields but those about the connection; C{generate} is the upstream's."""
        client = self.open()
        client.say(
            stream_id="a",
            stream=False,
            background=False,
            generate=False,
            client_metadata={"x": "y"},
            include=["reasoning.encrypted_content"],
        )
        self.assertEqual(
            self.socket.received[0],
            CREATE
            | {
                "generate": False,
                "client_metadata": {"x": "y"},
                "include": ["reasoning.encrypted_content"],
            },
        )

    def test_defaults(self) -> None:
        """What a request does not say is filled in here, too."""
        self.configure(defaults__reasoning_effort="low", defaults__web_search=True)
        client = self.open()
        client.say(model="gpt-5.5:high", fast_mode=True)
        (asked,) = self.socket.received
        self.assertEqual(asked["model"], "gpt-5.5")
        self.assertEqual(asked["reasoning"], {"effort": "high"})
        self.assertEqual(asked["service_tier"], "priority")
        self.assertEqual(asked["tools"], [{"type": "web_search"}])

    def test_what_is_no_message(self) -> None:
        """An error event, with a status; the next one is served."""
        client = self.open()
        for sent, code, param in (
            (b"{", None, None),
            (b"", None, None),
            (b"[1]", None, None),
            (b'"response.create"', None, None),
            (b'{"a":NaN}', None, None),
            (b'{"a":"\\ud800"}', None, None),
            (b"[" * 100_000, None, None),
            ({}, "invalid_value", "type"),
            ({"type": 7}, "invalid_value", "type"),
            ({"type": "response.cancel"}, "invalid_value", "type"),
            ({"type": "response.create"}, "missing_required_parameter", "model"),
            (CREATE | {"model": ""}, "invalid_type", "model"),
            (CREATE | {"input": 7}, "invalid_type", "input"),
            (CREATE | {"background": True}, "unsupported_parameter", "background"),
            (CREATE | {"background": 1}, "invalid_type", "background"),
            (CREATE | {"stream_id": "a b"}, "invalid_stream_id", "stream_id"),
            (CREATE | {"stream_id": 7}, "invalid_stream_id", "stream_id"),
            (CREATE | {"stream_id": ""}, "invalid_stream_id", "stream_id"),
        ):
            with case(sent=sent):
                client.forget()
                client.say(sent)
                (event,) = client.events
                self.assert_error_event(event, 400, code)
                self.assertEqual(event["param"], param)
        self.assertEqual(self.dials, 0)
        client.say()
        self.answer_socket(0, "resp_1")
        self.assertEqual(client.kinds[-1], "response.completed")

    def test_an_error_names_its_lane(self) -> None:
        """Where that can be told."""
        client = self.open()
        client.say({"type": "response.create", "stream_id": "a"})
        self.assert_error_event(
            client.events[0], 400, "missing_required_parameter", "a"
        )

    def test_what_codex_tells_for_statistics(self) -> None:
        """It expects no answer."""
        client = self.open()
        client.say({"type": "response.processed", "response_id": "resp_1"})
        self.assertEqual(client.events, [])

    def test_fragments(self) -> None:
        """They are one message, with a ping in the middle."""
        client = self.open()
        data = json.dumps(CREATE).encode()
        client.parser.send_text(data[:10], fin=False)
        client.parser.send_continuation(data[10:20], fin=False)
        client.ping(b"still here")
        client.parser.send_continuation(data[20:], fin=True)
        client.flush()
        self.pump()
        self.assertEqual(client.pongs, [b"still here"])
        self.assertEqual(self.socket.received, [CREATE])

    def test_byte_by_byte(self) -> None:
        """However the network cuts it."""
        client = self.open()
        client.parser.send_text(json.dumps(CREATE).encode())
        for data in client.parser.data_to_send():
            for byte in data:
                client.say_raw(bytes((byte,)))
        self.assertEqual(self.socket.received, [CREATE])

    def test_many_at_once(self) -> None:
        """A thousand refusals in one lane end one by one, not each in the other."""
        client = self.open()
        client.say()
        for _ in range(2000):
            client.parser.send_text(b"{}")
        client.flush()
        self.pump()
        self.answer_socket(0, "resp_1")
        self.assertEqual(client.kinds.count("error"), 2000)
        self.assertEqual(client.kinds[2], "response.completed")


class ViolationTests(SocketBridge):
    """What ends the connection."""

    settings = {"upstream__profile": "openai", "server__max_body_bytes": "1000"}

    def test_binary(self) -> None:
        """An error that says so, and 1003."""
        client = self.open()
        client.parser.send_binary(json.dumps(CREATE).encode())
        client.flush()
        self.pump()
        self.assert_error_event(client.events[0], 400, "invalid_message")
        self.assertEqual(client.close_code, 1003)
        self.assertTrue(client.lost)
        self.assertEqual(self.dials, 0)

    def test_too_large(self) -> None:
        """An error that says so, and 1009, before all of it has come."""
        client = self.open()
        client.say(CREATE | {"input": "x" * (1000 - 68)})
        self.assertEqual(len(self.socket.received), 1)
        client.say_raw(b"\x81\xff" + (10**9).to_bytes(8, "big") + b"\0\0\0\0{")
        self.assert_error_event(client.events[0], 413, "body_too_large")
        self.assertEqual(client.close_code, 1009)

    def test_too_large_in_fragments(self) -> None:
        """They are counted together."""
        client = self.open()
        client.parser.send_text(b"x" * 600, fin=False)
        client.parser.send_continuation(b"x" * 600, fin=False)
        client.flush()
        self.pump()
        self.assert_error_event(client.events[0], 413, "body_too_large")
        self.assertEqual(client.close_code, 1009)

    def test_fragments_of_nothing(self) -> None:
        """They are counted, too."""
        client = self.open()
        client.parser.send_text(b"", fin=False)
        for _ in range(20_000):
            client.parser.send_continuation(b"", fin=False)
        client.flush()
        self.pump()
        self.assertEqual(client.close_code, 1009)

    def test_what_is_no_websocket(self) -> None:
        """1002 and 1007, by the book."""
        for sent, code in (
            (b"\x81\x02{}", 1002),  # not masked
            (b"\xc1\x80\0\0\0\0", 1002),  # a reserved bit
            (b"\x83\x80\0\0\0\0", 1002),  # a reserved opcode
            (b"\x81\x82\0\0\0\0\xff\xff", 1007),  # not UTF-8
        ):
            with case(sent=sent):
                client = self.open()
                client.say_raw(sent)
                self.assertEqual(client.close_code, code)
                self.assertTrue(client.lost)

    def test_running_turns_are_left(self) -> None:
        """Nobody reads their events any more."""
        client = self.open()
        client.say()
        self.socket.say(created("resp_1"))
        client.say_raw(b"\x83\x80\0\0\0\0")
        self.assertEqual(client.close_code, 1002)
        self.assertEqual(self.open_sockets, 0)
        self.assertEqual(self.api._in_flight, 0)

    def test_messages_behind_a_close_are_not_read(self) -> None:
        """The client was told that it is over."""
        client = self.open()
        client.answers = False
        client.parser.send_binary(b"{}")
        client.say()
        self.assertEqual(len(client.events), 1)
        self.assertEqual(self.dials, 0)
        self.wait(7)
        self.assertTrue(client.lost)

    def test_our_own_mistakes(self) -> None:
        """The connection is dropped, and the log has the reason."""
        client = self.open()

        def fail(*arguments: object) -> None:
            raise ZeroDivisionError("for the test")

        self.patch(self.turns, "begin", fail)
        client.say()
        self.assert_error_event(client.events[0], 500, "internal_error")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.patch(self.turns, "upstream", None)
        client.say()
        self.assertTrue(client.lost)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)


class EndTests(SocketBridge):
    """How clients go."""

    def run_turn(self) -> SocketClient:
        client = self.open()
        client.say()
        self.socket.say(created("resp_1"))
        return client

    def test_a_close_while_idle(self) -> None:
        """It is answered with the same code."""
        client = self.open()
        client.close()
        self.assertEqual(client.close_code, 1000)
        self.assertTrue(client.lost)
        self.assertEqual(self.site.channels, set())

    def test_a_close_in_the_middle(self) -> None:
        """The turn is given up, as over HTTP."""
        client = self.run_turn()
        client.say()
        client.close()
        self.assertEqual(self.open_sockets, 0)
        self.assertEqual(self.dials, 1)
        self.assertEqual(self.api._in_flight, 0)

    def test_gone_without_a_word(self) -> None:
        """So it is then."""
        client = self.run_turn()
        client.say()
        client.leave()
        self.assertEqual(self.open_sockets, 0)
        self.assertEqual(self.dials, 1)
        self.assertEqual(self.api._in_flight, 0)
        self.assertTrue(any("client gone" in line for line in self.log))

    def test_the_result_is_banked(self) -> None:
        """In mode durable, the turn is read on for a while."""
        self.configure(**self.settings, continuity__mode="durable")
        client = self.run_turn()
        client.leave()
        self.socket.say(completed("resp_1"))
        self.assertEqual(self.ask("GET", "/v1/responses/resp_1").status, 200)

    def test_a_close_by_one_that_reads_nothing(self) -> None:
        """What waits for it is thrown away after some seconds."""
        client = self.run_turn()
        client.stall()
        self.socket.say(delta("x" * 100_000, 1))
        client.close()
        self.assertEqual(self.open_sockets, 0)
        self.assertFalse(client.link.cut)
        self.wait(7)
        self.assertTrue(client.link.cut)

    def test_nothing_is_left_of_it(self) -> None:
        """Neither in the pulse nor among the open ones."""
        members = len(self.site.channels)
        clients = [self.open() for _ in range(5)]
        for client in clients:
            client.leave()
        self.assertEqual(len(self.site.channels), members)
        self.assertEqual(self.api._sockets._open, set())
        self.assertEqual(self.clock.getDelayedCalls(), [])


class PulseTests(SocketBridge):
    """Pings."""

    def test_an_idle_client_is_pinged(self) -> None:
        """Every twenty seconds, for as long as it likes."""
        client = self.open()
        self.wait(18)
        self.assertEqual(client.pings, 0)
        self.wait(4)
        self.assertEqual(client.pings, 1)
        self.wait(2 * 3600)
        self.assertFalse(client.lost)
        self.assertGreater(client.pings, 300)
        client.say()
        self.assertEqual(self.dials, 1)

    def test_one_that_does_not_answer_is_given_up(self) -> None:
        """After a minute; its turns are left."""
        client = self.open()
        client.say()
        client.answers = False
        self.wait(55)
        self.assertFalse(client.lost)
        self.assertEqual(client.pings, 2)
        self.wait(8)
        self.assertTrue(client.lost)
        self.assertEqual(self.open_sockets, 0)

    def test_one_that_speaks_is_not_pinged(self) -> None:
        """Anything counts."""
        client = self.open()
        for number in range(10):
            self.wait(15)
            client.ping(b"%d" % number)
        self.assertEqual(client.pings, 0)
        self.assertEqual(len(client.pongs), 10)
