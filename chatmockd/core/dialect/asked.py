"""What chat and legacy completions requests have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatmockd.core.dialect.reading import (
    boolean,
    mapping,
    number,
    sequence,
    text,
    unsupported,
    whole_number,
    wrong_type,
    wrong_value,
)
from chatmockd.core.model import EFFORTS

_SUMMARIES = ("auto", "concise", "detailed", "none")

# What the Responses API has by the same name and with the same meaning.
_SAME_TEXTS = (
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "user",
)
_SAME_NUMBERS = ("temperature", "top_p")

# What it has not, with the values that mean nothing. A request that means something by
# one of them is carried out without it, and its answer says so.
_LEFT_OUT: Mapping[str, tuple[Any, ...]] = {
    "frequency_penalty": (None, 0),
    "presence_penalty": (None, 0),
    "logit_bias": (None, {}),
    "seed": (None,),
}

LEAST_TOKENS = 16  # below that, api.openai.com refuses `max_output_tokens`
_MOST_STOPS = 4
_LONGEST_STOP = 1024  # characters


class Asked:
    """
    One request of another API, in the words of the Responses API.

    @ivar fields: The request.
    @ivar names: What the client calls those of its fields that have another name.
    @ivar left_out: What it asked for and does not get, in its own words.
    @ivar otherwise: The fields to ask with when the upstream refuses these; None where
        there is no other way.
    @ivar streaming: It wants the answer bit by bit.
    @ivar counts: The stream shall end with the usage.
    @ivar stops: What ends the text.
    @ivar model: The model's name as the client wrote it, if it did.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        """
        Read what is common.

        @raise InvalidRequest: There is something of the wrong type, or that cannot be
            had.
        """
        self.fields: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        self.left_out: list[str] = []
        self.otherwise: dict[str, Any] | None = None
        if given.get("model") is not None:
            # Checked like everybody's.
            self.fields["model"] = given["model"]
        self.model = str(given.get("model") or "")
        self.streaming = bool(boolean(given, "stream"))
        options = mapping(given, "stream_options") or {}
        self.counts = bool(boolean(options, "include_usage", "stream_options"))
        self.stops = _stops(given)
        _check_number_of_answers(given)
        self._read_same(given)
        self._read_limit(given)
        self._read_reasoning(given)
        for name, nothing in _LEFT_OUT.items():
            value = given.get(name)
            if value not in nothing or isinstance(value, bool):
                self.left_out.append(name)

    def _read_same(self, given: Mapping[str, Any]) -> None:
        fields = self.fields
        for name in _SAME_TEXTS:
            value = text(given, name)
            if value is not None:
                fields[name] = value
        for name in _SAME_NUMBERS:
            amount = number(given, name)
            if amount is not None:
                fields[name] = amount
        metadata = mapping(given, "metadata")
        if metadata is not None:
            fields["metadata"] = metadata
        stores = boolean(given, "store")
        if stores is not None:
            fields["store"] = stores
        if given.get("fast_mode") is not None:
            fields["fast_mode"] = given["fast_mode"]

    def _read_limit(self, given: Mapping[str, Any]) -> None:
        for name in ("max_completion_tokens", "max_tokens"):
            limit = whole_number(given, name)
            if limit is None:
                continue
            if limit < 1:
                raise wrong_value(name, "expected at least 1")
            if limit < LEAST_TOKENS:
                limit = LEAST_TOKENS
                self.left_out.append(name)
            self.fields["max_output_tokens"] = limit
            self.names["max_output_tokens"] = name
            return

    def _read_reasoning(self, given: Mapping[str, Any]) -> None:
        reasoning = {}
        described = mapping(given, "reasoning") or {}
        for name, path, known in (
            ("effort", "reasoning.effort", EFFORTS),
            ("summary", "reasoning.summary", _SUMMARIES),
            ("effort", "reasoning_effort", EFFORTS),
        ):
            holder = described if "." in path else given
            value = text(holder, path.rpartition(".")[2])
            if value is None:
                continue
            value = value.strip().lower()
            if value not in known:
                raise wrong_value(path, f"expected one of {', '.join(known)}")
            reasoning[name] = value
        if reasoning:
            self.fields["reasoning"] = reasoning


def _stops(given: Mapping[str, Any]) -> tuple[str, ...]:
    value = given.get("stop")
    if value is None:
        return ()
    if isinstance(value, str):
        stops, paths = [value], ["stop"]
    elif isinstance(value, list):
        stops = sequence(given, "stop") or []
        paths = [f"stop[{index}]" for index in range(len(stops))]
    else:
        raise wrong_type("stop", "a string or an array of strings")
    if len(stops) > _MOST_STOPS:
        raise wrong_value("stop", f"expected at most {_MOST_STOPS} strings")
    for path, stop in zip(paths, stops, strict=True):
        if not isinstance(stop, str):
            raise wrong_type(path, "a string")
        if not 0 < len(stop) <= _LONGEST_STOP:
            raise wrong_value(path, f"expected 1 to {_LONGEST_STOP} characters")
    return tuple(stops)


def _check_number_of_answers(given: Mapping[str, Any]) -> None:
    for name in ("n", "best_of"):
        wanted = whole_number(given, name)
        if wanted not in (None, 1):
            raise unsupported(name, "there is one answer to a request")
