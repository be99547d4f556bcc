"""What the simulated model says."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.conversation import answer, wants_thought
from chatmockd.simulator.items import items_of
from chatmockd.simulator.outputs import FunctionCall, Message, Thought

_TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def _said(given: Any, **body: Any) -> str:
    (message,) = answer(items_of(given), body)
    assert isinstance(message, Message)
    return message.text


def _user(*texts: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text} for text in texts]


class AnswerTests(SynchronousTestCase):
    """Text for text."""

    def test_remembers(self) -> None:
        """A token is known when the conversation holds it, and only then."""
        told, question = (
            "Remember the token ALPHA-42.",
            "What token did I ask you to remember?",
        )
        self.assertIn("ALPHA-42", _said(told))
        self.assertIn("ALPHA-42", _said(_user(told, question)))
        self.assertIn("I do not know", _said(question))
        self.assertIn("I do not know", _said(_user(question, question)))

    def test_skills(self) -> None:
        """Small things that make streams worth looking at."""
        for text, said in (
            ("Count to 5", "1, 2, 3, 4, 5"),
            ("please count up to 3.", "1, 2, 3"),
            ("Say this is a test", "this is a test"),
            ("Say 'hi there'.", "hi there"),
            ("Reply with exactly: done.", "done"),
            ("Write 4 words", "the quick brown fox"),
        ):
            with self.subTest(text=text):
                self.assertEqual(_said(text), said)

    def test_echo(self) -> None:
        """Anything else is repeated, with its place in the conversation."""
        self.assertEqual(
            _said(_user("one", "two")),
            'You said: "two". That is message 2 of this conversation.',
        )
        self.assertIn("no message", _said([]))
        self.assertLess(len(_said("x" * 5000)), 300)

    def test_images_are_seen(self) -> None:
        """A picture is mentioned."""
        content = [{"type": "input_text", "text": "look"}, {"type": "input_image"}]
        self.assertIn("I see 1 image.", _said([{"role": "user", "content": content}]))

    def test_same_again(self) -> None:
        """The same conversation has the same answer."""
        items = items_of(_user("hello", "tell me more"))
        self.assertEqual(answer(items, {}), answer(items, {}))

    def test_directives_are_not_heard(self) -> None:
        """They are for the simulator, not for the model."""
        self.assertEqual(_said("Say hi [[simulate: after=3 close=1011]]"), "hi")


class ToolTests(SynchronousTestCase):
    """Calls, and what follows them."""

    def test_round_trip(self) -> None:
        """The call is made, then its output is used."""
        items = items_of("What is the weather in Paris?")
        calls = answer(items, {"tools": [_TOOL]})
        self.assertEqual(calls, [FunctionCall("get_weather", '{"city":"Paris"}')])
        items += [
            {"type": "function_call", "call_id": "c", "name": "get_weather"},
            {"type": "function_call_output", "call_id": "c", "output": "22 degrees"},
        ]
        for choice in ("auto", "required"):
            self.assertEqual(
                answer(items, {"tools": [_TOOL], "tool_choice": choice}),
                [Message("get_weather returned: 22 degrees")],
            )

    def test_what_just_returned_is_not_called_again(self) -> None:
        """A user's message that shows what the tool returned, and names it."""
        items = [
            *items_of("What is the weather in Paris?"),
            {"type": "function_call", "call_id": "c", "name": "get_weather"},
            {"type": "function_call_output", "call_id": "c", "output": "See below."},
            *items_of("This is what get_weather returned:"),
        ]
        (message,) = answer(items, {"tools": [_TOOL]})
        assert isinstance(message, Message)
        self.assertIn("You said", message.text)
        items += items_of([{"role": "assistant", "content": "I see."}])
        items += items_of("And the weather in Rome?")
        self.assertEqual(
            answer(items, {"tools": [_TOOL]}),
            [FunctionCall("get_weather", '{"city":"Rome"}')],
        )

    def test_without_tools(self) -> None:
        """What is not offered is not called."""
        self.assertIn("You said", _said("What is the weather in Paris?"))


class FormatTests(SynchronousTestCase):
    """Structured answers."""

    def test_json_schema(self) -> None:
        """The text is JSON that fits the schema."""
        schema = {
            "type": "object",
            "properties": {"city": {"type": "string"}, "ok": {"type": "boolean"}},
            "required": ["city", "ok"],
        }
        text = {"format": {"type": "json_schema", "name": "x", "schema": schema}}
        said = _said("A question about life in Berlin", text=text)
        self.assertEqual(msgspec.json.decode(said), {"city": "Berlin", "ok": True})

    def test_json_object(self) -> None:
        """The text is some JSON object."""
        said = _said("Say hi", text={"format": {"type": "json_object"}})
        self.assertEqual(msgspec.json.decode(said), {"answer": "hi"})


class ThoughtTests(SynchronousTestCase):
    """Reasoning, for those who ask for it."""

    def test_wanted(self) -> None:
        """By effort, by summary, or in words."""
        for body, text, wanted in (
            ({"reasoning": {"effort": "high"}}, "", True),
            ({"reasoning": {"summary": "auto"}}, "", True),
            ({"reasoning": {"effort": "minimal"}}, "", False),
            ({"reasoning": {"effort": "none"}}, "", False),
            ({}, "Think about it", True),
            ({}, "I am thinking", False),
            ({"reasoning": None}, "", False),
        ):
            with self.subTest(body=body, text=text):
                self.assertIs(wants_thought(body, text), wanted)

    def test_comes_first(self) -> None:
        """The thought stands before the answer, in two parts."""
        thought, message = answer(items_of("think, then answer"), {})
        assert isinstance(thought, Thought) and isinstance(message, Message)
        self.assertEqual(len(thought.summary), 2)
        self.assertIn("think, then answer", thought.summary[0])
