"""One C{response.create} and everything that is answered to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from chatmockd.simulator import words
from chatmockd.simulator.codex import opening_frames
from chatmockd.simulator.conversation import answer
from chatmockd.simulator.damage import Act, Close, Refuse, Send, damaged
from chatmockd.simulator.directive import BadDirective, directed
from chatmockd.simulator.faults import Faults
from chatmockd.simulator.identity import Identity
from chatmockd.simulator.items import (
    Item,
    check_calls,
    items_of,
    newest_user_text,
    tokens_of,
)
from chatmockd.simulator.memory import Lane, Memory, Remembered
from chatmockd.simulator.outputs import (
    CustomCall,
    FunctionCall,
    Message,
    Output,
    Thought,
)
from chatmockd.simulator.refusal import Refused, not_found
from chatmockd.simulator.rules import HangUp, check
from chatmockd.simulator.script import Event, Script
from chatmockd.simulator.snapshot import Snapshot

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Turn:
    """A request that was let in, with what it needs to be answered."""

    body: Mapping[str, Any]
    lane: Lane
    profile: str
    memory: Memory
    faults: Faults
    now: Callable[[], float]
    """Gives Unix seconds."""

    def acts(self) -> Iterator[Act]:
        """
        What the server does, one thing at a time.

        The memory is changed just before the terminal event goes out: the client may
        follow up at once.
        """
        try:
            yield from self._answered()
        except Refused as refused:
            self._forget()
            yield Refuse(refused)
        except BadDirective as problem:
            self._forget()
            yield Refuse(
                Refused(message=str(problem), code="invalid_directive", param="input")
            )
        except HangUp:
            yield Close(1000)

    def _answered(self) -> Iterator[Act]:
        check(self.body, self.profile)
        new, prefix = self._input()
        items = (*prefix.items, *new)
        check_calls(items)
        faults = directed(newest_user_text(new) or "", self.faults)
        said = prefix.tokens + sum(map(tokens_of, new))

        created_at = int(self.now())
        identity = Identity(created_at)
        snapshot = Snapshot(
            self.body,
            identity.response_id,
            created_at,
            dated=self.profile == "openai",
            stored=self._is_stored,
        )
        script = self._script(
            self._outputs(items, faults),
            snapshot,
            identity,
            faults,
            said=said,
            cached=prefix.tokens,
        )
        sequence = 0
        for step in damaged(
            self._frames(script, identity), faults, snapshot, created_at
        ):
            if not isinstance(step, dict):
                if isinstance(step, Refuse):
                    self._forget()
                yield step
                continue
            if step["type"] in ("response.completed", "response.incomplete"):
                spent = sum(map(tokens_of, script.items))
                self.memory.remember(
                    self.lane,
                    Remembered(
                        identity.response_id, (*items, *script.items), said + spent
                    ),
                    stored=self._is_stored,
                )
            elif step["type"] == "response.failed":
                self._forget()
            if step["type"].startswith("response."):
                if "sequence_number" not in faults.without:
                    step = {**step, "sequence_number": sequence}
                sequence += 1
            if self.lane is not None:
                step = {**step, "stream_id": self.lane}
            yield Send(
                _encode(step), fragment=faults.fragment_bytes, pace_s=faults.pace_s
            )

    @property
    def _is_stored(self) -> bool:
        return self.profile == "openai" and self.body.get("store") is not False

    def _outputs(self, items: tuple[Item, ...], faults: Faults) -> list[Output]:
        """What is answered to the conversation C{items}."""
        outputs = [] if self.body.get("generate") is False else answer(items, self.body)
        if faults.event_bytes:
            outputs = [_lengthened(each, faults.event_bytes) for each in outputs]
        return outputs

    def _script(
        self,
        outputs: list[Output],
        snapshot: Snapshot,
        identity: Identity,
        faults: Faults,
        *,
        said: int,
        cached: int,
    ) -> Script:
        """
        How that is told.

        @param said: How many tokens the conversation has, C{cached} of them known.
        """
        body = self.body
        return Script(
            outputs,
            snapshot,
            identity,
            now=lambda: int(self.now()),
            input_tokens=said + _settings_tokens(body),
            cached_tokens=cached,
            obfuscate=_wants_obfuscation(body),
            seal="reasoning.encrypted_content" in (body.get("include") or ()),
            budget=_budget(body, outputs, faults),
            cut_for=faults.incomplete or "max_output_tokens",
            one_delta=faults.event_bytes > 0,
        )

    def _input(self) -> tuple[list[Item], Remembered]:
        """The new items, and what they continue."""
        new = items_of(self.body.get("input"))
        previous = self.body.get("previous_response_id")
        if previous is None:
            if self.body.get("input") is None:
                # Invention, like every answer to a request that makes no sense.
                raise Refused(
                    message="One of 'input' or 'previous_response_id' is needed.",
                    code="missing_required_parameter",
                    param="input",
                )
            return new, Remembered("", (), 0)
        found = self.memory.recall(previous) if isinstance(previous, str) else None
        if found is None:
            raise not_found(previous)
        return new, found

    def _frames(self, script: Script, identity: Identity) -> Iterator[Event]:
        if self.profile == "chatgpt":
            request_id = identity.item_id("req")
            yield from opening_frames(
                str(self.body["model"]), int(self.now()), request_id
            )
        yield from script.events()

    def _forget(self) -> None:
        self.memory.forget(self.lane, self.body.get("previous_response_id"))


def _wants_obfuscation(body: Mapping[str, Any]) -> bool:
    options = body.get("stream_options")
    return not (
        isinstance(options, dict) and options.get("include_obfuscation") is False
    )


def _settings_tokens(body: Mapping[str, Any]) -> int:
    written = body.get("instructions")
    tokens = words.count(written) if isinstance(written, str) else 0
    if body.get("tools"):
        tokens += words.count(_encode(body["tools"]).decode())
    return tokens


def _budget(
    body: Mapping[str, Any], outputs: list[Output], faults: Faults
) -> int | None:
    most = body.get("max_output_tokens")
    budget = most if isinstance(most, int) and most > 0 else None
    if faults.incomplete:
        half = sum(words.count(_written(each)) for each in outputs) // 2
        budget = half if budget is None else min(half, budget)
    return budget


def _written(output: Output) -> str:
    match output:
        case Thought():
            return "".join(output.summary)
        case Message():
            return output.text
        case FunctionCall():
            return output.arguments
        case CustomCall():
            return output.input


def _lengthened(output: Output, size: int) -> Output:
    if isinstance(output, Message):
        return replace(output, text=output.text + " " + "x" * size)
    return output
