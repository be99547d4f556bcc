"""C{POST /v1/chat/completions}: a chat request as a request for a response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatmockd.core.dialect.asked import Asked
from chatmockd.core.dialect.messages import Messages
from chatmockd.core.dialect.reading import (
    boolean,
    one_of,
    sequence,
    text,
    unsupported,
    whole_number,
    wrong_value,
)
from chatmockd.core.dialect.tools import (
    add_extra_tools,
    read_choice,
    read_format,
    read_tools,
)

_VERBOSITIES = ("low", "medium", "high")
_MOST_LIKELY = 20  # log probabilities to a token


class AskedChat(Asked):
    """
    A chat request.

    @ivar is_legacy: It offers C{functions}, from before there were tools, and wants to
        be answered alike.
    @ivar wants_json: Its answer has to be JSON, and nothing besides.
    @ivar wants_logprobs: It wants to know how likely each token was.
    """

    def __init__(self, given: Mapping[str, Any], *, thinks: bool) -> None:
        """
        @param given: The decoded request.
        @param thinks: Reasoning is shown in C{<think>} tags, here and in what is sent
            again.
        @raise InvalidRequest: It cannot be carried out; the message names the field.
        """
        super().__init__(given)
        fields = self.fields
        messages = Messages(_messages(given), thinks=thinks)
        if messages.instructions:
            fields["instructions"] = messages.instructions
        fields["input"] = messages.items
        self.is_legacy = bool(given.get("functions")) and not given.get("tools")
        _check_modalities(given)
        self._read_text(given)
        self.wants_logprobs = bool(boolean(given, "logprobs"))
        self._read_logprobs(given)
        self._read_tools(given)

    def _read_text(self, given: Mapping[str, Any]) -> None:
        shape = read_format(given)
        self.wants_json = shape is not None and shape["type"] != "text"
        verbosity = one_of(given, "verbosity", _VERBOSITIES)
        described: dict[str, Any] = {}
        if shape is not None:
            described["format"] = shape
        if verbosity is not None:
            described["verbosity"] = verbosity
        if described:
            self.fields["text"] = described

    def _read_logprobs(self, given: Mapping[str, Any]) -> None:
        most = whole_number(given, "top_logprobs")
        if most is not None and not self.wants_logprobs:
            if most:
                raise wrong_value("top_logprobs", "it needs 'logprobs': true")
            most = None
        if most is not None and not 0 <= most <= _MOST_LIKELY:
            raise wrong_value("top_logprobs", f"expected 0 to {_MOST_LIKELY}")
        if self.wants_logprobs:
            self.fields["include"] = ["message.output_text.logprobs"]
            if most:
                self.fields["top_logprobs"] = most

    def _read_tools(self, given: Mapping[str, Any]) -> None:
        fields = self.fields
        tools, extra = read_tools(given), given.get("responses_tools")
        choice = read_choice(given)
        parallel = boolean(given, "parallel_tool_calls")
        if self.is_legacy:
            # Its answer has room for one.
            parallel = False
        if tools:
            fields["tools"] = tools
            if parallel is not None:
                fields["parallel_tool_calls"] = parallel
        # Without tools "auto" means nothing; "none" keeps a web search away that is
        # the default.
        if choice is not None and (tools or extra or choice != "auto"):
            fields["tool_choice"] = choice
        self.otherwise = add_extra_tools(given, fields)


def _messages(given: Mapping[str, Any]) -> object:
    """The messages; C{prompt} or C{input}, which ChatMock takes, is a user's."""
    messages = given.get("messages")
    for name in ("prompt", "input"):
        if messages is None and isinstance(given.get(name), str):
            messages = [{"role": "user", "content": text(given, name)}]
    return messages


def _check_modalities(given: Mapping[str, Any]) -> None:
    for index, each in enumerate(sequence(given, "modalities") or ()):
        if each != "text":
            raise unsupported(
                f"modalities[{index}]", "the Responses API answers with text"
            )
    if given.get("audio") is not None:
        raise unsupported("audio", "the Responses API answers with text")
