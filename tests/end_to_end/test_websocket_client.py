"""WebSocket clients over real sockets: OpenAI's SDK, and one that speaks like Codex."""

from __future__ import annotations

import asyncio
import json
import unittest
from typing import Any, ClassVar

from openai import AsyncOpenAI, DefaultAsyncHttpxClient, OpenAI
from openai.resources.responses.responses import ResponsesConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.end_to_end.openai_sdk import ASK, MODEL, TELL, WEATHER, client_of
from tests.end_to_end.place import Daemon, Place

_DIRECT: Any = {"proxy": None}  # whatever the environment says


class SdkTests(unittest.TestCase):
    """C{client.responses.connect()}; upstream is api.openai.com."""

    profile: ClassVar[str] = "openai"
    mode: ClassVar[str] = "durable"
    daemon: ClassVar[Daemon]
    client: ClassVar[OpenAI]

    @classmethod
    def setUpClass(cls) -> None:
        place = cls.enterClassContext(Place())
        cls.daemon = place.start(
            f"upstream.profile={cls.profile}", f"continuity.mode={cls.mode}"
        )
        cls.client = cls.enterClassContext(client_of(cls.daemon))

    def connection(self) -> ResponsesConnection:
        return self.enterContext(
            self.client.responses.connect(websocket_connection_options=_DIRECT)
        )

    def turn(
        self, connection: ResponsesConnection, text: str | list[Any], **more: Any
    ) -> list[Any]:
        """Ask, and have all events up to the last one."""
        connection.response.create(model=MODEL, input=text, **more)
        return self.events(connection)

    def events(self, connection: ResponsesConnection) -> list[Any]:
        events = []
        while True:
            event: Any = connection.recv()
            events.append(event)
            if event.type in (
                "response.completed",
                "response.incomplete",
                "response.failed",
                "error",
            ):
                return events

    def test_two_turns(self) -> None:
        """The second follows up on the first, over one upstream connection."""
        connection = self.connection()
        events = self.turn(connection, TELL)
        self.assertEqual(
            [event.sequence_number for event in events], list(range(len(events)))
        )
        self.assertEqual(events[0].type, "response.created")
        told = events[-1].response
        self.assertEqual(told.status, "completed")
        events = self.turn(connection, ASK, previous_response_id=told.id)
        asked = events[-1].response
        self.assertIn("ALPHA-42", asked.output_text)
        self.assertEqual(asked.previous_response_id, told.id)
        numbers = {
            self.daemon.log_line(response.id).partition("connection ")[2].split(",")[0]
            for response in (told, asked)
        }
        self.assertEqual(len(numbers), 1)

    def test_tool(self) -> None:
        """A call and its output."""
        connection = self.connection()
        question = "What is the weather in Paris?"
        called = self.turn(connection, question, tools=[WEATHER])[-1].response
        call = called.output[-1]
        self.assertEqual(
            (call.name, call.arguments), ("get_weather", '{"city":"Paris"}')
        )
        output = {
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": "18 degrees",
        }
        events = self.turn(
            connection, [output], previous_response_id=called.id, tools=[WEATHER]
        )
        self.assertEqual(
            events[-1].response.output_text, "get_weather returned: 18 degrees"
        )

    def test_errors(self) -> None:
        """They are events, and the connection goes on."""
        connection = self.connection()
        for more, status, code in (
            (
                {"previous_response_id": "resp_no"},
                400,
                "previous_response_not_found",
            ),
            ({"background": True}, 400, "unsupported_parameter"),
            ({"input": "[[simulate: error=rate_limit_exceeded]] Hi"}, 429, None),
        ):
            with self.subTest(more=more):
                (error,) = self.turn(connection, **{"text": "Hi", **_text(more)})
                self.assertEqual((error.type, error.status), ("error", status))
                self.assertEqual(error.code, code or "rate_limit_exceeded")
                self.assertEqual(error.error.code, error.code)
        events = self.turn(connection, "Count to 3.")
        self.assertEqual(events[-1].response.output_text, "1, 2, 3")

    def test_errors_in_the_middle(self) -> None:
        """They are the turn's last event."""
        connection = self.connection()
        for fault in ("error=server_error", "close=1011", "drop", "malformed"):
            with self.subTest(fault=fault):
                events = self.turn(
                    connection, f"[[simulate: {fault} after=8]] Count to 20."
                )
                self.assertIn("response.output_text.delta", [e.type for e in events])
                self.assertEqual(events[-1].type, "error")
                self.assertGreaterEqual(events[-1].status, 400)
                self.assertTrue(events[-1].code)
        events = self.turn(
            connection, "[[simulate: failed=server_error after=8]] Count to 20."
        )
        self.assertEqual(events[-1].type, "response.failed")

    def test_lanes(self) -> None:
        """Two responses at once, told apart by C{stream_id}."""
        connection = self.connection()
        for lane, last in (("a", 30), ("b", 20)):
            connection.response.create(
                model=MODEL,
                input=f"[[simulate: pace_s=0.002]] Count to {last}.",
                stream_id=lane,
            )
        said = {"a": "", "b": ""}
        order = []
        ended = 0
        while ended < 2:
            event: Any = connection.recv()
            order.append(event.stream_id)
            if event.type == "response.output_text.delta":
                said[event.stream_id] += event.delta
            ended += event.type == "response.completed"
        self.assertTrue(said["a"].endswith(", 29, 30"))
        self.assertTrue(said["b"].endswith(", 19, 20"))
        self.assertNotEqual(order, sorted(order))

    def test_to_and_fro(self) -> None:
        """Begun over a WebSocket, continued over HTTP, and back again."""
        connection = self.connection()
        told = self.turn(connection, TELL)[-1].response
        middle = self.client.responses.create(
            model=MODEL, input="Count to 3.", previous_response_id=told.id
        )
        self.assertEqual(middle.output_text, "1, 2, 3")
        asked = self.turn(connection, ASK, previous_response_id=middle.id)
        self.assertIn("ALPHA-42", asked[-1].response.output_text)

    def test_dispatch(self) -> None:
        """The SDK's own loop over events."""
        said: list[str] = []
        with self.client.responses.connect(
            websocket_connection_options=_DIRECT
        ) as connection:
            connection.on("response.output_text.delta", lambda e: said.append(e.delta))
            connection.on("response.completed", lambda e: connection.close())
            connection.response.create(model=MODEL, input="Count to 5.")
            connection.dispatch_events()
        self.assertEqual("".join(said), "1, 2, 3, 4, 5")

    def test_async(self) -> None:
        """Many connections at once."""

        async def turns() -> list[str]:
            async with AsyncOpenAI(
                api_key="unused",
                base_url=self.daemon.base_url,
                http_client=DefaultAsyncHttpxClient(trust_env=False),
            ) as client:

                async def turn(last: int) -> str:
                    async with client.responses.connect(
                        websocket_connection_options=_DIRECT
                    ) as connection:
                        await connection.response.create(
                            model=MODEL, input=f"Count to {last}."
                        )
                        async for event in connection:
                            if event.type == "response.completed":
                                return event.response.output_text
                    return ""

                return await asyncio.gather(*(turn(last) for last in range(1, 31)))

        said = asyncio.run(turns())
        self.assertEqual(said[4], "1, 2, 3, 4, 5")
        self.assertEqual(len(said), 30)


class RetainedTests(SdkTests):
    """The same without a tree."""

    mode = "retained"


class ChatGptTests(SdkTests):
    """Upstream is the ChatGPT plan's backend."""

    profile = "chatgpt"


class CodexTests(unittest.TestCase):
    """A client with Codex's fields and Codex's ways; upstream is what Codex has."""

    daemon: ClassVar[Daemon]

    @classmethod
    def setUpClass(cls) -> None:
        place = cls.enterClassContext(Place())
        cls.daemon = place.start("upstream.profile=chatgpt")

    def connect(self, **headers: str) -> ClientConnection:
        url = self.daemon.base_url.replace("http", "ws", 1) + "/responses"
        return self.enterContext(
            connect(
                url,
                proxy=None,
                max_size=None,
                additional_headers={
                    "Authorization": "Bearer unused",
                    "OpenAI-Beta": "responses_websockets=2026-02-06",
                    "originator": "codex_cli_rs",
                    "session-id": "0196-thread",
                    "thread-id": "0196-thread",
                    "x-codex-beta-features": "",
                    **headers,
                },
            )
        )

    def ask(
        self, socket: ClientConnection, given: list[Any], **more: Any
    ) -> list[dict[str, Any]]:
        body = {
            "type": "response.create",
            "model": MODEL,
            "instructions": "You are Codex.",
            "input": given,
            "tools": [WEATHER],
            "tool_choice": "auto",
            "parallel_tool_calls": False,
            "reasoning": {"effort": "medium", "summary": "auto"},
            "store": False,
            "stream": True,
            "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": "0196-thread",
            "text": {"verbosity": "low"},
            "client_metadata": {
                "x-codex-installation-id": "0196",
                "x-codex-window-id": "0196-thread:0",
                "x-codex-ws-stream-request-start-ms": "1",
            },
            **more,
        }
        socket.send(json.dumps(body))
        events: list[dict[str, Any]] = []
        while not events or events[-1]["type"] not in (
            "response.completed",
            "response.failed",
            "error",
        ):
            events.append(json.loads(socket.recv(timeout=20)))
        return events

    def user(self, text: str) -> dict[str, Any]:
        content = [{"type": "input_text", "text": text}]
        return {"type": "message", "role": "user", "content": content}

    def test_a_session(self) -> None:
        """Prewarm, a turn with a tool, its output, a follow-up: increments only."""
        socket = self.connect()
        history = [self.user("What is the weather in Paris?")]
        events = self.ask(socket, history, generate=False)
        warm = events[-1]["response"]
        self.assertEqual(warm["output"], [])
        events = self.ask(socket, [], previous_response_id=warm["id"])
        called = events[-1]["response"]
        call = called["output"][-1]
        self.assertEqual(call["name"], "get_weather")
        reasoning = [i for i in called["output"] if i["type"] == "reasoning"]
        self.assertTrue(all(item["encrypted_content"] for item in reasoning))
        output = {
            "type": "function_call_output",
            "call_id": call["call_id"],
            "output": "18 degrees",
        }
        events = self.ask(socket, [output], previous_response_id=called["id"])
        answered = events[-1]["response"]
        text = answered["output"][-1]["content"][0]["text"]
        self.assertEqual(text, "get_weather returned: 18 degrees")
        events = self.ask(
            socket, [self.user("Count to 3.")], previous_response_id=answered["id"]
        )
        text = events[-1]["response"]["output"][-1]["content"][0]["text"]
        self.assertEqual(text, "1, 2, 3")
        for event in events:
            self.assertNotIn("codex.", event["type"])

    def test_a_new_socket_takes_the_conversation_up(self) -> None:
        """Codex would resend everything; it need not."""
        first = self.connect()
        told = self.ask(first, [self.user(TELL)])[-1]["response"]
        first.close()
        second = self.connect()
        events = self.ask(second, [self.user(ASK)], previous_response_id=told["id"])
        text = events[-1]["response"]["output"][-1]["content"][0]["text"]
        self.assertIn("ALPHA-42", text)

    def test_an_error_has_a_status(self) -> None:
        """Codex overlooks one without."""
        socket = self.connect()
        events = self.ask(socket, [self.user("Hi")], previous_response_id="resp_no")
        self.assertEqual([event["type"] for event in events], ["error"])
        self.assertEqual(events[0]["status"], 400)
        self.assertEqual(events[0]["error"]["code"], "previous_response_not_found")
        text = "[[simulate: error=usage_limit_reached status=429]] Hi"
        (event,) = self.ask(socket, [self.user(text)])
        self.assertEqual(event["status"], 429)

    def test_large_messages(self) -> None:
        """Megabytes, either way; more than C{server.max_body_bytes} closes."""
        socket = self.connect()
        events = self.ask(socket, [self.user("x" * 8_000_000 + " Count to 3.")])
        self.assertEqual(events[-1]["type"], "response.completed")
        with self.assertRaises(ConnectionClosed) as caught:
            self.ask(socket, [self.user("x" * 34_000_000)])
            socket.recv(timeout=20)
        assert caught.exception.rcvd is not None
        self.assertEqual(caught.exception.rcvd.code, 1009)

    def test_a_web_page(self) -> None:
        """It gets 403 instead of a WebSocket."""
        with self.assertRaises(InvalidStatus) as caught:
            self.connect(Origin="https://evil.example")
        self.assertEqual(caught.exception.response.status_code, 403)
        body = json.loads(caught.exception.response.body)
        self.assertEqual(body["error"]["code"], "forbidden")

    def test_stopping(self) -> None:
        """The running turn ends, then the socket is closed with 1001."""
        place = self.enterContext(Place())
        daemon = place.start("upstream.profile=openai")
        url = daemon.base_url.replace("http", "ws", 1) + "/responses"
        with connect(url, proxy=None) as idle, connect(url, proxy=None) as busy:
            text = "[[simulate: pace_s=0.02]] Count to 50."
            busy.send(
                json.dumps({"type": "response.create", "model": MODEL, "input": text})
            )
            events = [json.loads(busy.recv(timeout=20))]
            daemon.popen.terminate()
            with self.assertRaises(ConnectionClosed):
                idle.recv(timeout=20)
            with self.assertRaises(ConnectionClosed):
                while True:
                    events.append(json.loads(busy.recv(timeout=20)))
            self.assertEqual(events[-1]["type"], "response.completed")
            for socket in (idle, busy):
                self.assertEqual(socket.close_code, 1001)
        self.assertEqual(daemon.exit_status(), 0)


def _text(more: dict[str, Any]) -> dict[str, Any]:
    """C{input} under the name that L{SdkTests.turn} has for it."""
    return {"text" if name == "input" else name: more[name] for name in more}
