"""What a chat request has beside its messages, as a table."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.core.cases import case
from tests.core.dialect.chat_requests import asked, fields_besides

# Fields of a request, and what they are besides the model and the input.
FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "same names": (
        {
            "temperature": 0.5,
            "top_p": 1,
            "metadata": {"a": "b"},
            "store": False,
            "user": "u",
            "service_tier": "flex",
            "prompt_cache_key": "k",
            "safety_identifier": "s",
            "fast_mode": True,
        },
        {
            "temperature": 0.5,
            "top_p": 1,
            "metadata": {"a": "b"},
            "store": False,
            "user": "u",
            "service_tier": "flex",
            "prompt_cache_key": "k",
            "safety_identifier": "s",
            "fast_mode": True,
        },
    ),
    "nulls": (
        {
            "temperature": None,
            "tools": None,
            "stop": None,
            "n": None,
            "response_format": None,
            "reasoning_effort": None,
            "stream_options": None,
            "modalities": None,
        },
        {},
    ),
    "limit": ({"max_completion_tokens": 100}, {"max_output_tokens": 100}),
    "both limits": (
        {"max_completion_tokens": 100, "max_tokens": 50},
        {"max_output_tokens": 100},
    ),
    "a limit that upstreams refuse": ({"max_tokens": 1}, {"max_output_tokens": 16}),
    "effort": ({"reasoning_effort": "high"}, {"reasoning": {"effort": "high"}}),
    "reasoning": (
        {"reasoning": {"effort": "LOW", "summary": "detailed"}},
        {"reasoning": {"effort": "low", "summary": "detailed"}},
    ),
    "both ways to say an effort": (
        {"reasoning_effort": "high", "reasoning": {"effort": "low"}},
        {"reasoning": {"effort": "high"}},
    ),
    "verbosity": ({"verbosity": "low"}, {"text": {"verbosity": "low"}}),
    "log probabilities": (
        {"logprobs": True, "top_logprobs": 2},
        {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
    ),
    "what nobody has": (
        {"seed": 1, "logit_bias": {"1": 2}, "prediction": {}, "whatever": [1]},
        {},
    ),
}


class FieldsTests(SynchronousTestCase):
    """What else a client says is what the upstream is asked."""

    maxDiff = None

    def test_fields(self) -> None:
        """What else a request has."""
        for name, (said, expected) in FIELDS.items():
            with case(name=name):
                self.assertEqual(fields_besides(**said), expected)

    def test_what_is_left_out(self) -> None:
        """The client is told of what has no counterpart, if it means anything."""
        for said, names in (
            ({"seed": 7}, ["seed"]),
            ({"frequency_penalty": 0, "presence_penalty": 0.0, "logit_bias": {}}, []),
            ({"frequency_penalty": 0.5}, ["frequency_penalty"]),
            ({"logit_bias": {"50256": -100}}, ["logit_bias"]),
            ({"max_tokens": 5}, ["max_tokens"]),
        ):
            with case(said=said):
                self.assertEqual(asked(**said).left_out, names)  # type: ignore[arg-type]
