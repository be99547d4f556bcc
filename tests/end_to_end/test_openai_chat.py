"""The official C{openai} client's chat API, against the daemon and its simulator."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar

import openai
from openai import OpenAI
from pydantic import BaseModel

from tests.end_to_end.lasting import lasting, store_of
from tests.end_to_end.openai_sdk import ASK, MODEL, TELL, client_of
from tests.end_to_end.place import Daemon, Place

COUNTED = "1, 2, 3, 4, 5"
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


class Meeting(BaseModel):
    """What is to be read out of a sentence."""

    name: str
    day: str


class OpenAiChatTests(unittest.TestCase):
    """Upstream is api.openai.com."""

    profile: ClassVar[str] = "openai"
    daemon: ClassVar[Daemon]
    client: ClassVar[OpenAI]

    @classmethod
    def setUpClass(cls) -> None:
        place = cls.enterClassContext(Place())
        cls.daemon = place.start(
            *lasting(store_of(place)), f"upstream.profile={cls.profile}"
        )
        cls.client = cls.enterClassContext(client_of(cls.daemon))

    def say(self, *texts: str, **more: Any) -> Any:
        """One turn, from what a user says."""
        messages: list[Any] = [{"role": "user", "content": text} for text in texts]
        return self.ask(messages, **more)

    def ask(self, messages: list[Any], **more: Any) -> Any:
        """One turn."""
        return self.client.chat.completions.create(
            model=MODEL, messages=messages, **more
        )

    def bare(self, content: str | None) -> str:
        """An answer without its reasoning, which must be there if it is asked for."""
        content = content or ""
        if self.profile == "chatgpt":
            self.assertTrue(content.startswith("<think>**Reading"), content)
            return content.partition("</think>")[2]
        return content

    def test_create(self) -> None:
        """A completion with text and usage."""
        completion = self.say("Count to 5.")
        (choice,) = completion.choices
        self.assertEqual(self.bare(choice.message.content), COUNTED)
        self.assertEqual(choice.message.role, "assistant")
        self.assertEqual(choice.finish_reason, "stop")
        self.assertTrue(completion.id.startswith("chatcmpl-"))
        self.assertGreater(completion.usage.completion_tokens, 0)
        self.assertGreater(completion.created, 1_700_000_000)

    def test_stream(self) -> None:
        """Chunks that say the same, and the usage last."""
        with self.say(
            "Count to 5.", stream=True, stream_options={"include_usage": True}
        ) as stream:
            *chunks, last = stream
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        said = "".join(c.choices[0].delta.content or "" for c in chunks)
        self.assertEqual(self.bare(said), COUNTED)
        self.assertEqual(chunks[-1].choices[0].finish_reason, "stop")
        self.assertEqual(last.choices, [])
        self.assertGreater(last.usage.total_tokens, 0)
        self.assertEqual({chunk.id for chunk in chunks}, {last.id})

    def test_stream_helper(self) -> None:
        """chat.completions.stream() puts the chunks together."""
        with self.client.chat.completions.stream(
            model=MODEL, messages=[{"role": "user", "content": "Count to 5."}]
        ) as stream:
            final = stream.get_final_completion()
        self.assertEqual(self.bare(final.choices[0].message.content), COUNTED)

    def test_tools(self) -> None:
        """A call, its result, and the answer; over one connection."""
        for stream in (False, True):
            with self.subTest(stream=stream):
                question = "What is the weather in Paris?"
                history: list[Any] = [{"role": "user", "content": question}]
                message, reason = self.called(history, stream)
                (call,) = message["tool_calls"]
                self.assertEqual(reason, "tool_calls")
                self.assertEqual(call["function"]["name"], "get_weather")
                self.assertEqual(call["function"]["arguments"], '{"city":"Paris"}')
                history += [
                    message,
                    {
                        "role": "tool",
                        "tool_call_id": call["id"],
                        "content": "18 degrees",
                    },
                ]
                raw = self.client.chat.completions.with_raw_response.create(
                    model=MODEL, messages=history, tools=[WEATHER]
                )
                said = self.bare(raw.parse().choices[0].message.content)
                self.assertEqual(said, "get_weather returned: 18 degrees")
                line = self.daemon.log_line(raw.headers["x-request-id"])
                self.assertIn("recognised", line)

    def called(self, history: list[Any], stream: bool) -> tuple[Any, str]:
        """A turn that calls the tool, and why it ended."""
        if not stream:
            choice = self.ask(history, tools=[WEATHER]).choices[0]
            return choice.message.to_dict(), choice.finish_reason
        with self.client.chat.completions.stream(
            model=MODEL, messages=history, tools=[WEATHER]
        ) as helper:
            choice = helper.get_final_completion().choices[0]
        return choice.message.model_dump(exclude_none=True), choice.finish_reason

    def test_parse(self) -> None:
        """chat.completions.parse gives the pydantic model that I asked for."""
        text = 'Alice and Bob have a "science fair" on Friday.'
        parsed = self.client.chat.completions.parse(
            model=MODEL,
            messages=[{"role": "user", "content": text}],
            response_format=Meeting,
        )
        self.assertEqual(
            parsed.choices[0].message.parsed, Meeting(name="science fair", day="Friday")
        )

    def test_conversation(self) -> None:
        """A history that is sent again costs a delta, over the same connection."""
        history: list[Any] = []
        connections = set()
        for number, text in enumerate((TELL, "Count to 3.", ASK)):
            history.append({"role": "user", "content": text})
            raw = self.client.chat.completions.with_raw_response.create(
                model=MODEL, messages=history
            )
            message = raw.parse().choices[0].message
            history.append(message.to_dict())
            line = self.daemon.log_line(raw.headers["x-request-id"])
            connections.add(line.partition("connection ")[2].split(",")[0])
            self.assertEqual("recognised" in line, number > 0, line)
        self.assertIn("ALPHA-42", message.content or "")
        self.assertEqual(len(connections), 1, connections)

    def test_stop(self) -> None:
        """The text ends before the sequence."""
        message = self.say("Count to 5.", stop=", 4").choices[0].message
        self.assertEqual(self.bare(message.content), "1, 2, 3")

    def test_bad_request(self) -> None:
        """BadRequestError, with the path of the field."""
        with self.assertRaises(openai.BadRequestError) as caught:
            self.ask([{"role": "tool", "tool_call_id": "x", "content": "18"}])
        self.assertEqual(caught.exception.param, "messages[0].tool_call_id")

    def test_failure_in_the_middle(self) -> None:
        """APIError, with its code, from the iterator."""
        with self.assertRaises(openai.APIError) as caught:
            with self.say(
                "[[simulate: close=1011 after=8]] Count to 20.", stream=True
            ) as stream:
                for _ in stream:
                    pass
        self.assertEqual(caught.exception.code, "upstream_disconnected")

    def test_length(self) -> None:
        """An answer that is cut short says so."""
        completion = self.say("[[simulate: incomplete]] Count to 20.")
        self.assertEqual(completion.choices[0].finish_reason, "length")

    def test_completions(self) -> None:
        """The legacy API."""
        completion = self.client.completions.create(model=MODEL, prompt="Count to 5.")
        self.assertEqual(completion.choices[0].text, COUNTED)
        with self.client.completions.create(
            model=MODEL, prompt="Count to 5.", stream=True
        ) as stream:
            said = "".join(chunk.choices[0].text for chunk in stream)
        self.assertEqual(said, COUNTED)


class ChatGptChatTests(OpenAiChatTests):
    """Upstream is the ChatGPT plan's backend, which tells its reasoning."""

    profile = "chatgpt"
