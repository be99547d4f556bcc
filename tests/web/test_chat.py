"""Chat and legacy completions, from the client's request to the upstream's socket."""

from __future__ import annotations

import json
from typing import Any

from chatmockd.core.model import Model
from tests.bridge import JSON, Answer, created, item_done
from tests.core.cases import case
from tests.core.dialect.answers import (
    Event,
    call,
    chunks_in,
    events_of,
    put_together,
    response,
    text,
    thought,
)
from tests.turns.durable import DurableBridge, user

HI = {"role": "user", "content": "Hi"}
F = {"type": "function", "function": {"name": "f"}}


class ChatBridge(DurableBridge):
    """A bridge that is asked in the words of the chat API."""

    number = 0

    def ask_chat(
        self,
        messages: list[Any],
        path: str = "/v1/chat/completions",
        headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> Answer:
        """A request, as far as it goes without the upstream's answer."""
        given = {"model": "gpt-5.5", "messages": messages, **fields}
        body = json.dumps(given).encode()
        return self.ask("POST", path, {**JSON, **(headers or {})}, body)

    def tell(self, *items: Event, **more: Any) -> None:
        """The upstream answers with these items."""
        self.number += 1
        named = {"id": f"resp_{self.number}"}
        events = events_of(response(*items, **named, **more))
        events[0]["response"] |= named
        self.busiest.say(*events)

    def chat(self, messages: list[Any], *items: Event, **fields: Any) -> Any:
        """One turn that ends well; the message, as a client keeps it."""
        answer = self.ask_chat(messages, **fields)
        self.tell(*items)
        self.assertEqual(answer.status, 200, answer.body)
        if not fields.get("stream"):
            return answer.json["choices"][0]["message"]
        message, _ = put_together(chunks_in(answer.body)[:-1])
        for each in message.get("tool_calls", ()):
            del each["index"]
        return message


class ContinuityTests(ChatBridge):
    """A client that sends its history again goes on where it was."""

    def assert_went_on(self, marker: str, *items: Any) -> None:
        """The last turn was a marker and a delta, over the first socket."""
        self.assertEqual(self.dials, 1)
        self.assertEqual(self.asked["previous_response_id"], marker)
        self.assertEqual(self.asked["input"], list(items))

    def test_three_turns(self) -> None:
        """With reasoning in tags, streamed and not."""
        for stream in (False, True):
            self.setUp()
            history: list[Any] = [{"role": "system", "content": "Be brief."}, HI]
            for number in (1, 2, 3):
                items = thought("Hm."), text(f"Answer {number}.")
                told = self.chat(history, *items, stream=stream)
                self.assertEqual(told["content"], f"<think>Hm.</think>Answer {number}.")
                question = f"Question {number}?"
                history += [told, {"role": "user", "content": question}]
                if number > 1:
                    marker = f"resp_{self.number - 1}"
                    self.assert_went_on(marker, user(f"Question {number - 1}?"))
                self.assertEqual(self.asked["instructions"], "Be brief.")

    def test_a_tool_round(self) -> None:
        """Its result is all that goes up."""
        for stream in (False, True):
            self.setUp()
            history: list[Any] = [HI]
            items = thought("Hm."), call('{"a": 1}')
            told = self.chat(history, *items, tools=[F], stream=stream)
            (called,) = told["tool_calls"]
            history.append(told)
            result = {"role": "tool", "tool_call_id": called["id"], "content": "18"}
            history.append(result)
            told = self.chat(history, text("18."), tools=[F], stream=stream)
            output = {"type": "function_call_output", "call_id": "call_1"}
            self.assert_went_on(f"resp_{self.number - 1}", output | {"output": "18"})
            history += [told, HI]
            self.chat(history, text("Hi."), tools=[F], stream=stream)
            self.assert_went_on(f"resp_{self.number - 1}", user("Hi"))

    def test_a_refusal(self) -> None:
        """It is part of the history like any answer."""
        refused = {"type": "refusal", "refusal": "No."}
        item = {"type": "message", "role": "assistant", "content": [refused]}
        told = self.chat([HI], item)
        self.chat([HI, told, HI], text("Hi."))
        self.assert_went_on("resp_1", user("Hi"))

    def test_a_search(self) -> None:
        """What the upstream looked up by itself, no chat client can send again."""
        search = {"id": "ws_1", "type": "web_search_call", "status": "completed"}
        told = self.chat([HI], search, text("Hello."), web_search_options={})
        self.chat([HI, told, HI], text("Hi."), web_search_options={})
        self.assert_went_on("resp_1", user("Hi"))

    def test_several_texts(self) -> None:
        """They are one to a chat client, and it goes on where it was with that."""
        search = {"type": "web_search_call", "action": {"type": "search"}}
        parts = [text(said)["content"][0] for said in ("One. ", "Two. ")]
        two_parts = text("") | {"content": parts}
        for stream in (False, True):
            for answer in (
                [text("One. "), text("Two. ")],
                [thought("Hm."), text("One. "), search, text(""), text("Two. ")],
                [two_parts],
                [text("One. "), text("Two. "), call("{}")],
            ):
                with case(stream=stream, answer=answer):
                    self.setUp()
                    told = self.chat([HI], *answer, tools=[F], stream=stream)
                    self.assertEqual(told["content"][-10:], "One. Two. ")
                    history = [HI, told]
                    new: Any = user("Hi")
                    if "tool_calls" in told:
                        result = {"tool_call_id": "call_1", "content": "18"}
                        history.append({"role": "tool", **result})
                        new = {"type": "function_call_output", "call_id": "call_1"}
                        new |= {"output": "18"}
                    else:
                        history.append(HI)
                    again = self.chat(history, text("Hi."), tools=[F], stream=stream)
                    self.assert_went_on(f"resp_{self.number - 1}", new)
                    self.chat([*history, again, HI], text("Hi."), tools=[F])
                    self.assert_went_on(f"resp_{self.number - 1}", user("Hi"))

    def test_texts_around_a_call(self) -> None:
        """What was said before it and what after it, nobody can tell any more."""
        told = self.chat([HI], text("One."), call("{}"), text("Two."), tools=[F])
        result = {"role": "tool", "tool_call_id": "call_1", "content": "18"}
        self.chat([HI, told, result], text("Hi."), tools=[F])
        self.assertNotIn("previous_response_id", self.asked)
        self.assertEqual(len(self.asked["input"]), 4)

    def test_several_texts_of_another_api(self) -> None:
        """There, two messages are something else than one."""
        self.post(input=[user("Hi")])
        self.tell(text("One. "), text("Two."))
        one = {"role": "assistant", "content": "One. Two."}
        self.post(input=[user("Hi"), one, user("Hi")])
        self.assertNotIn("previous_response_id", self.asked)
        self.tell(text("Hi."))
        two = [{"role": "assistant", "content": said} for said in ("One. ", "Two.")]
        self.post(input=[user("Hi"), *two, user("Hi")])
        self.assertEqual(self.asked["previous_response_id"], "resp_1")
        self.assertEqual(self.asked["input"], [user("Hi")])

    def test_an_edited_history(self) -> None:
        """What was never said goes up whole."""
        told = self.chat([HI], text("Hello."))
        told["content"] = "Goodbye."
        self.chat([HI, told, HI], text("Hi."))
        self.assertNotIn("previous_response_id", self.asked)
        self.assertEqual(len(self.asked["input"]), 3)

    def test_the_log_tells(self) -> None:
        """That a history was recognised."""
        self.configure(**self.settings, server__log_requests=True)
        told = self.chat([HI], text("Hello."))
        self.chat([HI, told, HI], text("Hi."))
        lines = [line for line in self.log if "/v1/chat/completions" in line]
        self.assertIn("recognised", lines[-1])
        self.assertNotIn("recognised", lines[0])

    def test_one_cache_key(self) -> None:
        """Every turn of a conversation has the same, and no other's."""
        told = self.chat([HI], text("Hello."))
        first = self.asked["prompt_cache_key"]
        self.chat([HI, told, HI], text("Hi."))
        self.assertEqual(self.asked["prompt_cache_key"], first)
        self.chat([{"role": "user", "content": "Ho"}], text("Hi."))
        self.assertNotEqual(self.asked["prompt_cache_key"], first)


class RequestTests(ChatBridge):
    """What goes up, and what does not."""

    def test_bad_requests_go_nowhere(self) -> None:
        """One error that names the field, as JSON, streamed or not."""
        for stream in (False, True):
            for messages, param in (
                ([{"role": "king", "content": "Hi"}], "messages[0].role"),
                ([{"role": "tool", "content": "x"}], "messages[0].tool_call_id"),
                ("Hi", "messages"),
            ):
                answer = self.ask_chat(messages, stream=stream)  # type: ignore[arg-type]
                self.assertEqual((answer.status, answer.error["param"]), (400, param))
        answer = self.ask_chat([HI], model=7)
        self.assertEqual((answer.status, answer.error["param"]), (400, "model"))
        answer = self.ask("POST", "/v1/chat/completions", JSON, b"[")
        self.assert_error(answer, 400, None)
        self.assertEqual(self.dials, 0)

    def test_too_large(self) -> None:
        """Giant requests are refused on the way in."""
        self.configure(**self.settings, server__max_body_bytes=1000)
        answer = self.ask_chat([{"role": "user", "content": "x" * 2000}])
        self.assert_error(answer, 413, "body_too_large")

    def test_other_methods(self) -> None:
        """There is only POST."""
        for path in ("/v1/chat/completions", "/v1/completions"):
            answer = self.ask("GET", path)
            self.assert_error(answer, 405, "method_not_allowed")

    def test_what_is_left_out_is_named(self) -> None:
        """In the client's own words."""
        self.configure(continuity__mode="durable", upstream__profile="chatgpt")
        answer = self.ask_chat([HI], max_tokens=100, seed=3, temperature=1)
        names = self.asked.keys()
        self.assertFalse({"max_output_tokens", "temperature", "seed"} & names)
        self.tell(text("Hello."))
        self.assertEqual(
            answer.headers["x-chatmockd-adjusted"],
            "instructions, max_tokens, seed, temperature",
        )

    def test_sessions(self) -> None:
        """A header names the conversation."""
        for name in ("X-Session-Id", "session_id"):
            self.ask_chat([HI], headers={name: "abc"})
            self.assertEqual(self.asked["prompt_cache_key"], "abc")
            self.post(headers={name: "abc"})
            self.assertEqual(self.asked["prompt_cache_key"], "abc")
        self.post()
        self.assertNotIn("prompt_cache_key", self.asked)

    def test_what_dialects_ask_for(self) -> None:
        """Summaries, and reasoning to go on with, of the backend that has them."""
        self.ask_chat([HI])
        self.assertFalse({"reasoning", "include"} & self.asked.keys())
        self.configure(continuity__mode="durable", upstream__profile="chatgpt")
        self.ask_chat([HI])
        self.assertEqual(self.asked["reasoning"], {"summary": "auto"})
        self.assertEqual(self.asked["include"], ["reasoning.encrypted_content"])
        self.post()
        self.assertFalse({"reasoning", "include"} & self.asked.keys())

    def test_efforts_in_names(self) -> None:
        """On both routes."""
        self.known_models = (Model("gpt-5.5", efforts=("low", "high")),)
        for ask in (lambda **f: self.ask_chat([HI], **f), self.post):
            ask(model="gpt-5.5-high")
            self.assertEqual(self.asked["model"], "gpt-5.5")
            self.assertEqual(self.asked["reasoning"], {"effort": "high"})


class ErrorTests(ChatBridge):
    """What goes wrong behind us."""

    def test_before_anything_was_said(self) -> None:
        """There is a status then."""
        for stream in (False, True):
            answer = self.ask_chat([HI], stream=stream)
            error = {"type": "invalid_request_error", "message": "No.", "code": "no"}
            frame = {"type": "error", "status": 400, "error": error}
            self.busiest.say(frame)
            self.assert_error(answer, 400, "no")

    def test_a_failure_after_the_opening(self) -> None:
        """Nothing was said yet, so that there is a status, too."""
        answer = self.ask_chat([HI], stream=True)
        error = {"code": "server_error", "message": "Oh."}
        failed = {"id": "resp_1", "status": "failed", "error": error}
        self.busiest.say(created("resp_1"))
        self.busiest.say({"type": "response.failed", "response": failed})
        self.assertEqual((answer.status, answer.error["message"]), (502, "Oh."))

    def test_in_the_middle(self) -> None:
        """A chunk with an error, and no end that looks like a good one."""
        answer = self.ask_chat([HI], stream=True)
        self.busiest.say(*events_of(response(text("Hello.")))[:3])
        self.busiest.drop()
        self.assertTrue(answer.ended)
        *_, last = chunks_in(answer.body)
        self.assertEqual(last["error"]["code"], "upstream_disconnected")
        self.assertEqual(answer.headers["content-type"][:17], "text/event-stream")

    def test_extra_tools_that_are_refused(self) -> None:
        """The turn goes on without them, once."""
        for stream in (False, True):
            answer = self.ask_chat(
                [HI],
                tools=[F],
                tool_choice="required",
                responses_tools=[{"type": "web_search"}],
                stream=stream,
            )
            self.assertEqual(len(self.asked["tools"]), 2)
            error = {"type": "invalid_request_error", "message": "No search."}
            refusal = {"type": "error", "status": 400, "error": error}
            self.busiest.say(refusal)
            self.assertEqual([t["name"] for t in self.asked["tools"]], ["f"])
            self.assertEqual(self.asked["tool_choice"], "required")
            self.tell(text("Hello."))
            self.assertEqual(answer.status, 200)
            self.assertIn(b"Hel", answer.body)

    def test_a_search_by_default_that_is_refused(self) -> None:
        """The same; and if that is refused as well, it is the answer."""
        self.configure(**self.settings, defaults__web_search=True)
        answer = self.ask_chat([HI])
        self.assertEqual(self.asked["tools"], [{"type": "web_search"}])
        error = {"type": "invalid_request_error", "message": "No search."}
        refusal = {"type": "error", "status": 400, "error": error}
        self.busiest.say(refusal)
        self.assertNotIn("tools", self.asked)
        self.assertFalse(answer.ended)
        self.busiest.say(refusal)
        self.assertEqual((answer.status, answer.error["message"]), (400, "No search."))

    def test_limits_are_not_about_tools(self) -> None:
        """They are passed on at once."""
        answer = self.ask_chat([HI], responses_tools=[{"type": "web_search"}])
        error = {"type": "rate_limit", "message": "Slow.", "code": "slow"}
        self.busiest.say({"type": "error", "status": 429, "error": error})
        self.assert_error(answer, 429, "slow")


class CompletionsTests(ChatBridge):
    """The legacy API."""

    def test_whole_and_streamed(self) -> None:
        """The prompt is a user's message; the answer is a text."""
        for stream in (False, True):
            answer = self.ask_chat(
                [], "/v1/completions", prompt="Once upon", stream=stream
            )
            self.assertEqual(self.asked["input"], [user("Once upon")])
            self.tell(text("a time."))
            if stream:
                *chunks, done = chunks_in(answer.body)
                said = "".join(c["choices"][0]["text"] for c in chunks)
                reason = chunks[-1]["choices"][0]["finish_reason"]
            else:
                (choice,) = answer.json["choices"]
                said, reason = choice["text"], choice["finish_reason"]
            self.assertEqual((said, reason), ("a time.", "stop"))

    def test_an_item_at_a_time(self) -> None:
        """An upstream need not stream."""
        answer = self.ask_chat([], "/v1/completions", prompt="Hi", stream=True)
        item = text("Hello.")
        last = {"type": "response.completed", "response": response(item)}
        self.busiest.say(created("resp_1"), item_done(item, 0, 1), last)
        chunks = chunks_in(answer.body)
        self.assertEqual(chunks[0]["choices"][0]["text"], "Hello.")
