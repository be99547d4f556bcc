"""The order of events, as it was recorded."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.identity import Identity
from chatmockd.simulator.outputs import CustomCall, FunctionCall, Message, Thought
from chatmockd.simulator.script import Script
from chatmockd.simulator.snapshot import Snapshot
from tests.simulator.wired import Event, kinds


def _played(*outputs: Any, **options: Any) -> tuple[list[Event], Script]:
    identity = Identity(100)
    script = Script(
        outputs,
        Snapshot({"model": "m"}, identity.response_id, 100, dated=True, stored=True),
        identity,
        **{
            "now": lambda: 101,
            "input_tokens": 7,
            "cached_tokens": 3,
            "obfuscate": True,
            "seal": False,
            **options,
        },
    )
    return list(script.events()), script


class ScriptTests(SynchronousTestCase):
    """Each kind of output."""

    def test_message(self) -> None:
        """A text turn."""
        events, script = _played(Message("one two"))
        self.assertEqual(
            kinds(events),
            [
                "response.created",
                "response.in_progress",
                "response.output_item.added",
                "response.content_part.added",
                "response.output_text.delta",
                "response.output_text.delta",
                "response.output_text.done",
                "response.content_part.done",
                "response.output_item.done",
                "response.completed",
            ],
        )
        self.assertEqual(events[2]["item"]["content"], [])
        self.assertEqual(events[4]["logprobs"], [])
        self.assertEqual(events[6]["text"], "one two")
        done, completed = events[-2]["item"], events[-1]["response"]
        self.assertEqual(done["status"], "completed")
        self.assertEqual(completed["output"], [done])
        self.assertEqual(script.items, [done])
        self.assertTrue(done["id"].startswith("msg_"))
        self.assertEqual(events[0]["response"]["output"], [])
        self.assertEqual(
            completed["usage"],
            {
                "input_tokens": 7,
                "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
                "output_tokens": 2,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 9,
            },
        )

    def test_function_call(self) -> None:
        """A tool turn."""
        events, _ = _played(FunctionCall("add", '{"a":1}'))
        named = kinds(events)[2:-1]
        self.assertEqual(named[0], "response.output_item.added")
        self.assertEqual(set(named[1:-2]), {"response.function_call_arguments.delta"})
        self.assertEqual(
            named[-2:],
            ["response.function_call_arguments.done", "response.output_item.done"],
        )
        self.assertEqual(events[2]["item"]["arguments"], "")
        self.assertNotIn("name", events[-3])
        item = events[-2]["item"]
        self.assertEqual(item["arguments"], '{"a":1}')
        self.assertEqual(item["call_id"], events[2]["item"]["call_id"])
        self.assertTrue(item["id"].startswith("fc_"))

    def test_custom_call(self) -> None:
        """The same for a tool which takes text."""
        events, _ = _played(CustomCall("sh", "ls -l"))
        self.assertIn("response.custom_tool_call_input.delta", kinds(events))
        self.assertEqual(events[-3]["input"], "ls -l")
        self.assertTrue(events[-2]["item"]["id"].startswith("ctc_"))

    def test_reasoning(self) -> None:
        """Summary parts, each opened and closed, then the item."""
        events, _ = _played(Thought(("one", "two")), Message("hi"), seal=True)
        prefix = "response.reasoning_summary_"
        self.assertEqual(
            kinds(events)[2:12],
            [
                "response.output_item.added",
                f"{prefix}part.added",
                f"{prefix}text.delta",
                f"{prefix}text.done",
                f"{prefix}part.done",
                f"{prefix}part.added",
                f"{prefix}text.delta",
                f"{prefix}text.done",
                f"{prefix}part.done",
                "response.output_item.done",
            ],
        )
        self.assertEqual([e["summary_index"] for e in events[3:11]], [0] * 4 + [1] * 4)
        item = events[11]["item"]
        self.assertTrue(item["encrypted_content"])
        self.assertEqual([part["text"] for part in item["summary"]], ["one", "two"])
        self.assertEqual(events[12]["output_index"], 1)
        details = events[-1]["response"]["usage"]["output_tokens_details"]
        self.assertEqual(details, {"reasoning_tokens": 2})

    def test_seals_only_when_asked(self) -> None:
        """Without C{include} there is no encrypted content."""
        events, _ = _played(Thought(("one",)))
        self.assertNotIn("encrypted_content", events[2]["item"])

    def test_obfuscation(self) -> None:
        """On by default, and it can be turned off."""
        for wanted in (True, False):
            events, _ = _played(Message("one"), obfuscate=wanted)
            self.assertEqual("obfuscation" in events[4], wanted)

    def test_nothing(self) -> None:
        """A turn without output still has its frame."""
        events, _ = _played()
        self.assertEqual(len(events), 3)
        self.assertEqual(events[-1]["response"]["usage"]["output_tokens"], 0)

    def test_budget(self) -> None:
        """Out of tokens, the item and the response are incomplete."""
        events, script = _played(
            Message("one two three"), Message("four"), budget=2, cut_for="max_messages"
        )
        self.assertEqual(events[-1]["type"], "response.incomplete")
        response = events[-1]["response"]
        self.assertEqual(response["incomplete_details"], {"reason": "max_messages"})
        (item,) = response["output"]
        self.assertEqual(item["status"], "incomplete")
        self.assertEqual(item["content"][0]["text"], "one two")
        self.assertEqual(response["usage"]["output_tokens"], 2)
        self.assertEqual(script.items, [item])

    def test_exact_budget(self) -> None:
        """As many tokens as are needed are enough."""
        events, _ = _played(Message("one two"), budget=2)
        self.assertEqual(events[-1]["type"], "response.completed")

    def test_one_delta(self) -> None:
        """However long the text is, it can be one event."""
        events, _ = _played(Message("one " * 1000), one_delta=True)
        self.assertEqual(kinds(events).count("response.output_text.delta"), 1)
