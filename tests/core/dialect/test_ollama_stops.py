"""Stop sequences in answers of the Ollama API, streamed and whole."""

from __future__ import annotations

import json

from tests.core.cases import case
from tests.core.dialect.ollama_answers import (
    AnswerCase,
    calls_tool,
    done,
    ended,
    says,
    texts,
)


class StopTests(AnswerCase):
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
