"""LangChain's C{ChatOpenAI}, against the daemon and its simulator."""

from __future__ import annotations

import asyncio
import re
import unittest
from typing import Any, ClassVar

import openai
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
)
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openai import DefaultAsyncHttpxClient, DefaultHttpxClient
from pydantic import BaseModel

from tests.end_to_end.lasting import lasting, store_of
from tests.end_to_end.openai_sdk import ASK, MODEL, TELL
from tests.end_to_end.place import Daemon, Place

COUNTED = "1, 2, 3, 4, 5"
_WAY = re.compile(r"\b(new|rebuilt|recognised|follow-up), connection (\d+)")


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


class Meeting(BaseModel):
    """What is to be read out of a sentence."""

    name: str
    day: str


class ChatTests(unittest.TestCase):
    """C{ChatOpenAI} as it comes: it speaks Chat Completions."""

    profile: ClassVar[str] = "openai"
    mode: ClassVar[dict[str, Any]] = {"use_responses_api": False}
    path: ClassVar[str] = "/v1/chat/completions"
    daemon: ClassVar[Daemon]

    @classmethod
    def setUpClass(cls) -> None:
        place = cls.enterClassContext(Place())
        cls.daemon = place.start(
            *lasting(store_of(place)), f"upstream.profile={cls.profile}"
        )

    def model(self, **more: Any) -> ChatOpenAI:
        """A model as its users make it, but for the proxy, which it does not use."""
        http = self.enterContext(DefaultHttpxClient(trust_env=False))
        return ChatOpenAI(
            model=MODEL,
            base_url=self.daemon.base_url,
            api_key="unused",
            max_retries=0,
            timeout=30,
            http_client=http,
            include_response_headers=True,
            **(self.mode | more),
        )

    def asked(self, model: Any, history: list[BaseMessage], streaming: bool) -> Any:
        """The model's answer, however it comes."""
        if not streaming:
            return model.invoke(history)
        whole, *more = model.stream(history)
        for chunk in more:
            whole += chunk
        return whole

    def line_of(self, answer: BaseMessage) -> str:
        """What the log says of the turn."""
        headers = answer.response_metadata["headers"]
        return self.daemon.log_line(headers["x-request-id"])

    def assert_one_connection(
        self, history: list[BaseMessage], way: str = "recognised"
    ) -> None:
        """All answers but the first went after it, over its connection."""
        answers = [message for message in history if isinstance(message, AIMessage)]
        ways = [_WAY.search(self.line_of(answer)) for answer in answers]
        found = [None if match is None else match.groups() for match in ways]
        assert found[0] is not None, self.daemon.log
        connection = found[0][1]
        later = [(way, connection)] * (len(found) - 1)
        self.assertEqual(found, [("new", connection), *later])

    def said(self, message: BaseMessage) -> str:
        """An answer without its reasoning."""
        return message.text.partition("</think>")[2] or message.text

    def test_invoke(self) -> None:
        """An answer with its usage, over the API that was chosen."""
        answer = self.model().invoke("Count to 5.")
        self.assertEqual(self.said(answer), COUNTED)
        assert isinstance(answer, AIMessage) and answer.usage_metadata is not None
        self.assertGreater(answer.usage_metadata["output_tokens"], 0)
        self.assertIn(f"POST {self.path} 200", self.line_of(answer))

    def test_stream(self) -> None:
        """Chunk by chunk; together they are the answer, and have its usage."""
        chunks = list(self.model(stream_usage=True).stream("Count to 5."))
        self.assertGreater(len([chunk for chunk in chunks if chunk.text]), 3)
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole += chunk
        self.assertEqual(self.said(whole), COUNTED)
        assert isinstance(whole, AIMessageChunk) and whole.usage_metadata is not None
        self.assertGreater(whole.usage_metadata["total_tokens"], 0)

    def test_async(self) -> None:
        """C{abatch}: several at once."""

        async def turns() -> list[str]:
            async with DefaultAsyncHttpxClient(trust_env=False) as http:
                model = self.model(http_async_client=http)
                answers = await model.abatch(["Count to 3.", "Count to 5."])
                return [self.said(answer) for answer in answers]

        self.assertEqual(asyncio.run(turns()), ["1, 2, 3", COUNTED])

    def test_tools(self) -> None:
        """A call, the tool's own word, and the answer; over one connection."""
        model = self.model().bind_tools([get_weather], strict=True)
        for streaming in (False, True):
            with self.subTest(streaming=streaming):
                history: list[BaseMessage] = [
                    HumanMessage("What is the weather in Paris?")
                ]
                answer = self.asked(model, history, streaming)
                (call,) = answer.tool_calls
                self.assertEqual(call["args"], {"city": "Paris"})
                history += [answer, get_weather.invoke(call)]
                answer = self.asked(model, history, streaming)
                self.assertEqual(
                    self.said(answer), "get_weather returned: sunny in Paris"
                )
                history += [answer, HumanMessage("Count to 5.")]
                history.append(self.asked(model, history, streaming))
                self.assertEqual(self.said(history[-1]), COUNTED)
                self.assert_one_connection(history)

    def test_structured_output(self) -> None:
        """The pydantic model that was asked for, by schema and by tool."""
        text = 'Alice and Bob have a "science fair" on Friday.'
        for method in ("json_schema", "function_calling"):
            with self.subTest(method=method):
                model = self.model().with_structured_output(Meeting, method=method)
                self.assertEqual(
                    model.invoke(text), Meeting(name="science fair", day="Friday")
                )

    def test_conversation(self) -> None:
        """A history that comes again each time costs a delta, streamed or not."""
        for streaming in (False, True):
            with self.subTest(streaming=streaming):
                history: list[BaseMessage] = [SystemMessage("Be brief.")]
                for text in (TELL, "Count to 3.", ASK):
                    history.append(HumanMessage(text))
                    history.append(self.asked(self.model(), history, streaming))
                self.assertIn("ALPHA-42", self.said(history[-1]))
                self.assert_one_connection(history)

    def test_effort(self) -> None:
        """It is passed on, and the reasoning that it brings is in nobody's way."""
        model = self.model(reasoning_effort="high")
        history: list[BaseMessage] = []
        for text in (TELL, ASK):
            history.append(HumanMessage(text))
            history.append(answer := model.invoke(history))
            spent = (answer.usage_metadata or {}).get("output_token_details", {})
            self.assertGreater(spent.get("reasoning", 0), 0)
        self.assertIn("ALPHA-42", self.said(answer))
        self.assert_one_connection(history)

    def test_errors(self) -> None:
        """LangChain raises what OpenAI's client does."""
        for text, kind in (
            ("[[simulate: error=rate_limit_exceeded]] Hi", openai.RateLimitError),
            ("[[simulate: error=context_length_exceeded]] Hi", openai.BadRequestError),
        ):
            with self.assertRaises(kind):
                self.model().invoke(text)
        with self.assertRaises(openai.APIError):
            list(self.model().stream("[[simulate: close=1011 after=8]] Count to 20."))


class ChatGptChatTests(ChatTests):
    """The ChatGPT plan's backend, which tells its reasoning."""

    profile = "chatgpt"


class ResponsesTests(ChatTests):
    """C{use_responses_api=True}."""

    mode: ClassVar[dict[str, Any]] = {"use_responses_api": True}
    path = "/v1/responses"

    def test_marker(self) -> None:
        """C{use_previous_response_id}: it sends only what is new."""
        model = self.model(use_previous_response_id=True)
        history: list[BaseMessage] = []
        for text in (TELL, "Count to 3.", ASK):
            history.append(HumanMessage(text))
            history.append(model.invoke(history))
        self.assertIn("ALPHA-42", self.said(history[-1]))
        self.assert_one_connection(history, "follow-up")


class ChatGptResponsesTests(ResponsesTests):
    """Both."""

    profile = "chatgpt"
