"""One request and what is answered to it, without a connection."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.damage import Close, Refuse, Send
from chatmockd.simulator.faults import Faults
from chatmockd.simulator.memory import Memory, Storage
from chatmockd.simulator.turn import Turn
from tests.simulator.wired import Event, kinds, text_of


class TurnTests(SynchronousTestCase):
    """A memory, and turns that use it."""

    def setUp(self) -> None:
        self.memory = Memory(Storage())
        self.faults = Faults()

    def _acts(self, said: object, **options: Any) -> list[Any]:
        lane = options.pop("lane", None)
        profile = options.pop("profile", "openai")
        body = {"model": "gpt-4o-mini", "input": said, **options}
        turn = Turn(body, lane, profile, self.memory, self.faults, lambda: 100.5)
        return list(turn.acts())

    def _events(self, said: object, **options: Any) -> list[Event]:
        return [
            msgspec.json.decode(act.payload)
            for act in self._acts(said, **options)
            if isinstance(act, Send)
        ]

    def test_sequence_numbers(self) -> None:
        """They start at 0 for each response and rise by 1."""
        for _ in range(2):
            numbers = [event["sequence_number"] for event in self._events("hello")]
            self.assertEqual(numbers, list(range(len(numbers))))

    def test_without_sequence_numbers(self) -> None:
        """A fault takes them away."""
        self.faults = Faults(without=frozenset({"sequence_number"}))
        self.assertNotIn("sequence_number", self._events("hello")[0])

    def test_usage(self) -> None:
        """Counted from the text; what is remembered was cached."""
        first = self._events("one two three")[-1]["response"]
        self.assertEqual(first["usage"]["input_tokens"], 3)
        follow = self._events(
            "four", previous_response_id=first["id"], instructions="be brief"
        )
        usage = follow[-1]["response"]["usage"]
        cached = usage["input_tokens_details"]["cached_tokens"]
        self.assertEqual(cached, first["usage"]["total_tokens"])
        self.assertEqual(usage["input_tokens"], cached + 1 + 2)
        deltas = kinds(follow).count("response.output_text.delta")
        self.assertEqual(usage["output_tokens"], deltas)

    def test_ids_agree(self) -> None:
        """Created and completed speak of the same response."""
        events = self._events("hello")
        self.assertEqual(events[0]["response"]["id"], events[-1]["response"]["id"])
        self.assertEqual(events[0]["response"]["created_at"], 100)

    def test_remembered_at_the_terminal_event(self) -> None:
        """Not before it, and at the latest when it goes out."""
        body = {"model": "m", "input": "hello"}
        acts = Turn(body, None, "openai", self.memory, Faults(), lambda: 1.0).acts()
        for act in acts:
            assert isinstance(act, Send)
            event = msgspec.json.decode(act.payload)
            if "response" in event:
                known = self.memory.recall(event["response"]["id"]) is not None
                self.assertEqual(known, event["type"] == "response.completed")

    def test_no_input(self) -> None:
        """Something has to be said, or continued."""
        (act,) = self._acts(None)
        assert isinstance(act, Refuse)
        self.assertEqual(act.refused.code, "missing_required_parameter")

    def test_a_failed_turn_forgets(self) -> None:
        """What a failed turn referred to is gone from the lane, by any failure."""
        for broken in (
            {"temperature": -1},
            {"said": "x [[simulate: error]]"},
            {"said": "x [[simulate: failed after=3]]"},
            {"said": "x [[simulate: nonsense]]"},
            {"said": [{"type": "function_call_output", "call_id": "c"}]},
        ):
            with self.subTest(**broken):
                first = self._events("hello", store=False)[-1]["response"]["id"]
                self._acts(
                    broken.get("said", "x"),
                    previous_response_id=first,
                    temperature=broken.get("temperature", 1),
                )
                self.assertIsNone(self.memory.recall(first))

    def test_wrong_ids(self) -> None:
        """Whatever is no remembered id is not found."""
        for previous in ("resp_x", "", 7, ["resp_x"]):
            (act,) = self._acts("hello", previous_response_id=previous)
            assert isinstance(act, Refuse)
            self.assertEqual(act.refused.code, "previous_response_not_found")

    def test_generate_false(self) -> None:
        """Nothing is said, and all of it can be continued."""
        events = self._events("Remember the token A-1.", generate=False)
        self.assertEqual(
            kinds(events),
            ["response.created", "response.in_progress", "response.completed"],
        )
        response = events[-1]["response"]
        self.assertEqual(response["output"], [])
        self.assertEqual(response["usage"]["output_tokens"], 0)
        follow = self._events([], previous_response_id=response["id"])
        self.assertIn("A-1", text_of(follow[-1]["response"]))

    def test_max_output_tokens(self) -> None:
        """The real limit works like the real one."""
        events = self._events("write 50 words", max_output_tokens=20)
        response = events[-1]["response"]
        self.assertEqual(response["status"], "incomplete")
        self.assertEqual(response["usage"]["output_tokens"], 20)
        self.assertEqual(len(text_of(response).split()), 20)

    def test_incomplete(self) -> None:
        """The fault stops halfway; the response can be continued all the same."""
        events = self._events("write 50 words [[simulate: incomplete]]")
        response = events[-1]["response"]
        self.assertEqual(events[-1]["type"], "response.incomplete")
        self.assertEqual(len(text_of(response).split()), 25)
        self.assertIsNotNone(self.memory.recall(response["id"]))

    def test_event_bytes(self) -> None:
        """One large delta, and all that repeats it."""
        size = 1_000_000
        acts = self._acts(f"hello [[simulate: event_bytes={size}]]")
        large = [act for act in acts if len(act.payload) >= size]
        self.assertEqual(len(large), 5)

    def test_pace_and_fragments(self) -> None:
        """Both go with every message."""
        for act in self._acts("hello [[simulate: pace_s=0.5 fragment_bytes=10]]"):
            self.assertEqual((act.pace_s, act.fragment), (0.5, 10))

    def test_obfuscation_can_be_turned_off(self) -> None:
        """By the option of the public API."""
        for options, wanted in ({}, True), ({"include_obfuscation": False}, False):
            events = self._events("hello", stream_options=options)
            self.assertEqual("obfuscation" in events[4], wanted)

    def test_encrypted_reasoning(self) -> None:
        """Only for those who include it."""
        for include in ([], ["reasoning.encrypted_content"]):
            events = self._events("think", include=include)
            item = events[-1]["response"]["output"][0]
            self.assertEqual("encrypted_content" in item, bool(include))

    def test_lane(self) -> None:
        """Its name is on every event."""
        for event in self._events("hello", lane="a"):
            self.assertEqual(event["stream_id"], "a")
        self.assertNotIn("stream_id", self._events("hello")[0])

    def test_chatgpt_opening(self) -> None:
        """Two frames of its own come first, and count as frames of the turn."""
        events = self._events("hello", profile="chatgpt")
        self.assertEqual(
            kinds(events)[:3],
            ["codex.rate_limits", "codex.response.metadata", "response.created"],
        )
        self.assertEqual(events[2]["sequence_number"], 0)
        self.assertFalse(events[-1]["response"]["store"])
        acts = self._acts("x [[simulate: close after=2]]", profile="chatgpt")
        self.assertEqual([type(act) for act in acts], [Send, Send, Close])

    def test_chatgpt_hangs_up_on_loose_schemas(self) -> None:
        """Close 1000 and not a word."""
        tool = {
            "type": "function",
            "name": "f",
            "strict": True,
            "parameters": {"type": "object"},
        }
        acts = self._acts("hello", profile="chatgpt", tools=[tool])
        self.assertEqual(acts, [Close(1000)])
