"""Ollama clients that send their history again."""

from __future__ import annotations

import json
from typing import Any

from tests.bridge import Answer, completed, created, item_done, message
from tests.core.cases import case
from tests.turns.durable import DurableBridge, user
from tests.web.ollama_bridge import OllamaBridge, asks, tool_call

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]


class RecognisedTests(DurableBridge, OllamaBridge):
    """A client that sends its history again is a follow-up all the same."""

    def hear(self, *messages: dict[str, Any], **more: Any) -> dict[str, Any]:
        """What is said to a history, as a client keeps it."""
        answer = self.chat(*messages, **more)
        self.answer(f"resp_{len(messages)}", f"Answer {len(messages)}.")
        said = "".join(line["message"]["content"] for line in self.lines(answer))
        return {"role": "assistant", "content": said}

    def test_a_conversation_in_text(self) -> None:
        """One socket, and only what is new goes over it."""
        self.settle_on_chatgpt()
        history = [{"role": "system", "content": "Be brief."}]
        for number in range(4):
            history.append(asks(f"Question {number}?"))
            marker = f"resp_{len(history) - 2}" if number else None
            history.append(self.hear(*history))
            with case(number=number):
                self.assertEqual(self.asked["input"], [user(f"Question {number}?")])
                self.assertEqual(self.asked.get("previous_response_id"), marker)
                self.assertEqual(self.asked["instructions"], "Be brief.")
        self.assertEqual(self.dials, 1)

    def settle_on_chatgpt(self) -> None:
        self.configure(continuity__mode="durable", upstream__profile="chatgpt")

    def call(self, answer: Answer, *calls: dict[str, Any]) -> dict[str, Any]:
        """
        The upstream calls tools.

        @return: The message that a client puts together from it.
        """
        done = [item_done(call, index, index + 1) for index, call in enumerate(calls)]
        end = completed("resp_1", 9, output=list(calls))
        self.busiest.say(created("resp_1"), *done, end)
        lines = self.lines(answer)
        made = [
            call for line in lines for call in line["message"].get("tool_calls", ())
        ]
        return {"role": "assistant", "content": "", "tool_calls": made}

    def test_a_conversation_with_tools(self) -> None:
        """Also for a client that drops the ids, has its own or sorts the arguments."""
        first = tool_call("call_1", '{"days": 2, "city": "Paris"}')
        second = tool_call("call_2", '{"days": 1,  "city": "Rome"}')

        def keeps(call: dict[str, Any]) -> dict[str, Any]:
            return call

        def drops_id(call: dict[str, Any]) -> dict[str, Any]:
            return {"function": call["function"]}

        def renames(call: dict[str, Any]) -> dict[str, Any]:
            return call | {"id": "call_0"}

        def sorts(call: dict[str, Any]) -> dict[str, Any]:
            return dict(json.loads(json.dumps(drops_id(call), sort_keys=True)))

        for mangled in (keeps, drops_id, renames, sorts):
            self.configure(**self.settings)
            dials = self.dials
            history = [asks("Weather?")]
            made = self.call(self.chat(*history, tools=TOOLS), first, second)
            made["tool_calls"] = [mangled(call) for call in made["tool_calls"]]
            results = [
                {"role": "tool", "content": text, "tool_name": "weather"}
                for text in ("sunny", "rainy")
            ]
            history += made, *results
            answer = self.chat(*history, tools=TOOLS)
            with case(mangled=mangled.__name__):
                self.assertEqual(self.asked["previous_response_id"], "resp_1")
                self.assertEqual(
                    self.asked["input"],
                    [
                        {
                            "type": "function_call_output",
                            "call_id": call_id,
                            "output": text,
                        }
                        for call_id, text in (("call_1", "sunny"), ("call_2", "rainy"))
                    ],
                )
            self.answer("resp_2", "Sunny and rainy.")
            history += {"role": "assistant", "content": "Sunny and rainy."}, asks("Thx")
            self.assertEqual(answer.status, 200)
            self.chat(*history, tools=TOOLS)
            self.assertEqual(self.asked["input"], [user("Thx")])
            self.assertEqual(self.dials, dials + 1)
            self.answer("resp_3")

    def test_several_texts(self) -> None:
        """They are one message, as far as this client knows, streamed or not."""
        output = [message("One. "), message("Two.")]
        for stream in (False, True):
            self.configure(**self.settings)
            answer = self.chat(asks("Well?"), stream=stream)
            done = [item_done(item, n, n + 1) for n, item in enumerate(output)]
            end = completed("resp_1", 9, output=output)
            self.busiest.say(created("resp_1"), *done, end)
            lines = self.lines(answer) if stream else [answer.json]
            said = "".join(line["message"]["content"] for line in lines)
            self.assertEqual(said, "One. Two.")
            told = {"role": "assistant", "content": said}
            self.chat(asks("Well?"), told, asks("And?"))
            with case(stream=stream):
                self.assertEqual(self.asked["previous_response_id"], "resp_1")
                self.assertEqual(self.asked["input"], [user("And?")])
            self.answer("resp_2")

    def test_words_before_a_call(self) -> None:
        """They are one message with it, as far as this client knows."""
        self.configure(**self.settings)
        call = tool_call("call_1", '{"city":"Rome"}')
        answer = self.chat(asks("Weather?"), stream=False)
        output = [message("I will look."), call]
        self.busiest.say(created("resp_1"), completed("resp_1", output=output))
        said = answer.json["message"]
        self.assertEqual(said["content"], "I will look.")
        del said["tool_calls"][0]["id"]
        self.chat(asks("Weather?"), said, {"role": "tool", "content": "rainy"})
        self.assertEqual(self.asked["previous_response_id"], "resp_1")
        self.assertEqual(len(self.asked["input"]), 1)
        self.answer("resp_2")

    def test_calls_that_nobody_remembers(self) -> None:
        """The history goes whole once, and is recognised from then on."""
        call = {"function": {"name": "weather", "arguments": {"city": "Paris"}}}
        history = [
            asks("Weather?"),
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "content": "sunny"},
        ]
        self.chat(*history)
        made, result = self.asked["input"][1:]
        self.assertEqual(made["call_id"], result["call_id"])
        self.answer("resp_1", "Sunny.")
        history += {"role": "assistant", "content": "Sunny."}, asks("And now?")
        self.chat(*history)
        self.assertEqual(self.asked["input"], [user("And now?")])
        self.assertEqual(self.asked["previous_response_id"], "resp_1")
        self.answer("resp_2")
