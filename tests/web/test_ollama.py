"""The Ollama API, in front of an upstream that knows nothing of it."""

from __future__ import annotations

import base64
import json
from typing import Any

from chatmockd.core.dialect.ollama_models import OLLAMA_VERSION
from chatmockd.core.model import Model
from tests.bridge import (
    JSON,
    Answer,
    Bridge,
    completed,
    created,
    delta,
    item_done,
    message,
)
from tests.core.cases import case
from tests.turns.durable import DurableBridge, user

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]


def asks(text: str) -> dict[str, Any]:
    """A message of the user's."""
    return {"role": "user", "content": text}


def tool_call(call_id: str, arguments: str) -> dict[str, Any]:
    """An output item that calls a tool."""
    return {
        "id": f"fc_{call_id}",
        "type": "function_call",
        "call_id": call_id,
        "name": "weather",
        "arguments": arguments,
    }


class OllamaBridge(Bridge):
    """A bridge with Ollama's verbs."""

    known_models = (
        Model("gpt-5.5", efforts=("none", "low", "high"), context_window=272_000),
        Model("gpt-5.5-mini"),
        Model("hidden", listed=False),
    )

    def chat(self, *messages: dict[str, Any], **more: Any) -> Answer:
        """C{POST /api/chat}."""
        return self.send("/api/chat", messages=list(messages), **more)

    def send(self, path: str, **members: Any) -> Answer:
        """C{POST} something to do with a model."""
        body = json.dumps({"model": "gpt-5.5", **members}).encode()
        return self.ask("POST", path, JSON, body)

    def lines(self, answer: Answer) -> list[dict[str, Any]]:
        """The lines of a stream that has ended."""
        self.assertEqual(answer.headers["content-type"], "application/x-ndjson")
        self.assertTrue(answer.ended)
        *lines, rest = answer.body.split(b"\n")
        self.assertEqual(rest, b"")
        return [json.loads(line) for line in lines]

    def assert_sentence(self, answer: Answer, status: int, *words: str) -> None:
        """A whole error as Ollama's clients know it, and nothing went upstream."""
        self.assertTrue(answer.ended)
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(list(answer.json), ["error"])
        for word in words:
            self.assertIn(word, answer.json["error"])
        self.assertEqual(self.dials, 0)


class ChatTests(OllamaBridge):
    """C{POST /api/chat}."""

    def test_stream(self) -> None:
        """The default; each event is a line as soon as it comes."""
        answer = self.chat(asks("Hello?"))
        self.assertEqual(self.socket.received[0]["input"], [user("Hello?")])
        self.socket.say(created("resp_1"))
        self.assertIsNone(answer.status)
        self.socket.say(delta("He", 1))
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.body.count(b"\n"), 1)
        self.clock.advance(2)
        usage = {"input_tokens": 11, "output_tokens": 7}
        self.socket.say(delta("llo", 2), completed("resp_1", 3, usage=usage))
        first, second, last = self.lines(answer)
        self.assertEqual(first["message"], {"role": "assistant", "content": "He"})
        self.assertEqual((first["model"], first["done"]), ("gpt-5.5", False))
        self.assertEqual(second["message"]["content"], "llo")
        self.assertRegex(
            first["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
        )
        self.assertNotEqual(first["created_at"], second["created_at"])
        self.assertEqual((last["done"], last["done_reason"]), (True, "stop"))
        self.assertEqual((last["prompt_eval_count"], last["eval_count"]), (11, 7))
        self.assertEqual(last["eval_duration"], 2_000_000_000)

    def test_all_at_once(self) -> None:
        """C{stream: false} gives one object."""
        answer = self.chat(asks("Hello?"), stream=False)
        self.socket.say(created("resp_1"), completed("resp_1", output=[message("Hi.")]))
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(answer.json["message"]["content"], "Hi.")
        self.assertIs(answer.json["done"], True)

    def test_tool_calls(self) -> None:
        """Whole, as soon as each is done."""
        answer = self.chat(asks("Weather?"), tools=TOOLS)
        call = tool_call("call_1", '{"city": "Paris"}')
        self.socket.say(created("resp_1"), item_done(call, 0, 1))
        line = json.loads(answer.body)
        self.assertEqual(
            line["message"]["tool_calls"],
            [
                {
                    "id": "call_1",
                    "function": {
                        "index": 0,
                        "name": "weather",
                        "arguments": {"city": "Paris"},
                    },
                }
            ],
        )
        self.socket.say(completed("resp_1", 2, output=[call]))
        self.assertEqual(len(self.lines(answer)), 2)

    def test_a_silence_stays_silent(self) -> None:
        """NDJSON has no comments."""
        answer = self.chat(asks("Hello?"))
        self.socket.say(created("resp_1"), delta("He", 1))
        before = answer.body
        self.wait(60)
        self.assertEqual(answer.body, before)

    def test_loading(self) -> None:
        """Nothing is asked, so nothing goes upstream."""
        for path, more in (("/api/chat", {}), ("/api/generate", {"prompt": ""})):
            answer = self.send(path, **more)
            self.assertEqual((answer.status, answer.json["done_reason"]), (200, "load"))
        self.assertEqual(self.dials, 0)

    def test_the_model_is_named_as_it_was(self) -> None:
        """The upstream knows no tags."""
        answer = self.send(
            "/api/chat", model="gpt-5.5:latest", messages=[asks("Hi")], stream=False
        )
        self.assertEqual(self.socket.received[0]["model"], "gpt-5.5")
        self.socket.say(created("resp_1"), completed("resp_1"))
        self.assertEqual(answer.json["model"], "gpt-5.5:latest")

    def test_a_forced_model(self) -> None:
        """Whatever is asked for will do then."""
        self.configure(defaults__model="gpt-5.5")
        answer = self.chat(asks("Hi"), model="llama3:8b", stream=False)
        self.socket.say(created("resp_1"), completed("resp_1"))
        self.assertEqual(answer.status, 200)

    def test_extra_tools(self) -> None:
        """ChatMock's, and once without them if they are refused."""
        search = {"type": "web_search"}
        answer = self.chat(
            asks("Hello?"), stream=False, responses_tools=[search], tools=TOOLS
        )
        asked = self.socket.received[-1]
        self.assertEqual(
            [t["type"] for t in asked["tools"]], ["function", "web_search"]
        )
        error = {"type": "invalid_request_error", "message": "No search."}
        self.socket.say({"type": "error", "status": 400, "error": error})
        asked = self.sockets[-1].received[-1]
        self.assertEqual([tool["type"] for tool in asked["tools"]], ["function"])
        self.sockets[-1].say(created("resp_1"), completed("resp_1"))
        self.assertEqual(answer.status, 200)
        refused = self.chat(asks("Hello?"), responses_tools=[{"type": "mcp"}])
        self.assertEqual(refused.status, 400)
        self.assertIn("responses_tools[0].type", refused.json["error"])

    def test_what_is_left_out_has_its_own_name(self) -> None:
        """The client looks for what it wrote."""
        self.configure(upstream__profile="chatgpt")
        answer = self.chat(asks("Hello?"), options={"num_predict": 9, "top_p": 0.5})
        self.socket.say(created("resp_1"), completed("resp_1"))
        self.assertEqual(
            answer.headers["x-chatmockd-adjusted"],
            "instructions, options.num_predict, options.top_p",
        )


class GenerateTests(OllamaBridge):
    """C{POST /api/generate}."""

    def test_stream(self) -> None:
        """The text is in C{response}."""
        answer = self.send("/api/generate", prompt="Hello?", system="Be brief.")
        asked = self.socket.received[0]
        self.assertEqual(asked["input"], [user("Hello?")])
        self.assertEqual(asked["instructions"], "Be brief.")
        self.socket.say(created("resp_1"), delta("Hi.", 1), completed("resp_1", 2))
        text, last = self.lines(answer)
        self.assertEqual((text["response"], text["done"]), ("Hi.", False))
        self.assertEqual((last["response"], last["done"]), ("", True))

    def test_all_at_once(self) -> None:
        """One object."""
        answer = self.send("/api/generate", prompt="Hello?", stream=False)
        self.socket.say(created("resp_1"), completed("resp_1", output=[message("Hi.")]))
        self.assertEqual(answer.json["response"], "Hi.")


class RecognisedTests(DurableBridge, OllamaBridge):
    """A client that sends its history again is a follow-up all the same."""

    def hear(self, *messages: dict[str, Any], **more: Any) -> dict[str, Any]:
        """What is said to a history, as a client keeps it."""
        answer = self.chat(*messages, **more)
        self.answer(f"resp_{len(messages)}", f"Answer {len(messages)}.")
        said = "".join(line["message"]["content"] for line in self.lines(answer))
        return {"role": "assistant", "content": said}

    def test_a_conversation_in_text(self) -> None:
        """One socket, and only what is new goes over it."""
        self.settle_on_chatgpt()
        history = [{"role": "system", "content": "Be brief."}]
        for number in range(4):
            history.append(asks(f"Question {number}?"))
            marker = f"resp_{len(history) - 2}" if number else None
            history.append(self.hear(*history))
            with case(number=number):
                self.assertEqual(self.asked["input"], [user(f"Question {number}?")])
                self.assertEqual(self.asked.get("previous_response_id"), marker)
                self.assertEqual(self.asked["instructions"], "Be brief.")
        self.assertEqual(self.dials, 1)

    def settle_on_chatgpt(self) -> None:
        self.configure(continuity__mode="durable", upstream__profile="chatgpt")

    def call(self, answer: Answer, *calls: dict[str, Any]) -> dict[str, Any]:
        """
        The upstream calls tools.

        @return: The message that a client puts together from it.
        """
        done = [item_done(call, index, index + 1) for index, call in enumerate(calls)]
        end = completed("resp_1", 9, output=list(calls))
        self.busiest.say(created("resp_1"), *done, end)
        lines = self.lines(answer)
        made = [
            call for line in lines for call in line["message"].get("tool_calls", ())
        ]
        return {"role": "assistant", "content": "", "tool_calls": made}

    def test_a_conversation_with_tools(self) -> None:
        """Also for a client that drops the ids, has its own or sorts the arguments."""
        first = tool_call("call_1", '{"days": 2, "city": "Paris"}')
        second = tool_call("call_2", '{"days": 1,  "city": "Rome"}')

        def keeps(call: dict[str, Any]) -> dict[str, Any]:
            return call

        def drops_id(call: dict[str, Any]) -> dict[str, Any]:
            return {"function": call["function"]}

        def renames(call: dict[str, Any]) -> dict[str, Any]:
            return call | {"id": "call_0"}

        def sorts(call: dict[str, Any]) -> dict[str, Any]:
            return dict(json.loads(json.dumps(drops_id(call), sort_keys=True)))

        for mangled in (keeps, drops_id, renames, sorts):
            self.configure(**self.settings)
            dials = self.dials
            history = [asks("Weather?")]
            made = self.call(self.chat(*history, tools=TOOLS), first, second)
            made["tool_calls"] = [mangled(call) for call in made["tool_calls"]]
            results = [
                {"role": "tool", "content": text, "tool_name": "weather"}
                for text in ("sunny", "rainy")
            ]
            history += made, *results
            answer = self.chat(*history, tools=TOOLS)
            with case(mangled=mangled.__name__):
                self.assertEqual(self.asked["previous_response_id"], "resp_1")
                self.assertEqual(
                    self.asked["input"],
                    [
                        {
                            "type": "function_call_output",
                            "call_id": call_id,
                            "output": text,
                        }
                        for call_id, text in (("call_1", "sunny"), ("call_2", "rainy"))
                    ],
                )
            self.answer("resp_2", "Sunny and rainy.")
            history += {"role": "assistant", "content": "Sunny and rainy."}, asks("Thx")
            self.assertEqual(answer.status, 200)
            self.chat(*history, tools=TOOLS)
            self.assertEqual(self.asked["input"], [user("Thx")])
            self.assertEqual(self.dials, dials + 1)
            self.answer("resp_3")

    def test_several_texts(self) -> None:
        """They are one message, as far as this client knows, streamed or not."""
        output = [message("One. "), message("Two.")]
        for stream in (False, True):
            self.configure(**self.settings)
            answer = self.chat(asks("Well?"), stream=stream)
            done = [item_done(item, n, n + 1) for n, item in enumerate(output)]
            end = completed("resp_1", 9, output=output)
            self.busiest.say(created("resp_1"), *done, end)
            lines = self.lines(answer) if stream else [answer.json]
            said = "".join(line["message"]["content"] for line in lines)
            self.assertEqual(said, "One. Two.")
            told = {"role": "assistant", "content": said}
            self.chat(asks("Well?"), told, asks("And?"))
            with case(stream=stream):
                self.assertEqual(self.asked["previous_response_id"], "resp_1")
                self.assertEqual(self.asked["input"], [user("And?")])
            self.answer("resp_2")

    def test_words_before_a_call(self) -> None:
        """They are one message with it, as far as this client knows."""
        self.configure(**self.settings)
        call = tool_call("call_1", '{"city":"Rome"}')
        answer = self.chat(asks("Weather?"), stream=False)
        output = [message("I will look."), call]
        self.busiest.say(created("resp_1"), completed("resp_1", output=output))
        said = answer.json["message"]
        self.assertEqual(said["content"], "I will look.")
        del said["tool_calls"][0]["id"]
        self.chat(asks("Weather?"), said, {"role": "tool", "content": "rainy"})
        self.assertEqual(self.asked["previous_response_id"], "resp_1")
        self.assertEqual(len(self.asked["input"]), 1)
        self.answer("resp_2")

    def test_calls_that_nobody_remembers(self) -> None:
        """The history goes whole once, and is recognised from then on."""
        call = {"function": {"name": "weather", "arguments": {"city": "Paris"}}}
        history = [
            asks("Weather?"),
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "content": "sunny"},
        ]
        self.chat(*history)
        made, result = self.asked["input"][1:]
        self.assertEqual(made["call_id"], result["call_id"])
        self.answer("resp_1", "Sunny.")
        history += {"role": "assistant", "content": "Sunny."}, asks("And now?")
        self.chat(*history)
        self.assertEqual(self.asked["input"], [user("And now?")])
        self.assertEqual(self.asked["previous_response_id"], "resp_1")
        self.answer("resp_2")


class ErrorTests(OllamaBridge):
    """One sentence, and nothing else."""

    def test_what_is_wrong_with_a_request(self) -> None:
        """It is named; nothing goes upstream."""
        hi = [asks("Hi")]
        for path, members, status, word in (
            ("/api/chat", {"messages": 5}, 400, "'messages'"),
            (
                "/api/chat",
                {"messages": hi, "model": "llama3"},
                404,
                "'llama3' not found",
            ),
            ("/api/chat", {"messages": hi, "model": None}, 400, "'model'"),
            ("/api/chat", {"messages": hi, "stream": 1}, 400, "'stream'"),
            ("/api/chat", {"messages": [{"role": "robot"}]}, 400, "'messages[0].role'"),
            (
                "/api/chat",
                {"messages": [{"role": "tool", "content": "x"}]},
                400,
                "'messages[0]'",
            ),
            (
                "/api/chat",
                {"messages": [asks("Hi") | {"images": ["aGVsbG8="]}]},
                400,
                "'messages[0].images[0]'",
            ),
            ("/api/generate", {"prompt": "Hi", "suffix": "!"}, 400, "'suffix'"),
            ("/api/show", {"model": "llama3"}, 404, "model 'llama3' not found"),
            ("/api/show", {"model": ""}, 400, "'model'"),
        ):
            with case(path=path, members=members):
                self.assert_sentence(self.send(path, **members), status, word)

    def test_what_stands_before_the_routes(self) -> None:
        """The guard's refusals have the shape of the path, and paths that are none."""
        self.configure(server__max_body_bytes=1000)
        foreign = {"Host": "evil.test"}
        for method, path, headers, body, status in (
            ("POST", "/api/chat", JSON, b"{", 400),
            ("POST", "/api/chat", JSON, b"[]", 400),
            ("POST", "/api/chat", JSON, b"", 400),
            ("POST", "/api/show", JSON, b"{", 400),
            ("POST", "/api/chat", JSON, b"x" * 2000, 413),
            ("POST", "/api/chat", {"Content-Type": "text/plain"}, b"{}", 415),
            ("GET", "/api/tags", foreign, b"", 403),
            ("GET", "/api/chat", {}, b"", 405),
            ("POST", "/api/tags", {}, b"", 405),
            ("GET", "/api/nothing", {}, b"", 404),
        ):
            with case(method=method, path=path, status=status):
                self.assert_sentence(self.ask(method, path, headers, body), status)

    def test_what_only_ollama_can_do(self) -> None:
        """A clear no, and never a 5xx."""
        for method, path in (
            ("POST", "/api/pull"),
            ("POST", "/api/push"),
            ("POST", "/api/create"),
            ("POST", "/api/copy"),
            ("DELETE", "/api/delete"),
            ("POST", "/api/embed"),
            ("POST", "/api/embeddings"),
            ("POST", "/api/blobs/sha256:00"),
        ):
            with case(path=path):
                answer = self.ask(method, path, JSON, b'{"model": "gpt-5.5"}')
                self.assert_sentence(answer, 400, path, "not supported")

    def test_other_apis_keep_their_shape(self) -> None:
        """Only Ollama's has this one."""
        self.assert_error(self.ask("GET", "/apis/tags"), 404, "not_found")

    def test_the_upstream_refuses(self) -> None:
        """With its status, as long as there is one."""
        answer = self.chat(asks("Hi"))
        error = {"type": "error", "status": 429, "error": {"message": "Slow down."}}
        self.socket.say(error)
        self.assertEqual((answer.status, answer.json), (429, {"error": "Slow down."}))

    def test_the_upstream_is_lost(self) -> None:
        """The last line says so."""
        answer = self.chat(asks("Hi"))
        self.socket.say(created("resp_1"), delta("He", 1))
        self.socket.drop()
        text, last = self.lines(answer)
        self.assertEqual(text["message"]["content"], "He")
        self.assertEqual(list(last), ["error"])
        self.assertIn("did not end the turn", last["error"])


class AroundTests(OllamaBridge):
    """What clients ask before they ask anything."""

    def test_whether_somebody_is_in(self) -> None:
        """C{GET /} says it, C{HEAD /} has a status."""
        answer = self.ask("GET", "/")
        self.assertEqual((answer.status, answer.body), (200, b"Ollama is running"))
        self.assertTrue(answer.headers["content-type"].startswith("text/plain"))

    def test_head(self) -> None:
        """As Ollama's own command line does before anything else."""
        head = b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        answer = self.ask_raw(head)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n"), answer)

    def test_not_when_it_stops(self) -> None:
        """There is nobody in any more."""
        self.api.stop()
        self.assert_error(self.ask("GET", "/"), 503, "shutting_down")

    def test_version(self) -> None:
        """One that clients like."""
        answer = self.ask("GET", "/api/version")
        self.assertEqual(answer.json, {"version": OLLAMA_VERSION})

    def test_models(self) -> None:
        """They are listed, and each can be shown by its name."""
        listed = self.ask("GET", "/api/tags").json["models"]
        self.assertEqual(
            [model["model"] for model in listed], ["gpt-5.5", "gpt-5.5-mini"]
        )
        for name in ("gpt-5.5", "gpt-5.5:latest", "gpt-5.5-high"):
            shown = self.send("/api/show", model=name).json
            self.assertEqual(shown["model_info"]["gpt.context_length"], 272_000)
            self.assertEqual(shown["modified_at"], listed[0]["modified_at"])
        self.assertEqual(self.send("/api/show", model=None, name="gpt-5.5").status, 200)
        self.assertEqual(self.ask("GET", "/api/ps").json, {"models": []})

    def test_models_with_their_efforts(self) -> None:
        """For apps that let people choose nothing but a model."""
        self.configure(models__expose_efforts="true")
        listed = self.ask("GET", "/api/tags").json["models"]
        self.assertEqual(
            [model["name"] for model in listed],
            [
                "gpt-5.5",
                "gpt-5.5-none",
                "gpt-5.5-low",
                "gpt-5.5-high",
                "gpt-5.5-mini",
            ],
        )
        for model in listed:
            self.assertEqual(self.send("/api/show", model=model["name"]).status, 200)
