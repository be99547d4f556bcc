"""Answers of the Ollama API: events to lines, responses to one object."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.calls import Call, Calls, UnreadableCall
from chatmockd.core.dialect.ollama import Asked
from chatmockd.core.dialect.ollama_answer import (
    CHAT,
    GENERATE,
    Form,
    OllamaView,
    idle_json,
)
from chatmockd.core.frame import to_sse
from chatmockd.core.likeness import NOTHING, digest_after
from chatmockd.errors import UpstreamDisconnected
from tests.core.cases import case

ITEMS = [{"type": "message", "role": "user", "content": "Hi"}]
USAGE = {"input_tokens": 11, "output_tokens": 7}
STAMP = "2026-01-02T03:04:05.678901Z"
TEXT = "response.output_text.delta"
SUMMARY = "response.reasoning_summary_text.delta"


class StoppedClock:
    """A clock that a test moves."""

    now = 100.0

    def seconds(self) -> float:
        return self.now

    def stamp(self) -> bytes:
        return STAMP.encode()


def event(kind: str, **fields: Any) -> bytes:
    """One server-sent event."""
    return to_sse(kind, json.dumps({"type": kind, **fields}).encode())


def texts(*deltas: str) -> list[bytes]:
    """Pieces of text."""
    return [event(TEXT, delta=delta) for delta in deltas]


def calls_tool(arguments: str = '{"city": "Paris"}', call_id: str = "call_1") -> Any:
    """An item that calls a tool."""
    return {
        "id": "fc_1",
        "type": "function_call",
        "call_id": call_id,
        "name": "weather",
        "arguments": arguments,
    }


def says(text: str) -> dict[str, Any]:
    """An item with a text in it."""
    return {"type": "message", "content": [{"type": "output_text", "text": text}]}


def thinks(*summaries: str) -> dict[str, Any]:
    """An item of reasoning."""
    summary = [{"type": "summary_text", "text": text} for text in summaries]
    return {"type": "reasoning", "summary": summary}


def done(item: Any) -> bytes:
    """An item is finished."""
    return event("response.output_item.done", item=item, output_index=0)


def ended(kind: str = "completed", **fields: Any) -> bytes:
    """The terminal event."""
    response = {"id": "resp_1", "status": kind, "usage": USAGE, "output": []} | fields
    return event(f"response.{kind}", response=response)


class AnswerTests(SynchronousTestCase):
    """What the two have in common."""

    def setUp(self) -> None:
        self.clock = StoppedClock()
        self.calls = Calls()

    def view(self, form: Form = CHAT, **more: Any) -> OllamaView:
        asked = Asked("gpt-5.5:latest", {"input": ITEMS}, **more)
        return OllamaView(asked, form, self.calls, self.clock, 100.0)

    def lines(self, pieces: Iterable[bytes]) -> list[dict[str, Any]]:
        """What a client reads, each line with what all of them have."""
        stream = b"".join(pieces)
        self.assertTrue(stream.endswith(b"\n") or not stream)
        lines = [json.loads(line) for line in stream.split(b"\n")[:-1]]
        for line in lines:
            if "error" not in line:
                self.assertEqual(line.pop("model"), "gpt-5.5:latest")
                self.assertEqual(line.pop("created_at"), STAMP)
        return lines

    def chunks(self, pieces: Iterable[bytes]) -> list[dict[str, Any]]:
        """The messages of all lines but the last, which ends well."""
        *lines, last = self.lines(pieces)
        self.assertTrue(last["done"])
        self.assertEqual(last["message"], {"role": "assistant", "content": ""})
        messages = []
        for line in lines:
            self.assertEqual((line["done"], len(line)), (False, 2))
            self.assertEqual(line["message"].pop("role"), "assistant")
            messages.append(line["message"])
        return messages


class StreamTests(AnswerTests):
    """Line by line."""

    def test_golden(self) -> None:
        """Events, and the messages that they become."""
        part = event("response.reasoning_summary_part.added", summary_index=0)
        call = {
            "id": "call_1",
            "function": {
                "index": 0,
                "name": "weather",
                "arguments": {"city": "Paris"},
            },
        }
        for events, messages in (
            ([], []),
            (texts("He", "llo"), [{"content": "He"}, {"content": "llo"}]),
            (texts('"\n\\é🙂'), [{"content": '"\n\\é🙂'}]),
            (texts(""), []),
            ([event(TEXT)], []),
            ([event(TEXT, delta=5)], []),
            ([event(TEXT, delta={}), *texts("Hi")], [{"content": "Hi"}]),
            ([to_sse(TEXT, b"[]"), to_sse(TEXT, b'{"delta":"Hi')], []),
            ([to_sse(TEXT, b'{"delta":5,"more":"\\ud83d"}')], []),
            ([event(SUMMARY), event(SUMMARY, delta=5)], []),
            (
                [event("response.refusal.delta", delta="No.")],
                [{"content": "No."}],
            ),
            (
                [
                    part,
                    event(SUMMARY, delta="One"),
                    event(SUMMARY, delta=" thing"),
                    part,
                    event(SUMMARY, delta="Two"),
                    *texts("So."),
                ],
                [
                    {"content": "", "thinking": "One"},
                    {"content": "", "thinking": " thing"},
                    {"content": "", "thinking": "\n\nTwo"},
                    {"content": "So."},
                ],
            ),
            (
                [done(calls_tool()), done(says("Hi")), done(None), done([])],
                [{"content": "", "tool_calls": [call]}, {"content": "Hi"}],
            ),
        ):
            with case(events=events):
                view = self.view()
                pieces = [*view.stream(events), *view.end([ended()], None)]
                self.assertEqual(self.chunks(pieces), messages)

    def test_pieces_may_be_cut_anywhere(self) -> None:
        """As they are when they are large; a read gives one piece."""
        stream = b"".join(texts("He", "llo"))
        view = self.view()
        pieces = view.stream([stream[:9], stream[9:30], stream[30:]])
        self.assertEqual(len(pieces), 1)
        self.assertEqual(len(self.lines(pieces)), 2)

    def test_nothing_to_say_yet(self) -> None:
        """With the first byte the status would be out."""
        view = self.view()
        self.assertEqual(view.stream([event("response.created", response={})]), [])

    def test_a_call_with_members_of_other_types(self) -> None:
        """They are not there, then."""
        item = {"type": "function_call", "call_id": 5, "name": None, "arguments": []}
        (message,) = self.chunks(
            [*self.view().stream([done(item)]), *self.view().end([ended()], None)]
        )
        function = {"index": 0, "name": "", "arguments": {}}
        self.assertEqual(message["tool_calls"], [{"id": "", "function": function}])

    def test_half_an_emoji(self) -> None:
        """Models' texts are cut between tokens, not characters."""
        events = b"".join(
            to_sse(TEXT, b'{"type":"%b","delta":"%b"}' % (TEXT.encode(), half))
            for half in (b"\\ud83d", b"\\ude42")
        )
        for stops in ((), ("x",)):
            view = self.view(stops=stops)
            pieces = [*view.stream([events]), *view.end([ended()], None)]
            said = [message["content"] for message in self.chunks(pieces)]
            self.assertEqual(said, ["\ud83d", "\ude42"])

    def test_thinking_that_is_not_wanted(self) -> None:
        """It is not shown."""
        view = self.view(thinks_aloud=False)
        pieces = view.stream([event(SUMMARY, delta="Hm."), *texts("So.")])
        pieces += view.end([ended()], None)
        self.assertEqual(self.chunks(pieces), [{"content": "So."}])

    def test_the_last_line(self) -> None:
        """Tokens as the upstream counted them, and the time that it really took."""
        for kind, more, reason in (
            ("completed", {}, "stop"),
            (
                "incomplete",
                {"incomplete_details": {"reason": "max_output_tokens"}},
                "length",
            ),
            (
                "incomplete",
                {"incomplete_details": {"reason": "content_filter"}},
                "content_filter",
            ),
            (
                "incomplete",
                {"incomplete_details": {"reason": "max_messages"}},
                "max_messages",
            ),
            ("incomplete", {"incomplete_details": None}, "stop"),
            ("incomplete", {"incomplete_details": {"reason": 5}}, "stop"),
            (
                "completed",
                {"incomplete_details": {"reason": "max_output_tokens"}},
                "stop",
            ),
        ):
            with case(kind=kind, more=more):
                self.clock.now = 100.5
                view = self.view()
                view.stream(texts("Hi"))
                self.clock.now = 102.0
                (last,) = self.lines(view.end([ended(kind, **more)], None))
                del last["message"]
                self.assertEqual(
                    last,
                    {
                        "done": True,
                        "done_reason": reason,
                        "total_duration": 2_000_000_000,
                        "load_duration": 0,
                        "prompt_eval_count": 11,
                        "prompt_eval_duration": 500_000_000,
                        "eval_count": 7,
                        "eval_duration": 1_500_000_000,
                    },
                )

    def test_usage_that_is_missing(self) -> None:
        """Nothing is made up."""
        for usage in (None, {}, {"input_tokens": "many"}):
            (last,) = self.lines(self.view().end([ended(usage=usage)], None))
            self.assertEqual((last["prompt_eval_count"], last["eval_count"]), (0, 0))

    def test_text_that_came_only_at_the_end(self) -> None:
        """Nothing is lost."""
        output = [thinks("Hm."), says("Hi."), calls_tool()]
        view = self.view()
        first, second = self.chunks(view.end([ended(output=output)], None))
        self.assertEqual(first, {"content": "Hi."})
        self.assertEqual(second["tool_calls"][0]["id"], "call_1")

    def test_text_that_is_there_twice(self) -> None:
        """It is said once."""
        view = self.view()
        pieces = view.stream([*texts("Hi."), done(says("Hi."))])
        pieces += view.end([ended(output=[says("Hi.")])], None)
        self.assertEqual(self.chunks(pieces), [{"content": "Hi."}])

    def test_an_error_in_the_middle(self) -> None:
        """It is the last line, and everything that came before it is there."""
        view = self.view()
        view.stream(texts("He"))
        problem = UpstreamDisconnected("Gone.")
        error = event("error", message="Gone.")
        text, last = self.lines(view.end([*texts("llo"), error], problem))
        self.assertEqual(text["message"]["content"], "llo")
        self.assertEqual(last, {"error": "Gone."})

    def test_a_call_that_cannot_be_read(self) -> None:
        """It is an error, and nothing follows."""
        for arguments in ('{"city":', "[]", "5"):
            view = self.view()
            pieces = view.stream([done(calls_tool(arguments)), *texts("Hi")])
            pieces += view.end([*texts("!"), ended()], None)
            (line,) = self.lines(pieces)
            self.assertIn("'weather'", line["error"])
            whole = [ended(output=[calls_tool(arguments)])]
            (line,) = self.lines(self.view().end(whole, None))
            self.assertIn("'weather'", line["error"])

    def test_calls_without_arguments(self) -> None:
        """An empty text is no arguments."""
        view = self.view()
        (line,) = self.lines(view.stream([done(calls_tool(""))]))
        (call,) = line["message"]["tool_calls"]
        self.assertEqual(call["function"]["arguments"], {})


class StopTests(AnswerTests):
    """The Responses API knows no stop sequences."""

    def said(self, deltas: list[str], *stops: str) -> list[str]:
        view = self.view(stops=stops)
        pieces = view.stream(texts(*deltas))
        pieces += view.end([*texts("!"), ended(output=[says("all of it")])], None)
        return [message["content"] for message in self.chunks(pieces)]

    def test_across_deltas(self) -> None:
        """Deltas and stops, and what is left."""
        for deltas, stops, said in (
            (["a", "b", "c"], ["b"], ["a"]),
            (["abc"], ["b"], ["a"]),
            (["one EN", "D two"], ["END"], ["one "]),
            (["one EN", "TER"], ["END"], ["one ", "ENTER", "!"]),
            (["one EN"], ["END!"], ["one ", "EN!"]),
            (["aab"], ["ab"], ["a"]),
            (["abc"], ["c", "b"], ["a"]),
            (["END"], ["END"], []),
        ):
            with case(deltas=deltas, stops=stops):
                self.assertEqual(self.said(deltas, *stops), said)

    def test_what_comes_after_it_does_not_come(self) -> None:
        """Neither calls, nor a reason why it was cut off elsewhere."""
        why = {"reason": "max_output_tokens"}
        view = self.view(stops=("b",))
        pieces = view.stream([*texts("abc"), done(calls_tool())])
        pieces += view.end([ended("incomplete", incomplete_details=why)], None)
        text, last = self.lines(pieces)
        self.assertEqual(text["message"]["content"], "a")
        self.assertEqual(last["done_reason"], "stop")

    def test_all_at_once(self) -> None:
        """The same in an answer that is not streamed."""
        response = {"output": [says("abc"), calls_tool(), says("d")]}
        answer = json.loads(
            self.view(stops=("b",)).whole(json.dumps(response).encode())
        )
        self.assertEqual(answer["message"], {"role": "assistant", "content": "a"})
        answer = json.loads(
            self.view(stops=("cx",)).whole(json.dumps(response).encode())
        )
        self.assertEqual(answer["message"]["content"], "abcd")


class WholeTests(AnswerTests):
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


class GenerateTests(AnswerTests):
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
        asked = Asked("gpt-5.5", idle_reason="load")
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


class RememberedTests(AnswerTests):
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
