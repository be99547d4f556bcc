"""The official C{openai} client, against the daemon and its simulated upstream."""

from __future__ import annotations

import asyncio
import unittest
from typing import Any, ClassVar

import openai
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, OpenAI
from openai.types.responses import ResponseFunctionToolCall

from tests.end_to_end.openai_sdk import ASK, MODEL, TELL, WEATHER, Meeting, client_of
from tests.end_to_end.place import Daemon, Place


class OpenAiProfileTests(unittest.TestCase):
    """Upstream is api.openai.com."""

    profile: ClassVar[str] = "openai"
    daemon: ClassVar[Daemon]
    client: ClassVar[OpenAI]

    @classmethod
    def setUpClass(cls) -> None:
        place = cls.enterClassContext(Place())
        cls.daemon = place.start(f"upstream.profile={cls.profile}")
        cls.client = cls.enterClassContext(client_of(cls.daemon))

    def say(self, text: str | list[Any], **more: Any) -> Any:
        """One turn, answered whole."""
        return self.client.responses.create(model=MODEL, input=text, **more)

    # Answers.

    def test_create(self) -> None:
        """responses.create gives a completed response with text and usage."""
        response = self.say("Count to 5.")
        self.assertEqual(response.output_text, "1, 2, 3, 4, 5")
        self.assertEqual(response.status, "completed")
        self.assertTrue(response.id.startswith("resp_"))
        self.assertGreater(response.usage.output_tokens, 0)
        self.assertEqual(response.usage.input_tokens_details.cached_tokens, 0)

    def test_stream(self) -> None:
        """create(stream=True) gives typed events, in order and without a gap."""
        with self.say("Count to 5.", stream=True) as stream:
            events = list(stream)
        self.assertEqual(
            [event.sequence_number for event in events], list(range(len(events)))
        )
        self.assertEqual(events[0].type, "response.created")
        said = [event.delta for event in events if "text.delta" in event.type]
        self.assertEqual("".join(said), "1, 2, 3, 4, 5")
        self.assertGreater(len(said), 3)
        self.assertEqual(events[-1].type, "response.completed")
        self.assertEqual(events[-1].response.output_text, "1, 2, 3, 4, 5")

    def test_stream_helper(self) -> None:
        """responses.stream() puts the events together to the same response."""
        kinds = set()
        with self.client.responses.stream(model=MODEL, input="Count to 5.") as stream:
            for event in stream:
                kinds.add(event.type)
            final = stream.get_final_response()
        self.assertIn("response.output_text.delta", kinds)
        self.assertEqual(final.output_text, "1, 2, 3, 4, 5")
        self.assertEqual(final.status, "completed")

    def test_stream_that_is_left(self) -> None:
        """A stream that I leave halfway harms nobody."""
        with self.say("[[simulate: pace_s=0.01]] Count to 500.", stream=True) as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    break
        self.assertEqual(self.say("Count to 3.").output_text, "1, 2, 3")

    def test_reasoning(self) -> None:
        """Reasoning summaries arrive as items of their own."""
        response = self.say(
            "Count to 3.", reasoning={"effort": "high", "summary": "auto"}
        )
        self.assertEqual([item.type for item in response.output][0], "reasoning")
        self.assertEqual(response.output_text, "1, 2, 3")

    def test_incomplete(self) -> None:
        """A response that ends early comes with its reason."""
        response = self.say("[[simulate: incomplete]] Count to 20.")
        self.assertEqual(response.status, "incomplete")
        self.assertEqual(response.incomplete_details.reason, "max_output_tokens")

    def test_empty_output(self) -> None:
        """The items that were streamed are in a response that came without them."""
        for output in ("empty", "absent", "null"):
            with self.subTest(output=output):
                response = self.say(f"[[simulate: output={output}]] Count to 3.")
                self.assertEqual(response.output_text, "1, 2, 3")

    def test_parse(self) -> None:
        """responses.parse gives the pydantic model that I asked for."""
        response = self.client.responses.parse(
            model=MODEL,
            input='Alice and Bob have a "science fair" on Friday, in 2 rooms.',
            text_format=Meeting,
        )
        self.assertEqual(
            response.output_parsed,
            Meeting(
                name="science fair",
                day="Friday",
                participants=["Alice", "Bob"],
                rooms=2,
            ),
        )

    def test_parse_in_a_stream(self) -> None:
        """So does the helper's final response."""
        with self.client.responses.stream(
            model=MODEL,
            input='Alice and Bob have a "science fair" on Friday, in 2 rooms.',
            text_format=Meeting,
        ) as stream:
            parsed = stream.get_final_response().output_parsed
        assert parsed is not None
        self.assertEqual(parsed.name, "science fair")

    def test_async(self) -> None:
        """AsyncOpenAI, several turns at once."""

        async def turns() -> tuple[str, ...]:
            async with AsyncOpenAI(
                api_key="unused",
                base_url=self.daemon.base_url,
                max_retries=0,
                http_client=DefaultAsyncHttpxClient(trust_env=False),
            ) as client:

                async def turn(last: int) -> str:
                    said = ""
                    stream = await client.responses.create(
                        model=MODEL, input=f"Count to {last}.", stream=True
                    )
                    async for event in stream:
                        if event.type == "response.output_text.delta":
                            said += event.delta
                    return said

                return tuple(await asyncio.gather(turn(3), turn(5), turn(4)))

        self.assertEqual(
            asyncio.run(turns()), ("1, 2, 3", "1, 2, 3, 4, 5", "1, 2, 3, 4")
        )

    # Conversations.

    def test_follow_up(self) -> None:
        """A follow-up by previous_response_id goes over the same connection."""
        connections = set()
        marker: str | None = None
        for text in (TELL, "Count to 3.", ASK):
            raw = self.client.responses.with_raw_response.create(
                model=MODEL, input=text, previous_response_id=marker
            )
            response = raw.parse()
            marker = response.id
            line = self.daemon.log_line(raw.headers["x-request-id"])
            connections.add(line.partition("connection ")[2].split(",")[0])
        self.assertIn("ALPHA-42", response.output_text)
        self.assertEqual(len(connections), 1, connections)

    def test_streamed_follow_up(self) -> None:
        """So does one that is streamed."""
        told = self.say(TELL)
        with self.client.responses.stream(
            model=MODEL, input=ASK, previous_response_id=told.id
        ) as stream:
            stream.until_done()
            final = stream.get_final_response()
        self.assertIn("ALPHA-42", final.output_text)
        self.assertEqual(final.previous_response_id, told.id)

    def test_resent_history(self) -> None:
        """A client that sends the whole conversation again is understood as well."""
        history: list[Any] = [{"role": "user", "content": TELL}]
        for text in ("Count to 3.", ASK):
            response = self.client.responses.create(model=MODEL, input=history)
            history += [item.to_dict() for item in response.output]
            history.append({"role": "user", "content": text})
        response = self.client.responses.create(model=MODEL, input=history)
        self.assertIn("ALPHA-42", response.output_text)

    def test_nobody_told(self) -> None:
        """Without marker and history it does not know."""
        self.say(TELL)
        self.assertNotIn("ALPHA-42", self.say(ASK).output_text)

    def call(self) -> tuple[Any, ResponseFunctionToolCall]:
        """A turn that calls the tool."""
        response = self.say("What is the weather in Paris?", tools=[WEATHER])
        call = response.output[-1]
        assert isinstance(call, ResponseFunctionToolCall), response.output
        self.assertEqual(
            (call.name, call.arguments), ("get_weather", '{"city":"Paris"}')
        )
        return response, call

    def test_tool_by_marker(self) -> None:
        """Only the tool's output goes back, with previous_response_id."""
        response, call = self.call()
        answer = self.client.responses.create(
            model=MODEL,
            previous_response_id=response.id,
            tools=[WEATHER],
            input=[
                {
                    "type": "function_call_output",
                    "call_id": call.call_id,
                    "output": "18 degrees",
                }
            ],
        )
        self.assertEqual(answer.output_text, "get_weather returned: 18 degrees")

    def test_tool_by_history(self) -> None:
        """The call and its output go back with everything before."""
        response, call = self.call()
        answer = self.say(
            [
                {"role": "user", "content": "What is the weather in Paris?"},
                *(item.to_dict() for item in response.output),
                {
                    "type": "function_call_output",
                    "call_id": call.call_id,
                    "output": "18 degrees",
                },
            ],
            tools=[WEATHER],
        )
        self.assertEqual(answer.output_text, "get_weather returned: 18 degrees")

    # Errors.

    def test_unknown_marker(self) -> None:
        """An unknown previous_response_id: BadRequestError, with the code."""
        for stream in (False, True):
            with self.subTest(stream=stream):
                with self.assertRaises(openai.BadRequestError) as caught:
                    self.say("Hello?", previous_response_id="resp_no", stream=stream)
                self.assertEqual(caught.exception.code, "previous_response_not_found")
                self.assertEqual(caught.exception.param, "previous_response_id")

    def test_marker_in_flight(self) -> None:
        """A follow-up on a response that is still running: ConflictError."""
        with self.say("[[simulate: pace_s=0.05]] Count to 99.", stream=True) as stream:
            created = next(iter(stream))
            with self.assertRaises(openai.ConflictError) as caught:
                self.say("Hello?", previous_response_id=created.response.id)
            self.assertEqual(caught.exception.response.headers["retry-after"], "1")

    def test_upstream_errors(self) -> None:
        """What upstream refuses has the client's own class, streamed or not."""
        for code, kind in (
            ("rate_limit_exceeded", openai.RateLimitError),
            ("server_is_overloaded", openai.InternalServerError),
            ("server_error", openai.InternalServerError),
            ("context_length_exceeded", openai.BadRequestError),
        ):
            for stream in (False, True):
                for fault in ("error", "failed"):
                    with self.subTest(code=code, stream=stream, fault=fault):
                        with self.assertRaises(kind) as caught:
                            self.say(f"[[simulate: {fault}={code}]] Hi", stream=stream)
                        self.assertEqual(caught.exception.code, code)

    def test_status_of_overload(self) -> None:
        """An overloaded upstream is a 503."""
        with self.assertRaises(openai.InternalServerError) as caught:
            self.say("[[simulate: error=server_is_overloaded]] Hi")
        self.assertEqual(caught.exception.status_code, 503)

    def test_error_in_the_stream(self) -> None:
        """An error after the first events is raised while I iterate."""
        for fault in ("error=server_error", "close=1011", "drop", "malformed"):
            with self.subTest(fault=fault):
                said = []
                with self.assertRaises(openai.APIError) as caught:
                    text = f"[[simulate: {fault} after=8]] Count to 20."
                    with self.say(text, stream=True) as stream:
                        for event in stream:
                            said.append(event.type)
                self.assertIn("response.output_text.delta", said)
                self.assertNotIn("response.completed", said)
                self.assertTrue(caught.exception.code)
        self.assertEqual(self.say("Count to 3.").output_text, "1, 2, 3")

    def test_failure_in_the_stream(self) -> None:
        """A response.failed after the first events is the last one of them."""
        text = "[[simulate: failed=server_error after=8]] Count to 20."
        with self.say(text, stream=True) as stream:
            events = list(stream)
        self.assertEqual(events[-1].type, "response.failed")
        self.assertEqual(events[-1].response.error.code, "server_error")

    def test_error_behind_the_first_bytes_of_json(self) -> None:
        """Whoever waits for JSON gets the same error as a status."""
        with self.assertRaises(openai.InternalServerError):
            self.say("[[simulate: error=server_error after=8]] Count to 20.")


class ChatGptProfileTests(OpenAiProfileTests):
    """Upstream is the ChatGPT plan's backend: all the same to the client."""

    profile = "chatgpt"

    def test_what_is_changed_is_named(self) -> None:
        """What this upstream does not take is left out, and a header says so."""
        raw = self.client.responses.with_raw_response.create(
            model=MODEL, input="Count to 3.", temperature=0.5, store=True
        )
        self.assertEqual(raw.parse().output_text, "1, 2, 3")
        named = raw.headers["x-chatmockd-adjusted"]
        self.assertIn("temperature", named)
        # It is stored here instead.
        self.assertNotIn("store", named)


class UpgradeTests(unittest.TestCase):
    """No turn comes about, because there is no upstream for it."""

    def setUp(self) -> None:
        self.place = self.enterContext(Place())

    def client(self, url: str, environ: dict[str, str]) -> OpenAI:
        daemon = self.place.start(
            "upstream.profile=openai",
            f"upstream.url={url}",
            simulate=False,
            environ=environ,
        )
        return self.enterContext(client_of(daemon))

    def assert_raised(
        self, client: OpenAI, kind: type[openai.APIStatusError], says: str
    ) -> None:
        for stream in (False, True):
            with self.subTest(stream=stream):
                with self.assertRaises(kind) as caught:
                    client.responses.create(model=MODEL, input="Hi", stream=stream)
                self.assertIn(says, caught.exception.message)

    def test_no_key(self) -> None:
        """A daemon without a key: AuthenticationError which says what to do."""
        client = self.client("ws://127.0.0.1:9/v1/responses", {})
        self.assert_raised(client, openai.AuthenticationError, "OPENAI_API_KEY")

    def test_wrong_key(self) -> None:
        """A key that upstream does not know: AuthenticationError as well."""
        url = self.place.start_simulator("--bearer", "sk-right")
        client = self.client(url, {"OPENAI_API_KEY": "sk-wrong"})
        self.assert_raised(client, openai.AuthenticationError, "Incorrect API key")

    def test_refused_upgrades(self) -> None:
        """An upgrade that is refused for a reason the client can act on."""
        for status, kind in (
            (429, openai.RateLimitError),
            (503, openai.InternalServerError),
        ):
            url = self.place.start_simulator("--faults", f"refuse={status}")
            client = self.client(url, {"OPENAI_API_KEY": "sk-1"})
            self.assert_raised(client, kind, str(status))
