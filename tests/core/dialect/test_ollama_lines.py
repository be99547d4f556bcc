"""Answers of the Ollama API line by line: events, and what they become."""

from __future__ import annotations

from chatmockd.core.frame import to_sse
from chatmockd.errors import UpstreamDisconnected
from tests.core.cases import case
from tests.core.dialect.ollama_answers import (
    SUMMARY,
    TEXT,
    AnswerCase,
    calls_tool,
    done,
    ended,
    event,
    says,
    texts,
    thinks,
)


class StreamTests(AnswerCase):
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
