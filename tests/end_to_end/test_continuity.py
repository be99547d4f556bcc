"""Conversations with the official client that outlive the daemon."""

from __future__ import annotations

from typing import Any, ClassVar

import openai
from openai.types.responses import Response, ResponseFunctionToolCall
from pydantic import BaseModel

from tests.end_to_end.openai_sdk import ASK, MODEL, TELL, WEATHER, Meeting
from tests.end_to_end.talking import COUNTED, ENDLESS, SLOW, TalkingTests

TEXTS = [f"Remark {number}." for number in range(5)]


class Report(BaseModel):
    """What is to be made of a tool's output."""

    city: str
    summary: str


class _ContinuityTests(TalkingTests):
    def assert_unknown(self, response_id: str) -> None:
        """There is no such response, and nothing can follow up on it."""
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.retrieve(response_id)
        self.assert_no_parent(response_id)

    def assert_no_parent(self, response_id: str) -> None:
        """Nothing can follow up on it."""
        with self.assertRaises(openai.BadRequestError) as caught:
            self.say("Hello?", previous_response_id=response_id)
        self.assertEqual(caught.exception.code, "previous_response_not_found")

    def assert_over(self, ended: Response) -> None:
        """It stays as it ended."""
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.responses.cancel(ended.id)
        self.assertIn(
            f"Cannot cancel a {ended.status} response.", str(caught.exception)
        )
        self.assertEqual(self.client.responses.retrieve(ended.id), ended)

    def assert_remembers(self, response_id: str) -> Response:
        """Whoever follows up on it has the whole conversation behind him."""
        asked: Response = self.say(ASK, previous_response_id=response_id)
        self.assertIn("ALPHA-42", asked.output_text)
        self.assertEqual(asked.previous_response_id, response_id)
        return asked

    def listed(self, response_id: str, limit: int) -> list[tuple[str, str]]:
        """The ids and texts of all input items, oldest first, fetched page by page."""
        items: Any = self.client.responses.input_items.list(
            response_id, limit=limit, order="asc"
        )
        return [(item.id, item.content[0].text) for item in items]


class BackgroundTests(_ContinuityTests):
    """One daemon: responses that nobody waits for."""

    def test_polling(self) -> None:
        """It is polled to its end, and followed up on."""
        told = self.say(TELL)
        begun = self.begin(SLOW, previous_response_id=told.id)
        response = self.when_over(begun.id)
        self.assertEqual(response.id, begun.id)
        self.assertEqual(
            (response.status, response.output_text), ("completed", COUNTED)
        )
        self.assert_remembers(begun.id)

    def test_in_flight(self) -> None:
        """A follow-up on one that still runs: ConflictError."""
        begun = self.begin(ENDLESS)
        with self.assertRaises(openai.ConflictError) as caught:
            self.say("Hello?", previous_response_id=begun.id)
        self.assertEqual(caught.exception.code, "response_in_flight")
        self.client.responses.cancel(begun.id)

    def test_unknown_marker(self) -> None:
        """One that cannot begin is refused like any other: BadRequestError."""
        for stream in (False, True):
            with self.subTest(stream=stream):
                with self.assertRaises(openai.BadRequestError) as caught:
                    self.say(
                        "Hello?",
                        previous_response_id="resp_no",
                        background=True,
                        stream=stream,
                    )
                self.assertEqual(caught.exception.code, "previous_response_not_found")

    def test_failure(self) -> None:
        """One that the upstream fails has the upstream's error."""
        begun = self.begin("[[simulate: failed=server_error after=8]] Count to 20.")
        response = self.when_over(begun.id)
        assert response.error is not None
        self.assertEqual(response.status, "failed")
        self.assertEqual(response.error.code, "server_error")
        self.assert_no_parent(begun.id)

    def test_cancel(self) -> None:
        """One that is cancelled stays so; one that has ended: BadRequestError."""
        begun = self.begin(ENDLESS)
        for _ in range(2):
            cancelled = self.client.responses.cancel(begun.id)
            self.assertEqual((cancelled.id, cancelled.status), (begun.id, "cancelled"))
        self.assert_no_parent(begun.id)
        ended = self.when_over(self.begin("Count to 3.").id)
        self.assert_over(ended)

    def test_cancel_in_the_foreground(self) -> None:
        """One that has a client of its own cannot be cancelled: BadRequestError."""
        response = self.say("Count to 3.")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.responses.cancel(response.id)
        self.assertEqual(caught.exception.code, "not_cancellable")

    def test_delete(self) -> None:
        """What is deleted is gone; what follows up on it keeps its history."""
        told = self.say(TELL)
        counted = self.say("Count to 3.", previous_response_id=told.id)
        self.client.responses.delete(told.id)
        self.assert_unknown(told.id)
        self.assert_remembers(counted.id)
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.delete(told.id)

    def test_delete_while_it_runs(self) -> None:
        """One that runs in the background is ended first."""
        begun = self.begin(ENDLESS)
        self.client.responses.delete(begun.id)
        self.assert_unknown(begun.id)

    def test_input_items(self) -> None:
        """The conversation comes page by page, the newest item first unless asked."""
        first = self.say([{"role": "user", "content": text} for text in TEXTS])
        last = self.say("Count to 3.", previous_response_id=first.id)
        whole = self.listed(last.id, 100)
        self.assertEqual(
            [text for _, text in whole], [*TEXTS, first.output_text, "Count to 3."]
        )
        self.assertEqual(len(dict(whole)), 7)
        for limit in (1, 3, 7):
            self.assertEqual(self.listed(last.id, limit), whole)
        page = self.client.responses.input_items.list(last.id, limit=3)
        self.assertTrue(page.has_more)
        newest = [name for name, _ in reversed(whole)]
        self.assertEqual([item.id for item in page.data], newest[:3])
        page = self.client.responses.input_items.list(last.id, limit=4, after=newest[2])
        self.assertFalse(page.has_more)
        self.assertEqual([item.id for item in page.data], newest[3:])


class ChatGptBackgroundTests(BackgroundTests):
    """The same with the ChatGPT plan's backend."""

    profile = "chatgpt"


class RestartTests(_ContinuityTests):
    """One daemon was killed in the middle of it all; this is the next one."""

    told: ClassVar[Response]
    counted: ClassVar[Response]
    streamed: ClassVar[Response]
    called: ClassVar[Response]
    ended: ClassVar[Response]
    cancelled: ClassVar[Response]
    running: ClassVar[Response]
    deleted: ClassVar[Response]
    child: ClassVar[Response]
    listed_of: ClassVar[Response]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.told = cls.say(TELL)
        marker = {"previous_response_id": cls.told.id}
        cls.counted = cls.say("Count to 3.", **marker)
        cls.streamed = list(cls.say("Count to 4.", stream=True, **marker))[-1].response
        cls.called = cls.say("What is the weather in Paris?", tools=[WEATHER])
        cls.ended = cls.when_over(cls.begin("Count to 5.", **marker).id)
        endless = cls.begin(ENDLESS, **marker)
        cls.cancelled = cls.client.responses.cancel(endless.id)
        cls.deleted = cls.say(TELL)
        cls.child = cls.say("Count to 6.", previous_response_id=cls.deleted.id)
        cls.client.responses.delete(cls.deleted.id)
        remarks = [{"role": "user", "content": text} for text in TEXTS]
        cls.running = cls.begin(ENDLESS, **marker)
        cls.listed_of = cls.say(remarks, **marker)
        cls.restart()

    def test_follow_ups(self) -> None:
        """previous_response_id holds, wherever in the tree."""
        for parent in (self.counted, self.told, self.streamed, self.ended):
            asked = self.assert_remembers(parent.id)
            self.assert_remembers(asked.id)

    def test_streamed_follow_up(self) -> None:
        """A follow-up that is streamed names its parent, too."""
        with self.client.responses.stream(
            model=MODEL, input=ASK, previous_response_id=self.counted.id
        ) as stream:
            final = stream.get_final_response()
        self.assertIn("ALPHA-42", final.output_text)
        self.assertEqual(final.previous_response_id, self.counted.id)

    def test_responses(self) -> None:
        """What was answered before is retrieved unchanged."""
        for each in (
            self.told,
            self.counted,
            self.streamed,
            self.called,
            self.ended,
            self.cancelled,
        ):
            self.assertEqual(self.client.responses.retrieve(each.id), each)

    def test_background_that_ran(self) -> None:
        """What was interrupted has failed, and says why; its parent is all right."""
        response = self.client.responses.retrieve(self.running.id)
        assert response.error is not None
        self.assertEqual(response.status, "failed")
        self.assertEqual(response.error.code, "upstream_outcome_unknown")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.responses.retrieve(self.running.id, stream=True)
        self.assertEqual(caught.exception.code, "events_not_found")
        self.assert_no_parent(self.running.id)
        self.assert_over(response)

    def test_cancelled(self) -> None:
        """What was cancelled is no parent."""
        self.assertEqual(self.cancelled.status, "cancelled")
        self.assert_no_parent(self.cancelled.id)

    def test_deleted(self) -> None:
        """What was deleted is still gone; what followed up on it has its history."""
        self.assert_unknown(self.deleted.id)
        self.assert_remembers(self.child.id)

    def test_input_items(self) -> None:
        """Items can still be listed, the parent's before the response's own."""
        texts = [TELL, self.told.output_text, *TEXTS]
        for limit in (2, 100):
            listed = self.listed(self.listed_of.id, limit)
            self.assertEqual([text for _, text in listed], texts)

    def output(self) -> dict[str, Any]:
        """What the tool has to say."""
        call = self.called.output[-1]
        assert isinstance(call, ResponseFunctionToolCall), self.called.output
        return {
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": "18 degrees",
        }

    def test_tool(self) -> None:
        """Only the tool's output goes back, to a daemon that did not ask for it."""
        answer = self.say(
            [self.output()], previous_response_id=self.called.id, tools=[WEATHER]
        )
        self.assertEqual(answer.output_text, "get_weather returned: 18 degrees")

    def test_structured_follow_up(self) -> None:
        """What comes of it may be a pydantic model, and the next answer another one."""
        parsed = self.client.responses.parse(
            model=MODEL,
            input=[self.output()],  # type: ignore[list-item]
            previous_response_id=self.called.id,
            tools=[WEATHER],
            text_format=Report,
        )
        assert parsed.output_parsed is not None
        self.assertEqual(parsed.output_parsed.city, "Paris")
        meeting = self.client.responses.parse(
            model=MODEL,
            input='Alice and Bob have a "science fair" on Friday, in 2 rooms.',
            previous_response_id=parsed.id,
            tools=[WEATHER],
            text_format=Meeting,
        ).output_parsed
        assert meeting is not None
        self.assertEqual((meeting.name, meeting.day), ("science fair", "Friday"))


class ChatGptRestartTests(RestartTests):
    """The same with the ChatGPT plan's backend."""

    profile = "chatgpt"
