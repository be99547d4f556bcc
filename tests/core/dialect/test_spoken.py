"""What is said in a stream, however the upstream tells it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.chat import AskedChat
from chatmockd.core.dialect.chat_stream import ChatView
from chatmockd.core.dialect.completions import AskedCompletion, CompletionView
from chatmockd.core.dialect.ollama import AskedOllama
from chatmockd.core.dialect.ollama_answer import CHAT, OllamaView
from chatmockd.core.dialect.ollama_calls import Calls
from chatmockd.errors import UpstreamDisconnected
from tests.core.cases import case
from tests.core.dialect.answers import (
    Event,
    call,
    chunks_in,
    put_together,
    response,
    streamed,
    thought,
)

TEXT = "response.output_text"
REFUSAL = "response.refusal"
STOPS: tuple[tuple[str, ...], ...] = ((), ("b",), ("ab", "ca"))


class StoppedClock:
    """It is always the same time."""

    def seconds(self) -> float:
        return 0.0

    def stamp(self) -> bytes:
        return b"2026-01-02T03:04:05.678901Z"


def said(text: str) -> Event:
    """A part that says something."""
    return {"type": "output_text", "text": text, "annotations": []}


def refused(text: str) -> Event:
    """A part that refuses."""
    return {"type": "refusal", "refusal": text}


def message(*parts: Event) -> Event:
    """An item with these parts."""
    return {"type": "message", "role": "assistant", "content": list(parts)}


def delta(text: str, index: int = 0, part: int | None = 0, kind: str = TEXT) -> Event:
    """A piece of a part; C{part} None if the event does not say of which."""
    event = {"type": f"{kind}.delta", "delta": text, "output_index": index}
    return event if part is None else event | {"content_index": part}


def text_done(text: str, index: int = 0, part: int = 0) -> Event:
    """A text is complete."""
    place = {"output_index": index, "content_index": part}
    return {"type": f"{TEXT}.done", "text": text, **place}


def part_done(part: Event, index: int = 0, number: int = 0) -> Event:
    """A part is complete."""
    place = {"output_index": index, "content_index": number}
    return {"type": "response.content_part.done", "part": part, **place}


def added(item: Event, index: int = 0) -> Event:
    """An item begins."""
    bare = item | {"content": []} if "content" in item else item
    return {"type": "response.output_item.added", "item": bare, "output_index": index}


def done(item: Event, index: int = 0) -> Event:
    """An item is complete."""
    return {"type": "response.output_item.done", "item": item, "output_index": index}


@st.composite
def part_events(draw: st.DrawFn, part: Event, index: int, number: int) -> list[Event]:
    """What an upstream may tell of a part before its message is complete."""
    kind, text = (
        (REFUSAL, part["refusal"]) if "refusal" in part else (TEXT, part["text"])
    )
    events: list[Event] = []
    if draw(st.booleans()):
        cuts = draw(st.lists(st.integers(0, len(text)), max_size=3).map(sorted))
        events = [
            delta(text[start:end], index, number, kind)
            for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)
        ]
    if draw(st.booleans()):
        name = "refusal" if kind == REFUSAL else "text"
        ended = {"type": f"{kind}.done", name: text}
        events.append(ended | {"output_index": index, "content_index": number})
    if draw(st.booleans()):
        events.append(part_done(part, index, number))
    return events


@st.composite
def item_events(draw: st.DrawFn, item: Event, index: int) -> list[Event]:
    """The events of an item, any of which may be left out; one at the least is not."""
    events = [added(item, index)] if draw(st.booleans()) else []
    for number, part in enumerate(item.get("content", ())):
        events += draw(part_events(part, index, number))
    if draw(st.booleans()) or not events:
        events.append(done(item, index))
    return events


TEXTS = st.text("abc\n\U0001f642", max_size=6)
ITEMS = (
    st.lists(TEXTS.map(said) | TEXTS.map(refused), max_size=3).map(
        lambda parts: message(*parts)
    )
    | TEXTS.map(lambda text: message(said(text)))
    | st.just(thought("Hm."))
    | st.integers(0, 9).map(lambda number: call("{}", f"call_{number}"))
)


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """
    Items side by side, each beginning after the one before it has begun; the last of
    them may be told by the whole response only.
    """
    items = draw(st.lists(ITEMS, max_size=5))
    shown = draw(st.integers(0, len(items)))
    each = [draw(item_events(item, n)) for n, item in enumerate(items[:shown])]
    waiting = [list(events) for events in each]
    events: list[Event] = []
    begun = 0
    while any(waiting):
        open_ones = [n for n in range(min(begun + 1, shown)) if waiting[n]]
        index = draw(st.sampled_from(open_ones))
        begun = max(begun, index + 1)
        events.append(waiting[index].pop(0))
    complete = shown == len(items) and all(
        events[-1]["type"] == "response.output_item.done" for events in each
    )
    output = [] if complete and draw(st.booleans()) else items
    last = {"type": "response.completed", "response": response(*output)}
    return [*events, last, {"type": "whole", "response": response(*items)}]


def chat_view(stops: tuple[str, ...], **fields: Any) -> ChatView:
    """The view of a chat."""
    hi = {"role": "user", "content": "Hi"}
    if stops:
        fields["stop"] = list(stops)
    asked = AskedChat({"model": "m", "messages": [hi], **fields}, thinks=False)
    return ChatView(asked, "current", 1)


def in_chat(events: list[Event], stops: tuple[str, ...] = (), **fields: Any) -> Any:
    """The message that a chat's chunks make."""
    written = streamed(chat_view(stops, **fields), events)
    return put_together(chunks_in(written))[0]


def in_completion(events: list[Event], stops: tuple[str, ...] = ()) -> str:
    """The text that a completion's chunks make."""
    view = CompletionView(AskedCompletion(completion_request(stops)), 1)
    chunks = chunks_in(streamed(view, events))
    return "".join(chunk["choices"][0]["text"] for chunk in chunks[:-1])


def completion_request(stops: tuple[str, ...]) -> dict[str, Any]:
    """A request for one."""
    more = {"stop": list(stops)} if stops else {}
    return {"model": "m", "prompt": "Hi", **more}


def ollama_view(stops: tuple[str, ...] = ()) -> OllamaView:
    """The view of Ollama's chat."""
    asked = AskedOllama("m", {"input": []}, stops=stops)
    return OllamaView(asked, CHAT, Calls(), StoppedClock(), 0.0)


def in_ollama(
    events: list[Event], stops: tuple[str, ...] = ()
) -> tuple[str, list[str]]:
    """The text that Ollama's lines make, and the ids of the calls."""
    lines = streamed(ollama_view(stops), events).split(b"\n")[:-1]
    messages = [json.loads(line)["message"] for line in lines]
    calls = [c["id"] for m in messages for c in m.get("tool_calls", ())]
    return "".join(m["content"] for m in messages), calls


def ids(calls: list[Any]) -> list[str]:
    """The ids of calls, which may come in another order than they are listed."""
    return sorted(call["id"] for call in calls)


FIRST, SECOND = message(said("One. ")), message(said("Two."))

# Events, and what is said in the end; nothing of it stands only in the response.
TOLD: dict[str, tuple[list[Event], str]] = {
    "a message without deltas after one with": (
        [delta("One. "), done(FIRST), done(SECOND, 1)],
        "One. Two.",
    ),
    "a text that only its own end tells": (
        [delta("One. "), text_done("One. "), done(FIRST), text_done("Two.", 1)],
        "One. Two.",
    ),
    "a part that only its own end tells": (
        [delta("One. "), done(FIRST), part_done(said("Two."), 1), done(SECOND, 1)],
        "One. Two.",
    ),
    "the second part without deltas": (
        [delta("One. "), done(message(said("One. "), said("Two.")))],
        "One. Two.",
    ),
    "the first part without deltas": (
        [delta("Two.", 0, 1), done(message(said("One. "), said("Two.")))],
        "One. Two.",
    ),
    "side by side": (
        [
            delta("One", 0),
            delta("Tw", 1),
            delta(". ", 0),
            delta("o.", 1),
            done(SECOND, 1),
            done(FIRST, 0),
        ],
        "One. Two.",
    ),
    "announced, but told after the next": (
        [
            added(FIRST),
            added(SECOND, 1),
            delta("Two.", 1),
            done(SECOND, 1),
            done(FIRST),
        ],
        "One. Two.",
    ),
    "deltas that do not say of which part they are": (
        [
            delta("One. ", 0, None),
            text_done("One. "),
            delta("Two.", 0, None),
            done(message(said("One. "), said("Two."))),
        ],
        "One. Two.",
    ),
    "messages that all have the same place": (
        [
            delta("One. "),
            done(FIRST),
            done(SECOND),
            delta("!"),
            done(message(said("!"))),
        ],
        "One. Two.!",
    ),
    "ends that come too late": (
        [done(FIRST), text_done("One. "), part_done(said("One. "))],
        "One. ",
    ),
    "ends that do not say of which part they are": (
        [{"type": f"{TEXT}.done", "text": "One. "}, done(FIRST)],
        "One. ",
    ),
    "ends that cannot be read": (
        [
            {"type": f"{TEXT}.done", "text": "One. ", "content_index": "first"},
            {"type": f"{TEXT}.done", "text": 5, "content_index": 0},
            {"type": "response.content_part.done", "part": [], "content_index": 0},
            done(FIRST),
        ],
        "One. ",
    ),
    "an empty delta": ([delta(""), done(FIRST)], "One. "),
    "an empty end": ([text_done(""), done(FIRST)], "One. "),
    "a message that never ends": (
        [delta("One. "), delta("Tw", 1), delta("o.", 1)],
        "One. Two.",
    ),
}


class ViewTests(SynchronousTestCase):
    """Every view says the same, streamed or not."""

    def test_each_way(self) -> None:
        """Nothing is left out, or said twice."""
        for name, (events, text) in TOLD.items():
            output = [e["item"] for e in events if e["type"].endswith("item.done")]
            for listed in ([], output):
                last = {"type": "response.completed", "response": response(*listed)}
                with case(name=name, listed=len(listed)):
                    all_of_it = [*events, last]
                    self.assertEqual(in_chat(all_of_it)["content"], text)
                    self.assertEqual(in_completion(all_of_it), text)
                    self.assertEqual(in_ollama(all_of_it)[0], text)

    def test_what_only_the_response_tells(self) -> None:
        """After messages and calls of which there were events."""
        items = [FIRST, call("{}"), SECOND, call("{}", "call_2")]
        last = {"type": "response.completed", "response": response(*items)}
        events = [delta("One. "), added(call("{}"), 1), done(call("{}"), 1), last]
        got = in_chat(events)
        self.assertEqual(got["content"], "One. Two.")
        self.assertEqual(ids(got["tool_calls"]), ["call_1", "call_2"])
        self.assertEqual(in_ollama(events), ("One. Two.", ["call_1", "call_2"]))
        self.assertEqual(in_completion(events), "One. Two.")

    def test_a_call_that_only_began(self) -> None:
        """The response tells its arguments."""
        events = [added(call(""), 0)]
        item = call('{"a": 1}')
        events.append({"type": "response.completed", "response": response(item)})
        (made,) = in_chat(events)["tool_calls"]
        self.assertEqual(made["function"]["arguments"], '{"a": 1}')

    def test_places_that_are_not_those_of_the_response(self) -> None:
        """What was said is known by how much of it there was."""
        last = {"type": "response.completed", "response": response(FIRST, call("{}"))}
        events = [delta("One. ", 3), done(FIRST, 3), done(call("{}"), 5), last]
        self.assertEqual(in_chat(events)["content"], "One. ")
        self.assertEqual(len(in_chat(events)["tool_calls"]), 1)
        self.assertEqual(in_ollama(events), ("One. ", ["call_1"]))

    def test_what_was_held_back_when_it_broke(self) -> None:
        """It is said before the error is."""
        events = [delta("One", 0), delta("Two", 1), {"type": "error"}]
        error = UpstreamDisconnected("gone")
        for view in (
            chat_view(()),
            CompletionView(AskedCompletion(completion_request(())), 1),
            ollama_view(),
        ):
            written = streamed(view, events, error)
            with case(view=view):
                self.assertLess(written.index(b'"One"'), written.index(b'"Two"'))
                self.assertLess(written.index(b'"Two"'), written.index(b'"error"'))

    def test_log_probabilities_of_what_is_held_back(self) -> None:
        """They come with it, and with what came whole."""
        likely = [{"token": "Two.", "logprob": -0.5, "top_logprobs": []}]
        for late in (
            [delta("Two.", 1) | {"logprobs": likely}, done(SECOND, 1)],
            [text_done("Two.", 1) | {"logprobs": likely}, done(SECOND, 1)],
            [done(message(said("Two.") | {"logprobs": likely}), 1)],
        ):
            last = {"type": "response.completed", "response": response()}
            events = [delta("One. "), *late, done(FIRST), last]
            chunks = chunks_in(streamed(chat_view((), logprobs=True), events))
            (shown,) = [
                chunk["choices"][0]["logprobs"]["content"]
                for chunk in chunks[:-1]
                if chunk["choices"][0]["delta"].get("content") == "Two."
            ]
            with case(late=late):
                self.assertEqual([one["token"] for one in shown], ["Two."])

    @settings(max_examples=300, deadline=None)
    @given(streams(), st.sampled_from(STOPS))
    def test_any_stream(self, events: list[Event], stops: tuple[str, ...]) -> None:
        """What a client puts together is what it is told all at once."""
        *events, told = events
        body = json.dumps(told["response"]).encode()
        whole = json.loads(chat_view(stops).whole(body))["choices"][0]["message"]
        got = in_chat(events, stops)
        self.assertEqual(got["content"], whole["content"] or "")
        if not stops:
            # Behind a stop sequence, they depend on how far the stream was.
            self.assertEqual(got["refusal"] or None, whole["refusal"])
            calls = got.get("tool_calls", [])
            self.assertEqual(ids(calls), ids(whole.get("tool_calls", [])))
        likely = in_chat(events, stops, logprobs=True)
        self.assertEqual(likely["content"], got["content"])
        answer = json.loads(ollama_view(stops).whole(body))["message"]
        text, calls = in_ollama(events, stops)
        self.assertEqual(text, answer["content"])
        if not stops:
            self.assertEqual(sorted(calls), ids(answer.get("tool_calls", [])))
        view = CompletionView(AskedCompletion(completion_request(stops)), 1)
        choice = json.loads(view.whole(body))["choices"][0]
        self.assertEqual(in_completion(events, stops), choice["text"])
