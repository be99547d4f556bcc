"""Answers of the Ollama API as one object, and those without messages."""

from __future__ import annotations

import json
from typing import Any

from chatmockd.core.dialect.ollama import AskedOllama
from chatmockd.core.dialect.ollama_answer import CHAT, GENERATE, Form, idle_json
from chatmockd.core.dialect.ollama_calls import Call, Calls, UnreadableCall
from chatmockd.core.likeness import NOTHING, digest_after
from tests.core.cases import case
from tests.core.dialect.ollama_answers import (
    ITEMS,
    STAMP,
    SUMMARY,
    USAGE,
    AnswerCase,
    calls_tool,
    done,
    ended,
    event,
    says,
    texts,
    thinks,
)


class WholeTests(AnswerCase):
    """All at once."""

    def whole(self, *output: Any, form: Form = CHAT, **more: Any) -> dict[str, Any]:
        self.clock.now = 103.0
        response = {"status": "completed", "usage": USAGE, "output": output}
        body = self.view(form, **more).whole(json.dumps(response).encode())
        answer: dict[str, Any] = json.loads(body)
        return answer

    def test_golden(self) -> None:
        """Output items, and the message that they become."""
        for output, message in (
            ([says("Hi.")], {"content": "Hi."}),
            ([], {"content": ""}),
            ([says("One. "), says("Two.")], {"content": "One. Two."}),
            (
                [
                    {
                        "type": "message",
                        "content": [{"type": "refusal", "refusal": "No"}],
                    }
                ],
                {"content": "No"},
            ),
            (
                [thinks("One.", "Two."), says("So.")],
                {"content": "So.", "thinking": "One.\n\nTwo."},
            ),
            (
                [calls_tool(), calls_tool("{}", "call_2")],
                {
                    "content": "",
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "function": {
                                "index": 0,
                                "name": "weather",
                                "arguments": {"city": "Paris"},
                            },
                        },
                        {
                            "id": "call_2",
                            "function": {
                                "index": 1,
                                "name": "weather",
                                "arguments": {},
                            },
                        },
                    ],
                },
            ),
            ([{"type": "message", "content": None}, {"type": 5}], {"content": ""}),
        ):
            with case(output=output):
                answer = self.whole(*output)
                self.assertEqual(answer["message"], {"role": "assistant", **message})

    def test_around_the_message(self) -> None:
        """All that Ollama has there."""
        answer = self.whole(says("Hi."))
        del answer["message"]
        self.assertEqual(
            answer,
            {
                "model": "gpt-5.5:latest",
                "created_at": STAMP,
                "done": True,
                "done_reason": "stop",
                "total_duration": 3_000_000_000,
                "load_duration": 0,
                "prompt_eval_count": 11,
                "prompt_eval_duration": 1,
                "eval_count": 7,
                "eval_duration": 3_000_000_000,
            },
        )

    def test_thinking_that_is_not_wanted(self) -> None:
        """It is not there."""
        answer = self.whole(thinks("Hm."), says("So."), thinks_aloud=False)
        self.assertNotIn("thinking", answer["message"])

    def test_a_call_that_cannot_be_read(self) -> None:
        """There is still a status to say so with."""
        with self.assertRaises(UnreadableCall):
            self.whole(calls_tool("{"))


class GenerateTests(AnswerCase):
    """The same without messages."""

    def test_line_by_line(self) -> None:
        """C{response} and C{thinking} stand at the top."""
        view = self.view(GENERATE)
        pieces = view.stream([event(SUMMARY, delta="Hm."), *texts("Hi")])
        thought, text, last = self.lines([*pieces, *view.end([ended()], None)])
        self.assertEqual(thought, {"response": "", "thinking": "Hm.", "done": False})
        self.assertEqual(text, {"response": "Hi", "done": False})
        self.assertEqual((last["response"], last["done"]), ("", True))
        self.assertEqual(last["eval_count"], 7)

    def test_all_at_once(self) -> None:
        """Likewise."""
        response = {"output": [thinks("Hm."), says("Hi")]}
        answer = json.loads(self.view(GENERATE).whole(json.dumps(response).encode()))
        self.assertEqual((answer["response"], answer["thinking"]), ("Hi", "Hm."))

    def test_asking_nothing(self) -> None:
        """One object, for those who stream, too."""
        asked = AskedOllama("gpt-5.5", idle_reason="load")
        for form, member in (
            (CHAT, {"message": {"role": "assistant", "content": ""}}),
            (GENERATE, {"response": ""}),
        ):
            self.assertEqual(
                json.loads(idle_json(asked, form, self.clock)),
                {
                    "model": "gpt-5.5",
                    "created_at": STAMP,
                    "done": True,
                    "done_reason": "load",
                    **member,
                },
            )


class RememberedTests(AnswerCase):
    """Calls are kept for when they come back without their ids."""

    def recalled(self) -> Call | None:
        before = digest_after(NOTHING, ITEMS)
        return self.calls.recall(before, 0, "weather", {"city": "Paris"})

    def test_each_way_of_answering(self) -> None:
        """Streamed, at the end of a stream, and all at once."""
        call = Call("call_1", "weather", '{"city": "Paris"}')
        response = {"output": [calls_tool()]}
        for answer in (
            lambda view: (
                view.stream([done(calls_tool())]) and view.end([ended()], None)
            ),
            lambda view: view.end([ended(output=[calls_tool()])], None),
            lambda view: view.whole(json.dumps(response).encode()),
        ):
            self.calls = Calls()
            self.assertIsNone(self.recalled())
            answer(self.view())
            self.assertEqual(self.recalled(), call)
