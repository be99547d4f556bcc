"""One question, asked in all ways: the same answer, of the types that SDKs have."""

from __future__ import annotations

import json
import re
import unittest
from collections.abc import Iterator
from typing import Any, ClassVar

from websockets.sync.client import connect

from tests.core.cases import case
from tests.end_to_end.client import Client, events_in
from tests.end_to_end.openai_sdk import MODEL
from tests.end_to_end.place import Daemon, Place, wait_for
from tests.sdk_types import check_event, check_item, check_message, check_response

Event = dict[str, Any]

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
SHOUT = {"type": "custom", "name": "shout", "description": "Takes a text."}
NAME = {
    "type": "json_schema",
    "name": "person",
    "schema": {"type": "object", "properties": {"name": {"type": "string"}}},
}

GOOD: dict[str, dict[str, Any]] = {
    "text": {"input": "Count to 5."},
    "short": {"input": "Count to 20. [[simulate: incomplete]]"},
    "filtered": {"input": "Count to 20. [[simulate: incomplete=content_filter]]"},
    "reasoning": {
        "input": "Think, and count to 3.",
        "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
    },
    "function": {
        "input": "Use get_weather for Paris.",
        "tools": [WEATHER],
        "tool_choice": {"type": "function", "name": "get_weather"},
        "parallel_tool_calls": False,
    },
    "custom tool": {
        "input": 'Use shout with "hello".',
        "tools": [SHOUT, {"type": "web_search"}],
        "tool_choice": {
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [{"type": "custom", "name": "shout"}],
        },
    },
    "structured": {"input": "My name is Bob.", "text": {"format": NAME}},
    "settings": {
        "input": "Say hi.",
        "instructions": "Be nice.",
        "metadata": {"a": "b"},
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 1000,
        "truncation": "auto",
        "service_tier": "flex",
        "user": "me",
        "stream_options": {"include_obfuscation": False},
    },
    "no output": {"input": "Say it. [[simulate: output=empty]]"},
    "no numbers": {"input": "Say it. [[simulate: without=sequence_number]]"},
    "no usage details": {"input": "Say it. [[simulate: without=usage_details]]"},
    "nothing but an end": {"input": "Say it. [[simulate: terminal_only]]"},
}
BAD: dict[str, dict[str, Any]] = {
    "failed": {"input": "Say it. [[simulate: failed after=6]]"},
    "failed at once": {"input": "Say it. [[simulate: failed]]"},
    "error": {"input": "Say it. [[simulate: error=slow_down after=6]]"},
    "error at once": {"input": "Say it. [[simulate: error=rate_limit_exceeded]]"},
    "flat": {"input": "Say it. [[simulate: error shape=flat after=6]]"},
    "lost": {"input": "Say it. [[simulate: drop after=6]]"},
}

_ID = re.compile(r"\b(resp|msg|rs|fc|ctc|call)_\w{20,}")
_TIME = re.compile(r'"(created_at|completed_at)": \d+')
_SEALED = re.compile(r'"encrypted_content": "[^"]*"')


def told(response: Any) -> Any:
    """A response object without what is another at each time."""
    text = _ID.sub(r"\1", json.dumps({**response, "background": None}))
    return json.loads(_SEALED.sub('"sealed": 1', _TIME.sub(r'"\1": 0', text)))


class OpenAITests(unittest.TestCase):
    """Upstream is api.openai.com."""

    profile: ClassVar[str] = "openai"
    daemon: ClassVar[Daemon]

    @classmethod
    def setUpClass(cls) -> None:
        place = cls.enterClassContext(Place())
        cls.daemon = place.start(f"upstream.profile={cls.profile}")
        cls.http = cls.enterClassContext(Client(cls.daemon.port))
        cls.socket = cls.enterClassContext(
            connect(
                f"ws://127.0.0.1:{cls.daemon.port}/v1/responses",
                compression=None,
                proxy=None,
            )
        )

    http: ClassVar[Client]
    socket: ClassVar[Any]

    def get(self, path: str) -> Any:
        return self.http.ask("GET", f"/v1/responses/{path}").json()

    def ask(self, body: dict[str, Any], **more: Any) -> Any:
        """The JSON answer."""
        return self.http.post({"model": MODEL, **body}, **more).json()

    def stream(self, body: dict[str, Any], **more: Any) -> list[Event]:
        """The events of a streamed answer, all of good numbers and types."""
        self.http.post({"model": MODEL, "stream": True, **body}, **more)
        raw = self.http.body()
        self.assertEqual(self.http.status, 200, raw)
        events = events_in(raw)
        self.check_numbers(events)
        for event in events:
            check_event(event)
        if "response" in events[0]:
            name = events[0]["response"]["id"]
            self.http.ask("GET", f"/v1/responses/{name}?stream=true")
            self.assertEqual(self.http.body(), raw)
        return events

    def over_socket(self, body: dict[str, Any]) -> list[Event]:
        """The same over a WebSocket."""
        message = {"type": "response.create", "model": MODEL, **body}
        self.socket.send(json.dumps(message))
        events = [*self._until_end()]
        self.check_numbers(events)
        for event in events:
            check_message(event)
        return events

    def _until_end(self) -> Iterator[Event]:
        kind = ""
        ends = "response.completed", "response.incomplete", "response.failed", "error"
        while kind not in ends:
            event = json.loads(self.socket.recv(10))
            kind = event["type"]
            yield event

    def check_numbers(self, events: list[Event]) -> None:
        numbers = [event["sequence_number"] for event in events]
        self.assertEqual(numbers, [*range(len(events))])

    def polled(self, response_id: str) -> Any:
        """A background response, when it has ended; looked at on the way."""

        def over() -> Any:
            response = self.get(response_id)
            check_response(response)
            self.assertIs(response["background"], True)
            running = response["status"] in ("queued", "in_progress")
            return None if running else response

        return wait_for(f"{response_id} to end", over)

    def ends(self, body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """The response object of each way to ask."""
        yield "JSON", self.ask(body)
        yield "events", self.stream(body)[-1]["response"]
        yield "WebSocket", self.over_socket(body)[-1]["response"]
        begun = self.ask(body, background=True)
        check_response(begun)
        yield "background", self.polled(begun["id"])
        events = self.stream(body, background=True)
        names = {event["response"]["id"] for event in events if "response" in event}
        self.assertEqual(len(names), 1)
        yield "background events", events[-1]["response"]
        yield "background, later", self.polled(names.pop())

    def test_what_goes_well(self) -> None:
        """One response, whoever asks for it and however, and whoever asks again."""
        for name, body in GOOD.items():
            first: Any = None
            for way, response in self.ends(body):
                with case(name=name, way=way):
                    check_response(response)
                    self.assertEqual(self.get(response["id"]), response)
                    first = first or told(response)
                    self.assertEqual(told(response), first)

    def test_what_goes_wrong(self) -> None:
        """One code, in an error or in a response that failed."""
        for name, body in BAD.items():
            with case(name=name):
                body = {"model": MODEL, **body}
                refused = self.ask(body)["error"]
                self.assertGreaterEqual(self.http.status, 400)
                last = self.over_socket(body)[-1]
                codes = {(last.get("response") or last)["error"]["code"]}
                if "at once" not in name:
                    last = self.stream(body)[-1]
                    codes.add((last.get("response") or last)["error"]["code"])
                polled = self.polled(self.ask(body, background=True)["id"])
                self.assertEqual(polled["status"], "failed")
                codes.add(polled["error"]["code"])
                if name == "lost":
                    # Who has seen nothing of it is told that nothing is known.
                    expected = {"upstream_disconnected", "upstream_outcome_unknown"}
                else:
                    expected = {refused["code"]}
                self.assertEqual(codes, expected)

    def test_input_items(self) -> None:
        """They are of the SDK's types, too, however short they were written."""
        call = {"type": "function_call", "call_id": "call_1", "name": "get_weather"}
        given = [
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": "Hello?"},
            {"role": "assistant", "content": "Hello."},
            {**call, "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "18"},
            {"role": "user", "content": "So?"},
        ]
        first = self.ask({"input": given, "tools": [WEATHER]})
        second = self.ask({"input": "And?"}, previous_response_id=first["id"])
        listed = self.get(f"{second['id']}/input_items?order=asc")
        self.assertEqual(len(listed["data"]), len(given) + 2)
        for item in listed["data"]:
            check_item(item)


class ChatGPTTests(OpenAITests):
    """Upstream is the ChatGPT backend."""

    profile: ClassVar[str] = "chatgpt"
