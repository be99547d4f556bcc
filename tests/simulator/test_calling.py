"""When a tool is called, which one, and with what."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.calling import calls_for, offered
from chatmockd.simulator.outputs import CustomCall, FunctionCall


def _function(name: str, **properties: str) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "parameters": {
            "type": "object",
            "properties": {key: {"type": kind} for key, kind in properties.items()},
            "required": list(properties),
        },
    }


_WEATHER = _function("get_weather", city="string")
_ADD = _function("add_numbers", a="integer", b="integer")
_SHELL = {"type": "custom", "name": "run_shell"}
_TOOLS = offered([_WEATHER, _ADD, _SHELL, {"type": "web_search"}])


def _calls(
    text: str, choice: object = "auto", parallel: bool = True
) -> list[tuple[str, Any]]:
    return [
        (call.name, msgspec.json.decode(call.arguments))
        if isinstance(call, FunctionCall)
        else (call.name, call.input)
        for call in calls_for(text, _TOOLS, choice, parallel)
    ]


class CallsForTests(SynchronousTestCase):
    """What the user says and what is called."""

    def test_asked(self) -> None:
        """Named, spoken of, or asked for as "the tool"."""
        paris = ("get_weather", {"city": "Paris"})
        for text in (
            "Call get_weather for Paris.",
            "Please get weather for Paris",
            "What is the weather in Paris?",
            "Use the tool for Paris",
        ):
            with self.subTest(text=text):
                self.assertEqual(_calls(text), [paris])

    def test_not_asked(self) -> None:
        """Other talk calls nothing."""
        for text in (
            "hello",
            "Call me Bob",
            "What is the weather? Do not use any tools.",
        ):
            with self.subTest(text=text):
                self.assertEqual(_calls(text), [])

    def test_arguments(self) -> None:
        """Numbers go where numbers are wanted."""
        self.assertEqual(
            _calls("add_numbers 2 and 40"), [("add_numbers", {"a": 2, "b": 40})]
        )

    def test_several_tools(self) -> None:
        """Each named tool is called, unless one call is all that is allowed."""
        text = "Call get_weather for Oslo and then add_numbers 1 2"
        names = [name for name, _ in _calls(text)]
        self.assertEqual(names, ["get_weather", "add_numbers"])
        self.assertEqual(len(_calls(text, parallel=False)), 1)

    def test_several_places(self) -> None:
        """One call for each place."""
        text = "What is the weather in Paris and Rome?"
        self.assertEqual(
            _calls(text),
            [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Rome"})],
        )

    def test_custom_tools(self) -> None:
        """They take the quoted text."""
        self.assertEqual(_calls("run_shell `ls -l`"), [("run_shell", "ls -l")])
        (call,) = calls_for("run_shell now", _TOOLS, "auto", True)
        self.assertEqual(call, CustomCall("run_shell", "run_shell now"))

    def test_choice(self) -> None:
        """C{tool_choice} decides before the text does."""
        by_name = {"type": "function", "name": "add_numbers"}
        allowed = {"type": "allowed_tools", "mode": "required", "tools": [_ADD]}
        for text, choice, names in (
            ("What is the weather in Paris?", "none", []),
            ("hello", "required", ["get_weather"]),
            ("hello", by_name, ["add_numbers"]),
            ("hello", allowed, ["add_numbers"]),
            ("hello", {**allowed, "mode": "auto"}, []),
            ("hello", {"type": "function", "name": "unknown"}, []),
        ):
            with self.subTest(text=text, choice=choice):
                self.assertEqual([name for name, _ in _calls(text, choice)], names)

    def test_offered(self) -> None:
        """Namespaces are opened, hosted tools and nonsense are passed over."""
        tools = offered(
            [
                {"type": "namespace", "name": "n", "tools": [_ADD]},
                1,
                {"type": "function"},
            ]
        )
        self.assertEqual([tool.name for tool in tools], ["add_numbers"])
        self.assertEqual(offered(None), [])
