"""The Ollama API, in front of an upstream that knows nothing of it."""

from __future__ import annotations

import json

from chatmockd.core.dialect.ollama_models import OLLAMA_VERSION
from tests.bridge import JSON, completed, created, delta, item_done, message
from tests.core.cases import case
from tests.turns.durable import user
from tests.web.ollama_bridge import OllamaBridge, asks, tool_call

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]


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
