"""Requests of the Ollama API, beside what becomes of them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.ollama import read_chat
from chatmockd.core.dialect.ollama_calls import Calls
from tests.core.cases import case
from tests.core.dialect.ollama_requests import (
    IMAGE,
    PIXEL,
    TOOL,
    asks,
    chat,
    generate,
    known,
    user,
)


class FieldsTests(SynchronousTestCase):
    """What stands beside the messages."""

    def test_golden(self) -> None:
        """Each member, and what it becomes."""
        strict = {
            "type": "object",
            "properties": {"a": {"type": "string"}},
            "required": ["a"],
            "additionalProperties": False,
        }
        loose = {"type": "object", "properties": {"a": {"type": "string"}}}
        shape = {"type": "json_schema", "name": "answer"}
        for asked, fields in (
            ({}, {}),
            ({"model": "gpt-5.5:latest"}, {"model": "gpt-5.5"}),
            ({"model": "gpt-5.5-high"}, {"model": "gpt-5.5-high"}),
            ({"model": "gpt-5.5:high"}, {"model": "gpt-5.5:high"}),
            (
                {"tools": [TOOL]},
                {"tools": [TOOL["function"] | {"type": "function", "strict": False}]},
            ),
            (
                {"tools": [{"function": {"name": "now"}}]},
                {
                    "tools": [
                        {
                            "type": "function",
                            "name": "now",
                            "parameters": {"type": "object", "properties": {}},
                            "strict": False,
                        }
                    ]
                },
            ),
            ({"tools": [], "format": "", "options": None, "think": None}, {}),
            (
                {"format": strict},
                {"text": {"format": shape | {"schema": strict, "strict": True}}},
            ),
            (
                {"format": loose},
                {"text": {"format": shape | {"schema": loose, "strict": False}}},
            ),
            (
                {"format": "json"},
                {
                    "text": {
                        "format": shape
                        | {"schema": {"type": "object"}, "strict": False}
                    }
                },
            ),
            ({"options": {"num_predict": 100}}, {"max_output_tokens": 100}),
            ({"options": {"num_predict": 3}}, {"max_output_tokens": 16}),
            ({"options": {"num_predict": -1, "num_ctx": 4096, "seed": 1}}, {}),
            (
                {"options": {"temperature": 0, "top_p": 0.5}},
                {"temperature": 0, "top_p": 0.5},
            ),
            ({"think": True}, {"reasoning": {"summary": "auto"}}),
            ({"think": False}, {"reasoning": {"effort": "none"}}),
            ({"think": False, "model": "plain"}, {}),
            ({"think": "low"}, {"reasoning": {"effort": "low", "summary": "auto"}}),
            ({"think": ""}, {}),
            (
                {"format": {}},
                {
                    "text": {
                        "format": shape
                        | {"schema": {"type": "object"}, "strict": False}
                    }
                },
            ),
            ({"keep_alive": "5m", "nonsense": [1]}, {}),
            ({"tool_choice": "none"}, {"tool_choice": "none"}),
            (
                {"fast_mode": True, "parallel_tool_calls": False},
                {"fast_mode": True, "parallel_tool_calls": False},
            ),
        ):
            given = {"model": "gpt-5.5", "messages": [asks("Hi")], **asked}
            expected = {"model": given["model"], "input": [user("Hi")], **fields}
            with case(asked=asked):
                self.assertEqual(read_chat(given, known, Calls()).fields, expected)

    def test_json_by_its_word(self) -> None:
        """Where the word is, the upstream has a mode for it."""
        for message in (asks("Answer in JSON."), asks("As json")):
            fields = chat([message], format="json").fields
            self.assertEqual(fields["text"], {"format": {"type": "json_object"}})

    def test_what_is_not_for_the_upstream(self) -> None:
        """Streaming is the default; thinking is shown, unless it is not wanted."""
        for more, streaming, aloud, stops in (
            ({}, True, True, ()),
            ({"stream": False}, False, True, ()),
            ({"stream": None}, True, True, ()),
            ({"think": False}, True, False, ()),
            ({"think": "high"}, True, True, ()),
            ({"options": {"stop": ["a", "", "b"]}}, True, True, ("a", "b")),
            ({"options": {"stop": "a"}}, True, True, ("a",)),
        ):
            with case(more=more):
                asked = chat([asks("Hi")], **more)
                self.assertEqual(
                    (asked.streaming, asked.thinks_aloud, asked.stops),
                    (streaming, aloud, stops),
                )
                self.assertEqual(asked.model, "gpt-5.5")

    def test_asking_nothing(self) -> None:
        """The client wants the model in memory, or out of it."""
        for asked, reason in (
            (chat([]), "load"),
            (chat(None), "load"),
            (chat([], keep_alive=0), "unload"),
            (chat([{"role": "system", "content": "Be brief."}]), "load"),
            (generate(prompt=""), "load"),
            (generate(prompt=None, keep_alive="0"), "unload"),
        ):
            self.assertEqual((asked.idle_reason, asked.fields), (reason, {}))

    def test_generate(self) -> None:
        """A prompt is a conversation of one message."""
        for more, fields in (
            ({}, {}),
            ({"system": "Be brief."}, {"instructions": "Be brief."}),
            ({"images": [PIXEL]}, {"input": [user("Hello?", IMAGE)]}),
            ({"suffix": "", "template": "", "context": [1], "raw": False}, {}),
            ({"think": "high"}, {"reasoning": {"effort": "high", "summary": "auto"}}),
        ):
            expected = {"model": "gpt-5.5", "input": [user("Hello?")], **fields}
            with case(more=more):
                self.assertEqual(generate(**more).fields, expected)

    def test_a_forced_model_makes_any_name_good(self) -> None:
        """Another one answers."""
        body = {"model": "llama3:8b", "messages": [asks("Hi")], "think": False}
        asked = read_chat(body, lambda name: None, Calls())
        self.assertEqual(asked.fields["model"], "llama3:8b")
