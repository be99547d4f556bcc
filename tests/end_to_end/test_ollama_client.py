"""The C{ollama} package of the Ollama people, against the daemon and its simulator."""

from __future__ import annotations

import base64
import json
import re
import unittest
from typing import Any

from ollama import Client, Message, ResponseError
from pydantic import BaseModel

from tests.end_to_end.lasting import lasting, store_of
from tests.end_to_end.place import Daemon, Place, wait_for

MODEL = "gpt-5.5"
TELL, ASK = "Remember the token ALPHA-42.", "What token did I ask you to remember?"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)

_WAY = re.compile(r"POST /api/chat .*\b(new|rebuilt|recognised), connection (\d+)")


class Meeting(BaseModel):
    """What is to be read out of a sentence."""

    name: str
    day: str
    participants: list[str]


def get_weather(city: str) -> str:
    """
    The weather in a city.

    Args:
        city: Which one.
    """
    return f"sunny in {city}"


class Talking(unittest.TestCase):
    """A daemon, and a client that believes it to be Ollama."""

    daemon: Daemon
    client: Client

    def chat(self, *messages: Any, **more: Any) -> Any:
        """One turn."""
        return self.client.chat(MODEL, messages=list(messages), **more)


def client_of(daemon: Daemon) -> Client:
    """A client that uses no proxy."""
    return Client(f"http://127.0.0.1:{daemon.port}", trust_env=False, timeout=30)


class OllamaClientTests(Talking):
    """All that its users do, unchanged but for the address."""

    @classmethod
    def setUpClass(cls) -> None:
        place = cls.enterClassContext(Place())
        cls.daemon = place.start("upstream.profile=chatgpt")
        cls.client = cls.enterClassContext(client_of(cls.daemon))

    # Models.

    def test_list_and_show(self) -> None:
        """What is listed can be shown."""
        models = self.client.list().models
        names = [model.model for model in models]
        self.assertIn(MODEL, names)
        for name in names:
            shown = self.client.show(name or "")
            self.assertIn("tools", shown.capabilities or [])
            # Without it, VS Code would leave no room for a question.
            self.assertGreater((shown.modelinfo or {})["gpt.context_length"], 100_000)
        self.assertEqual(list(self.client.ps().models), [])

    def test_a_model_that_is_not_there(self) -> None:
        """The client raises what it raises with Ollama."""
        for ask in (
            lambda: self.client.show("llama3"),
            lambda: self.client.generate("llama3", "Hi"),
            lambda: list(self.client.generate("llama3", "Hi", stream=True)),
        ):
            with self.assertRaises(ResponseError) as caught:
                ask()
            self.assertEqual(caught.exception.status_code, 404)
            self.assertEqual(caught.exception.error, "model 'llama3' not found")

    def test_what_only_ollama_can_do(self) -> None:
        """A clear no."""
        with self.assertRaises(ResponseError) as caught:
            self.client.pull("llama3")
        self.assertEqual(caught.exception.status_code, 400)
        self.assertIn("/api/pull is not supported", caught.exception.error)

    # Answers.

    def test_chat(self) -> None:
        """A whole answer, with real counts and times."""
        answer = self.chat(Message(role="user", content="Count to 5."))
        self.assertEqual(answer.message.content, "1, 2, 3, 4, 5")
        self.assertEqual((answer.done, answer.done_reason), (True, "stop"))
        self.assertGreater(answer.eval_count, 0)
        self.assertGreater(answer.prompt_eval_count, 0)
        self.assertGreater(answer.total_duration, 0)

    def test_stream(self) -> None:
        """Part by part."""
        question = {"role": "user", "content": "Count to 5."}
        *parts, last = self.chat(question, stream=True)
        said = [part.message.content for part in parts]
        self.assertGreater(len(said), 3)
        self.assertEqual("".join(said), "1, 2, 3, 4, 5")
        self.assertFalse(any(part.done for part in parts))
        self.assertEqual((last.done, last.done_reason), (True, "stop"))
        self.assertGreaterEqual(
            last.total_duration, last.prompt_eval_duration + last.eval_duration - 1
        )

    def test_stop(self) -> None:
        """What comes behind a stop sequence does not come."""
        question = {"role": "user", "content": "Count to 9."}
        for streaming in (True, False):
            got = self.chat(question, stream=streaming, options={"stop": [", 4"]})
            parts = got if streaming else [got]
            said = "".join(part.message.content for part in parts)
            self.assertEqual(said, "1, 2, 3")

    def test_think(self) -> None:
        """Thinking comes apart from the answer, if it is wanted."""
        question = {"role": "user", "content": "Count to 3."}
        for streaming in (True, False):
            for think in (True, "high", False):
                with self.subTest(streaming=streaming, think=think):
                    got = self.chat(question, stream=streaming, think=think)
                    messages = [p.message for p in (got if streaming else [got])]
                    thought = "".join(m.thinking or "" for m in messages)
                    self.assertEqual(bool(thought), bool(think))
                    said = "".join(m.content or "" for m in messages)
                    self.assertEqual(said, "1, 2, 3")

    def test_format(self) -> None:
        """A schema is kept to."""
        text = "Alice and Bob meet for the Standup on Friday."
        answer = self.chat(
            {"role": "user", "content": text}, format=Meeting.model_json_schema()
        )
        Meeting.model_validate_json(answer.message.content)
        answer = self.chat({"role": "user", "content": "Say it."}, format="json")
        self.assertIsInstance(json.loads(answer.message.content), dict)

    def test_images(self) -> None:
        """Bytes go as an image, and what is none is refused."""
        question = {"role": "user", "content": "Count to 2.", "images": [PIXEL]}
        self.assertEqual(self.chat(question).message.content, "1, 2")
        with self.assertRaises(ResponseError) as caught:
            self.chat(question | {"images": [b"no image"]})
        self.assertEqual(caught.exception.status_code, 400)
        self.assertIn("messages[0].images[0]", caught.exception.error)

    def test_generate(self) -> None:
        """One prompt, one text."""
        answer = self.client.generate(MODEL, "Count to 4.")
        self.assertEqual(answer.response, "1, 2, 3, 4")
        parts = list(self.client.generate(MODEL, "Count to 4.", stream=True))
        self.assertEqual("".join(part.response for part in parts), "1, 2, 3, 4")
        self.assertTrue(parts[-1].done)

    def test_loading(self) -> None:
        """As apps do before the first question."""
        self.assertEqual(self.client.generate(MODEL).done_reason, "load")
        self.assertEqual(self.chat().done_reason, "load")

    def test_an_error_in_the_middle(self) -> None:
        """The client raises it, after what had come."""
        question = {
            "role": "user",
            "content": "[[simulate: close=1011 after=9]] Count to 50.",
        }
        said = []
        with self.assertRaises(ResponseError) as caught:
            for part in self.chat(question, stream=True):
                said.append(part.message.content)
        self.assertTrue(said)
        self.assertIn("did not end the turn", caught.exception.error)

    def test_errors_name_the_member(self) -> None:
        """And nothing goes upstream."""
        for more, word in (
            ({"options": {"temperature": "hot"}}, "temperature"),
            ({"think": "hard"}, "'think'"),
        ):
            with self.subTest(more=more):
                with self.assertRaises(ResponseError) as caught:
                    self.chat({"role": "user", "content": "Hi"}, **more)
                self.assertEqual(caught.exception.status_code, 400)
                self.assertIn(word, caught.exception.error)


class ConversationTests(Talking):
    """The history comes again each time, and only what is new goes upstream."""

    def setUp(self) -> None:
        place = self.enterContext(Place())
        self.daemon = place.start(*lasting(store_of(place)), "upstream.profile=chatgpt")
        self.client = self.enterContext(client_of(self.daemon))

    def assert_recognised(self, turns: int) -> None:
        """All but the first of so many turns went after it, over its connection."""

        def ways() -> list[tuple[str, str]] | None:
            found: list[tuple[str, str]] = _WAY.findall(self.daemon.log)
            return found if len(found) >= turns else None

        found = wait_for(f"{turns} turns in the log", ways)
        (_, connection), *_ = found
        expected = [("new", connection)] + [("recognised", connection)] * (turns - 1)
        self.assertEqual(found, expected)

    def test_a_conversation(self) -> None:
        """In text, with a system's word before it."""
        history: list[Any] = [{"role": "system", "content": "Be brief."}]
        for question in (TELL, ASK, "Count to 3.", ASK):
            history.append({"role": "user", "content": question})
            said = [p.message.content for p in self.chat(*history, stream=True)]
            history.append({"role": "assistant", "content": "".join(said)})
        self.assertIn("ALPHA-42", history[-1]["content"])
        self.assert_recognised(4)

    def test_a_conversation_with_tools(self) -> None:
        """This client keeps no ids of calls, and is recognised all the same."""
        history: list[Any] = [
            {"role": "user", "content": "Use the get_weather tool for Paris."}
        ]
        answer = self.chat(*history, tools=[get_weather])
        (call,) = answer.message.tool_calls
        self.assertEqual(call.function.name, "get_weather")
        self.assertFalse(hasattr(call, "id"), "it keeps ids by now: see calls.py")
        weather = get_weather(**call.function.arguments)
        history += [
            answer.message,
            {"role": "tool", "tool_name": "get_weather", "content": weather},
        ]
        answer = self.chat(*history, tools=[get_weather])
        self.assertIn("sunny", answer.message.content)
        history += [answer.message, {"role": "user", "content": "Count to 2."}]
        self.assertEqual(self.chat(*history).message.content, "1, 2")
        self.assert_recognised(3)
