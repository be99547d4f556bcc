"""Turns over HTTP, from the client's question to its last byte."""

from __future__ import annotations

from chatmockd.web.relay import COMMENT_AFTER
from tests.bridge import Bridge, completed, created, delta

FLAT = {"type", "code", "message", "param", "sequence_number", "error"}


class StreamingTests(Bridge):
    """What a streaming client gets."""

    settings = {"upstream__profile": "openai"}

    def test_events_pass_through_as_they_are(self) -> None:
        """Each frame is one event: its type, its bytes, LF line ends, no [DONE]."""
        answer = self.stream()
        self.socket.say(
            created("resp_1"),
            b'{"type":"response.output_text.delta","delta":"Gr\xc3\xbc\xc3\x9fe",'
            b'"x": 1.0e3, "sequence_number":1}',
            completed("resp_1", 2),
        )
        self.assertEqual(answer.status, 200)
        self.assertEqual(
            answer.headers["content-type"], "text/event-stream; charset=utf-8"
        )
        # For proxies in between: neither to be kept, nor to be kept back.
        self.assertEqual(answer.headers["cache-control"], "no-cache")
        self.assertEqual(answer.headers["x-accel-buffering"], "no")
        blocks = answer.body.split(b"\n\n")
        self.assertEqual(
            blocks[1],
            b"event: response.output_text.delta\n"
            b'data: {"type":"response.output_text.delta","delta":"Gr\xc3\xbc\xc3\x9fe",'
            b'"x": 1.0e3, "sequence_number":1}',
        )
        self.assertTrue(answer.ended)
        self.assertEqual(answer.kinds[-1], "response.completed")
        self.assertNotIn(b"[DONE]", answer.body)
        self.assertNotIn(b"\r", answer.body)

    def test_events_leave_when_they_come(self) -> None:
        """An event is not held until the next one."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        self.assertEqual(answer.kinds, ["response.created"])
        self.socket.say(delta("a", 1))
        self.assertEqual(len(answer.kinds), 2)
        self.assertFalse(answer.ended)

    def test_the_body_decides_not_accept(self) -> None:
        """SDKs send Accept: application/json for streams, too."""
        answer = self.stream(headers={"Accept": "application/json"})
        self.socket.say(created("resp_1"), completed("resp_1"))
        self.assertEqual(
            answer.headers["content-type"], "text/event-stream; charset=utf-8"
        )

    def test_upstream_frames_are_flat(self) -> None:
        """The upstream gets response.create with the body's members beside it."""
        self.stream(temperature=0.5, unknown={"kept": [1, None]})
        self.assertEqual(
            self.socket.received,
            [
                {
                    "type": "response.create",
                    "model": "gpt-5.5",
                    "input": "Hello?",
                    "temperature": 0.5,
                    "unknown": {"kept": [1, None]},
                }
            ],
        )

    def test_the_status_waits_for_the_first_event(self) -> None:
        """Frames which show nothing about the turn do not decide its status."""
        answer = self.stream()
        self.socket.say({"type": "codex.rate_limits"}, {"type": "keepalive"})
        self.assertIsNone(answer.status)
        self.socket.say(
            {"type": "error", "status": 429, "error": {"code": "slow", "message": "m"}}
        )
        self.assert_error(answer, 429, "slow")

    def test_private_frames_are_kept_back(self) -> None:
        """keepalive, codex.* and response.metadata do not reach the client."""
        answer = self.stream()
        self.socket.say(
            {"type": "codex.response.metadata", "headers": {}},
            created("resp_1"),
            {"type": "keepalive", "sequence_number": 1},
            {"type": "response.metadata"},
            completed("resp_1", 2),
        )
        self.assertEqual(answer.kinds, ["response.created", "response.completed"])

    def test_missing_sequence_numbers_are_supplied(self) -> None:
        """Each event has one, counting on from the last."""
        answer = self.stream()
        self.socket.say(
            {"type": "response.created", "response": {"id": "resp_1"}},
            {"type": "response.output_text.delta", "delta": "a"},
            {"type": "response.completed", "response": {"id": "resp_1"}},
        )
        numbers = [event["sequence_number"] for _, event in answer.events]
        self.assertEqual(numbers, [0, 1, 2])

    def test_incomplete_ends_a_turn_like_completed(self) -> None:
        """The stream ends, and the response can be followed up."""
        answer = self.stream()
        end = completed("resp_1", 1) | {"type": "response.incomplete"}
        self.socket.say(created("resp_1"), end)
        self.assertTrue(answer.ended)
        self.post(previous_response_id="resp_1")
        self.assertEqual(self.socket.received[1]["previous_response_id"], "resp_1")

    def test_a_long_silence_is_filled_with_comments(self) -> None:
        """A comment every 15 s keeps proxies and clients from giving up."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        before = answer.body
        self.wait(COMMENT_AFTER + 1)
        self.assertEqual(answer.body, before + b": keepalive\n\n")
        self.wait(COMMENT_AFTER)
        self.assertEqual(answer.body, before + b": keepalive\n\n" * 2)

    def test_no_comment_before_the_status(self) -> None:
        """As long as the status is open, nothing is written at all."""
        answer = self.stream()
        self.wait(40)
        self.assertIsNone(answer.status)

    def test_a_failed_response_ends_the_stream_with_its_own_event(self) -> None:
        """response.failed passes through; the stream does not say completed."""
        answer = self.stream()
        failed = {
            "type": "response.failed",
            "response": {"id": "resp_1", "error": {"code": "x", "message": "broke"}},
            "sequence_number": 1,
        }
        self.socket.say(created("resp_1"), failed)
        self.assertTrue(answer.ended)
        self.assertEqual(answer.kinds, ["response.created", "response.failed"])
        self.assertEqual(answer.events[-1][1]["response"]["error"]["message"], "broke")

    def test_an_error_event_gets_flat_members_beside_the_nested_ones(self) -> None:
        """VS Code reads the flat ones, the SDKs the nested ones."""
        answer = self.stream()
        self.socket.say(
            created("resp_1"),
            {
                "type": "error",
                "status": 500,
                "error": {"type": "server_error", "code": "oops", "message": "sorry"},
            },
        )
        name, event = answer.events[-1]
        self.assertEqual(name, "error")
        self.assertLessEqual(FLAT, event.keys())
        self.assertEqual(
            (event["code"], event["message"], event["sequence_number"]),
            ("oops", "sorry", 1),
        )
        self.assertEqual(event["error"]["code"], "oops")

    def test_a_lost_upstream_ends_the_stream_with_an_error_event(self) -> None:
        """Never silently, never with HTML, never completed; code and reason told."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        self.socket.close(1011, "keepalive ping timeout")
        self.assertTrue(answer.ended)
        name, event = answer.events[-1]
        self.assertEqual((name, event["code"]), ("error", "upstream_disconnected"))
        self.assertIn("1011", event["message"])
        self.assertIn("keepalive ping timeout", event["message"])
        self.assertEqual(event["sequence_number"], 1)
        self.assertEqual(event["error"]["message"], event["message"])

    def test_a_dropped_upstream_ends_the_stream_with_an_error_event(self) -> None:
        """The same when the transport goes without a close frame."""
        answer = self.stream()
        self.socket.say(created("resp_1"))
        self.socket.drop()
        self.assertEqual(answer.kinds, ["response.created", "error"])
        self.assertTrue(answer.ended)

    def test_a_malformed_frame_ends_the_stream_with_an_error_event(self) -> None:
        """What is not JSON never reaches a client as data."""
        for bad in (b'{"type":"response.output_text.delta","delta":', b"[]", b"hello"):
            answer = self.stream()
            self.socket.say(created("resp_1"), bad)
            self.assertEqual(answer.kinds, ["response.created", "error"], bad)
            self.assertEqual(answer.events[-1][1]["code"], "upstream_malformed_frame")
            self.assertTrue(answer.ended)
        self.assertEqual(self.open_sockets, 0)

    def test_our_own_mistake_ends_the_stream_with_an_error_event(self) -> None:
        """A defect in chatmockd shows as an event and a log entry, not as HTML."""
        answer = self.stream()
        self.socket.say(created("resp_1"))

        def broken(*args: object) -> None:
            raise ZeroDivisionError

        lease = next(iter(self.upstream._leases.values()))
        self.patch(lease._turn, "receive", broken)
        self.socket.say(delta("a", 1))
        self.assertEqual(answer.kinds, ["response.created", "error"])
        self.assertTrue(answer.ended)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class ChatGptProfileTests(Bridge):
    """What the C{chatgpt} profile does to a request."""

    settings = {"upstream__profile": "chatgpt"}

    def test_unsupported_fields_are_stripped_and_named(self) -> None:
        """A header tells the client what it will not get, and the log the operator."""
        fields = {
            "temperature": 1,
            "top_p": 0.5,
            "user": "me",
            "metadata": {"a": "b"},
            "safety_identifier": "s",
            "stream_options": {"include_obfuscation": False},
            "truncation": "auto",
            "max_output_tokens": 100,
            "prompt_cache_retention": "24h",
            "store": True,
        }
        answer = self.post(instructions="Be brief.", **fields)
        self.assertEqual(
            self.socket.received[0],
            {
                "type": "response.create",
                "model": "gpt-5.5",
                "input": [
                    {
                        "type": "message",
                        "role": "user",
                        "content": [{"type": "input_text", "text": "Hello?"}],
                    }
                ],
                "instructions": "Be brief.",
                "store": False,
            },
        )
        self.socket.say(created("resp_1"), completed("resp_1"))
        named = answer.headers["x-chatmockd-adjusted"]
        self.assertEqual(named, ", ".join(sorted(fields)))
        request_id = answer.headers["x-request-id"]
        self.assertTrue(
            any(request_id in line and named in line for line in self.log), self.log
        )

    def test_what_was_not_asked_for_is_not_named(self) -> None:
        """A request that the profile only completes gets no header."""
        answer = self.post(instructions="Be brief.", store=False)
        self.socket.say(created("resp_1"), completed("resp_1"))
        self.assertNotIn("x-chatmockd-adjusted", answer.headers)

    def test_adjustments_are_named_on_errors_too(self) -> None:
        """Somebody who looks for the cause of an error wants to know."""
        self.refuse_connections()
        answer = self.post(top_p=1)
        self.assertIn("top_p", answer.headers["x-chatmockd-adjusted"])


class BadRequestTests(Bridge):
    """Bodies that cannot be sent upstream: answered here, with nothing dialled."""

    def test_unusable_bodies(self) -> None:
        """One readable 400 for each, and the daemon goes on."""
        question = b'"model":"m","input":"i"'
        cases = {
            "empty": b"",
            "blank": b" \n",
            "not JSON": b"{",
            "not an object": b'["a"]',
            "a string": b'"a"',
            "bad UTF-8": b'{"model":"\xff","input":"i"}',
            "NaN": b"{%b," % question + b'"x":NaN}',
            "too large a number": b"{%b," % question + b'"x":1e999}',
            "lone surrogate": b"{%b," % question + b'"x":"\\ud800"}',
            "too deep": b"{%b," % question + b'"x":' + b"[" * 70 + b"]" * 70 + b"}",
            "no model": b'{"input":"i"}',
            "model of a wrong type": b'{"model":1,"input":"i"}',
            "input of a wrong type": b'{"model":"m","input":1}',
            "item of a wrong type": b'{"model":"m","input":["a"]}',
            "stream of a wrong type": b'{"model":"m","input":"i","stream":"yes"}',
            "background": b'{"model":"m","input":"i","background":true}',
            "stream_id": b'{"model":"m","input":"i","stream_id":"a"}',
        }
        for name, body in cases.items():
            answer = self.post(body)
            self.assertEqual(answer.status, 400, name)
            self.assertEqual(answer.error["type"], "invalid_request_error", name)
            self.assertTrue(answer.error["message"], name)
        self.assertEqual(self.dials, 0)
        self.first_turn()
