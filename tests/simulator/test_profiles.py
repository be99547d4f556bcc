"""What each profile remembers of a conversation, and what an error does to it."""

from __future__ import annotations

from chatmockd.simulator.connection import DEAF_S
from tests.simulator.wired import WiredTestCase, text_of

_TOLD = "Remember the token ALPHA-42."
_ASKED = "What token did I ask you to remember?"


class ConversationTests(WiredTestCase):
    """The conversation on a socket."""

    def test_continues(self) -> None:
        """A follow-up carries the new input only, and the rest is remembered."""
        client = self.connect()
        first = client.respond(_TOLD)
        second = client.respond(_ASKED, previous_response_id=first["id"])
        self.assertIn("ALPHA-42", text_of(second))
        self.assertEqual(second["previous_response_id"], first["id"])

    def test_a_new_chain_knows_nothing(self) -> None:
        """Without the id, the same socket starts anew."""
        client = self.connect()
        client.ask(_TOLD)
        self.assertIn("I do not know", client.text(_ASKED))

    def test_resent_history(self) -> None:
        """The whole conversation as input does as well."""
        first = self.connect().respond(_TOLD)
        history = [
            {"role": "user", "content": _TOLD},
            *first["output"],
            {"role": "user", "content": _ASKED},
        ]
        self.assertIn("ALPHA-42", self.connect().text(history))

    def test_tool_round_trip(self) -> None:
        """A call, its output, and an answer that uses it."""
        client = self.connect()
        tool = {
            "type": "function",
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        }
        first = client.respond("Call get_weather for Oslo", tools=[tool])
        (call,) = first["output"]
        self.assertEqual(call["arguments"], '{"city":"Oslo"}')
        output = {
            "type": "function_call_output",
            "call_id": call["call_id"],
            "output": "rain",
        }
        second = client.text([output], previous_response_id=first["id"], tools=[tool])
        self.assertEqual(second, "get_weather returned: rain")

    def test_missing_tool_output(self) -> None:
        """A follow-up which leaves a call open is refused."""
        client = self.connect()
        tool = {"type": "custom", "name": "run_shell"}
        first = client.respond("run_shell `ls`", tools=[tool])
        error = client.error("never mind", previous_response_id=first["id"])
        call = first["output"][0]["call_id"]
        self.assertEqual(
            error["message"], f"No tool output found for function call {call}."
        )


class OpenaiMemoryTests(WiredTestCase):
    """What api.openai.com remembers."""

    def test_only_the_newest(self) -> None:
        """An older response of the socket is gone, unless it is stored."""
        for store, known in ((False, False), (True, True)):
            client = self.connect()
            first = client.respond("one", store=store)
            client.respond("two", previous_response_id=first["id"], store=store)
            event = client.ask("three", previous_response_id=first["id"])[-1]
            self.assertEqual(event["type"] == "response.completed", known)

    def test_other_sockets(self) -> None:
        """Stored responses can be continued from there; this is the default."""
        stored = self.connect().respond(_TOLD)
        kept = self.connect().respond(_TOLD, store=False)
        other = self.connect()
        self.assertIn("ALPHA-42", other.text(_ASKED, previous_response_id=stored["id"]))
        error = other.error(_ASKED, previous_response_id=kept["id"])
        self.assertEqual(error["code"], "previous_response_not_found")

    def test_an_error_leaves_the_socket_usable(self) -> None:
        """The next request is served; what the failed one referred to is gone."""
        client = self.connect()
        first = client.respond("one", store=False)
        client.error(
            "two [[simulate: error=rate_limit_exceeded]]",
            previous_response_id=first["id"],
        )
        self.assertIn("You said", client.text("three"))
        error = client.error("four", previous_response_id=first["id"])
        self.assertEqual(error["code"], "previous_response_not_found")
        self.assertIsNone(client.closed)

    def test_not_found(self) -> None:
        """The error as api.openai.com sends it."""
        (event,) = self.connect().ask("hello", previous_response_id="resp_x")
        self.assertEqual(
            event,
            {
                "type": "error",
                "status": 400,
                "error": {
                    "type": "invalid_request_error",
                    "code": "previous_response_not_found",
                    "message": "Previous response with id 'resp_x' not found.",
                    "param": "previous_response_id",
                },
            },
        )


class ChatgptTests(WiredTestCase):
    """The ChatGPT backend."""

    profile = "chatgpt"

    def test_newest_of_the_socket(self) -> None:
        """A chain goes on, on its own socket only."""
        client = self.connect()
        first = client.respond(_TOLD)
        second = client.respond("hm", previous_response_id=first["id"])
        self.assertIn(
            "ALPHA-42", client.text(_ASKED, previous_response_id=second["id"])
        )
        other = self.connect()
        error = other.error("x", previous_response_id=second["id"])
        self.assertEqual(error["code"], "previous_response_not_found")

    def test_deaf_after_an_error(self) -> None:
        """No answer any more, then the socket is gone without a close frame."""
        client = self.connect()
        first = client.respond("one")
        second = client.respond("two", previous_response_id=first["id"])
        client.error("three", previous_response_id=first["id"])
        self.assertEqual(client.ask("four", previous_response_id=second["id"]), [])
        self.assertEqual(len(self.simulator.seen), 4)
        self.clock.advance(DEAF_S - 0.1)
        client.flush()
        self.assertIsNone(client.closed)
        self.clock.advance(0.1)
        client.flush()
        assert client.closed is not None
        self.assertEqual(client.closed[:2], (False, 1006))
        self.assertEqual(self.simulator.connections, set())

    def test_refuses(self) -> None:
        """Lanes, storing, and what it calls unsupported, each in its own shape."""
        for field, error in (
            (
                {"stream_id": "a"},
                {
                    "type": "invalid_request_error",
                    "message": "Unsupported parameter: stream_id",
                },
            ),
            ({"store": True}, {"detail": "Store must be set to false"}),
            ({"user": "u"}, {"detail": "Unsupported parameter: user"}),
        ):
            self.assertEqual(self.connect().error("hello", **field), error)

    def test_usage_limit(self) -> None:
        """The error that has its name in the type, with headers."""
        client = self.connect()
        client.create("x [[simulate: error=usage_limit_reached]]")
        event = client.events[-1]
        self.assertEqual(event["status"], 429)
        self.assertEqual(event["error"]["type"], "usage_limit_reached")
        self.assertIn("x-codex-primary-used-percent", event["headers"])
