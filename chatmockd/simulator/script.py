"""The events of one answer, in the order in which api.openai.com was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chatmockd.simulator.identity import Identity, call_id, obfuscation, sealed
from chatmockd.simulator.items import Item
from chatmockd.simulator.outputs import (
    CustomCall,
    FunctionCall,
    Message,
    Output,
    Thought,
)
from chatmockd.simulator.snapshot import Snapshot, usage_of
from chatmockd.simulator.words import pieces

Event = dict[str, Any]


class Script:
    """
    Turns output into events, one after the other, as they are asked for.

    C{items} grows with them: what the conversation has to remember afterwards.
    """

    def __init__(
        self,
        outputs: Sequence[Output],
        snapshot: Snapshot,
        identity: Identity,
        *,
        now: Callable[[], int],
        input_tokens: int,
        cached_tokens: int,
        obfuscate: bool,
        seal: bool,
        budget: int | None = None,
        cut_for: str = "max_output_tokens",
        one_delta: bool = False,
    ) -> None:
        """
        @param now: Gives Unix seconds.
        @param obfuscate: Deltas carry C{obfuscation}.
        @param seal: Reasoning items carry C{encrypted_content}.
        @param budget: How many output tokens there may be; C{None} for any number.
        @param cut_for: Why the response is incomplete when they run out.
        @param one_delta: Text comes in one delta, however long it is.
        """
        self._outputs, self._snapshot, self._identity = outputs, snapshot, identity
        self._now, self._obfuscate, self._seal = now, obfuscate, seal
        self._input_tokens, self._cached_tokens = input_tokens, cached_tokens
        self._left, self._cut_for, self._one_delta = budget, cut_for, one_delta
        self._cut = False
        self._spent = self._thought = self._place = 0
        self.items: list[Item] = []

    def events(self) -> Iterator[Event]:
        """All events from C{response.created} to the terminal one, unnumbered."""
        for kind in ("response.created", "response.in_progress"):
            yield {"type": kind, "response": self._snapshot.running()}
        for index, output in enumerate(self._outputs):
            if self._cut:
                break
            match output:
                case Thought():
                    yield from self._reasoning(output, index)
                case Message():
                    yield from self._message(output, index)
                case FunctionCall():
                    yield from self._function_call(output, index)
                case CustomCall():
                    yield from self._custom_call(output, index)
        usage = usage_of(
            self._input_tokens, self._cached_tokens, self._spent, self._thought
        )
        reason = self._cut_for if self._cut else None
        yield {
            "type": "response.incomplete" if reason else "response.completed",
            "response": self._snapshot.finished(
                self.items, usage, self._now(), incomplete=reason
            ),
        }

    def _message(self, output: Message, index: int) -> Iterator[Event]:
        item = {
            "id": self._identity.item_id("msg"),
            "type": "message",
            "status": "in_progress",
            "content": [],
            "role": "assistant",
        }
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
        where = {"content_index": 0, "item_id": item["id"], "output_index": index}
        yield _added(item, index)
        yield {"type": "response.content_part.added", **where, "part": part}
        said = []
        for delta in self._deltas(output.text):
            said.append(delta)
            yield self._delta(
                "response.output_text.delta", delta, {**where, "logprobs": []}
            )
        part = {**part, "text": "".join(said)}
        yield {
            "type": "response.output_text.done",
            **where,
            "logprobs": [],
            "text": part["text"],
        }
        yield {"type": "response.content_part.done", **where, "part": part}
        yield self._done({**item, "content": [part]}, index)

    def _function_call(self, output: FunctionCall, index: int) -> Iterator[Event]:
        item = {
            "id": self._identity.item_id("fc"),
            "type": "function_call",
            "status": "in_progress",
            "arguments": "",
            "call_id": call_id(),
            "name": output.name,
        }
        where = {"item_id": item["id"], "output_index": index}
        yield _added(item, index)
        said = []
        for delta in self._deltas(output.arguments):
            said.append(delta)
            yield self._delta("response.function_call_arguments.delta", delta, where)
        arguments = "".join(said)
        yield {
            "type": "response.function_call_arguments.done",
            "arguments": arguments,
            **where,
        }
        yield self._done({**item, "arguments": arguments}, index)

    def _custom_call(self, output: CustomCall, index: int) -> Iterator[Event]:
        item = {
            "id": self._identity.item_id("ctc"),
            "type": "custom_tool_call",
            "status": "in_progress",
            "call_id": call_id(),
            "input": "",
            "name": output.name,
        }
        where = {"item_id": item["id"], "output_index": index}
        yield _added(item, index)
        said = []
        for delta in self._deltas(output.input):
            said.append(delta)
            yield self._delta("response.custom_tool_call_input.delta", delta, where)
        written = "".join(said)
        yield {
            "type": "response.custom_tool_call_input.done",
            "input": written,
            **where,
        }
        yield self._done({**item, "input": written}, index)

    def _reasoning(self, output: Thought, index: int) -> Iterator[Event]:
        item: Item = {
            "id": self._identity.item_id("rs"),
            "type": "reasoning",
            "summary": [],
        }
        if self._seal:
            item["encrypted_content"] = sealed("".join(output.summary))
        before = self._spent
        yield _added({**item, "summary": []}, index)
        summary = []
        for number, text in enumerate(output.summary):
            where = {
                "item_id": item["id"],
                "output_index": index,
                "summary_index": number,
            }
            kind = "response.reasoning_summary"
            empty = {"type": "summary_text", "text": ""}
            yield {"type": f"{kind}_part.added", **where, "part": empty}
            said = []
            for delta in self._deltas(text):
                said.append(delta)
                yield self._delta(f"{kind}_text.delta", delta, where)
            part = {"type": "summary_text", "text": "".join(said)}
            yield {"type": f"{kind}_text.done", **where, "text": part["text"]}
            yield {"type": f"{kind}_part.done", **where, "part": part}
            summary.append(part)
            if self._cut:
                break
        self._thought += self._spent - before
        # Reasoning items were captured without a status.
        item["summary"] = summary
        self.items.append(item)
        yield {"type": "response.output_item.done", "item": item, "output_index": index}

    def _deltas(self, text: str) -> Iterator[str]:
        """C{text} piece by piece, as far as the budget goes."""
        for piece in [text] if self._one_delta else pieces(text):
            if self._left is not None:
                if self._left <= 0:
                    self._cut = True
                    return
                self._left -= 1
            self._spent += 1
            yield piece

    def _delta(self, kind: str, delta: str, where: dict[str, Any]) -> Event:
        self._place += 1
        event = {"type": kind, "delta": delta, **where}
        if self._obfuscate:
            event["obfuscation"] = obfuscation(delta, self._place)
        return event

    def _done(self, item: Item, index: int) -> Event:
        item = {**item, "status": "incomplete" if self._cut else "completed"}
        self.items.append(item)
        return {
            "type": "response.output_item.done",
            "item": item,
            "output_index": index,
        }


def _added(item: Item, index: int) -> Event:
    return {"type": "response.output_item.added", "item": item, "output_index": index}
