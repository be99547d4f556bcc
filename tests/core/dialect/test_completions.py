"""The legacy API: a prompt, and a text that goes on from it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.completions import AskedCompletion, CompletionView
from chatmockd.errors import InvalidRequest, UpstreamDisconnected
from tests.core.cases import case
from tests.core.dialect.answers import (
    COUNTED,
    USAGE,
    chunks_in,
    events_of,
    response,
    streamed,
    text,
    thought,
)
from tests.core.json_values import values


def asked(**fields: Any) -> AskedCompletion:
    """A request."""
    return AskedCompletion({"model": "m", "prompt": "Once", **fields})


def view_of(**fields: Any) -> CompletionView:
    """Its view."""
    return CompletionView(asked(**fields), 1)


class RequestTests(SynchronousTestCase):
    """What the upstream is asked."""

    def test_fields(self) -> None:
        """The prompt is a user's message."""
        said = {"type": "input_text", "text": "Once"}
        message = {"type": "message", "role": "user", "content": [said]}
        base = {"model": "m", "input": [message]}
        for said, more in (
            ({}, {}),
            ({"prompt": ["Once"]}, {}),
            ({"max_tokens": 20, "temperature": 0}, {"max_output_tokens": 20}),
            ({"echo": False, "suffix": "", "n": 1, "best_of": 1}, {}),
            ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        ):
            with case(said=said):
                fields = asked(**said).fields  # type: ignore[arg-type]
                fields.pop("temperature", None)
                self.assertEqual(fields, base | more)

    def test_refusals(self) -> None:
        """What it cannot do."""
        for said, param in (
            ({"prompt": None}, "prompt"),
            ({"prompt": 7}, "prompt"),
            ({"prompt": ["a", "b"]}, "prompt"),
            ({"prompt": [1, 2]}, "prompt"),
            ({"prompt": [[1]]}, "prompt[0]"),
            ({"echo": True}, "echo"),
            ({"suffix": "end"}, "suffix"),
            ({"logprobs": 0}, "logprobs"),
            ({"best_of": 2}, "best_of"),
        ):
            with case(said=said):
                with self.assertRaises(InvalidRequest) as caught:
                    asked(**said)
                self.assertEqual(caught.exception.param, param)

    @settings(max_examples=150, deadline=None)
    @given(
        st.dictionaries(
            st.sampled_from(
                "model prompt stop n suffix echo logit_bias stream".split()
            ),
            values,
        )
    )
    def test_any_json(self, fields: dict[str, Any]) -> None:
        """It is a request, or a refusal; never anything else."""
        try:
            request = AskedCompletion(fields)
        except InvalidRequest as problem:
            self.assertEqual(problem.status, 400)
        else:
            self.assertEqual(len(request.fields["input"]), 1)


class AnswerTests(SynchronousTestCase):
    """What the client gets."""

    TOLD = response(thought("Hm."), text("a time. Stop."), usage=USAGE)
    HEAD = {"id": "cmpl-1", "object": "text_completion", "created": 1700000000}
    HEAD |= {"model": "gpt-5.5-2026"}

    def test_whole(self) -> None:
        """One choice, and no reasoning in it."""
        for stop, said in ((None, "a time. Stop."), ("Stop", "a time. ")):
            body = view_of(stop=stop).whole(json.dumps(self.TOLD).encode())
            choice = {"text": said, "index": 0, "logprobs": None}
            choices = [choice | {"finish_reason": "stop"}]
            expected = self.HEAD | {"choices": choices, "usage": COUNTED}
            self.assertEqual(json.loads(body), expected)

    def test_stream(self) -> None:
        """The same in chunks."""
        for stop, said in ((None, "a time. Stop."), ("Stop", "a time. ")):
            view = view_of(stop=stop, stream_options={"include_usage": True})
            chunks = chunks_in(streamed(view, events_of(self.TOLD)))
            *texts, usage, done = chunks
            self.assertEqual(done, "[DONE]")
            self.assertEqual(usage, self.HEAD | {"choices": [], "usage": COUNTED})
            got = [chunk["choices"][0]["text"] for chunk in texts]
            self.assertEqual("".join(got), said)
            reasons = {c["choices"][0]["finish_reason"] for c in texts[:-1]}
            self.assertEqual(reasons, {None})
            self.assertEqual(texts[-1]["choices"][0]["finish_reason"], "stop")

    def test_cut_short(self) -> None:
        """It says why it ends."""
        details = {"reason": "max_output_tokens"}
        told = response(text("a"), incomplete_details=details)
        body = view_of().whole(json.dumps(told).encode())
        self.assertEqual(json.loads(body)["choices"][0]["finish_reason"], "length")
        *_, last, _ = chunks_in(streamed(view_of(), events_of(told)))
        self.assertEqual(last["choices"][0]["finish_reason"], "length")

    def test_an_error(self) -> None:
        """It is the last chunk."""
        events = [*events_of(self.TOLD)[:8], {"type": "error"}]
        written = streamed(view_of(), events, UpstreamDisconnected("gone"))
        *_, last = chunks_in(written)
        self.assertEqual(last["error"]["code"], "upstream_disconnected")
        self.assertNotIn(b"[DONE]", written)
