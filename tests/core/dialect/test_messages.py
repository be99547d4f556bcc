"""Messages of a chat in the words of the Responses API, as a table."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.chat import AskedChat
from tests.core.cases import case
from tests.core.dialect.chat_requests import (
    CALL,
    CALLED_OLD,
    CALLS,
    HI,
    PNG,
    asked,
    message,
    says,
)


def call(arguments: str = "{}", call_id: str = "call_1") -> dict[str, Any]:
    """An item that calls f."""
    return {
        "type": "function_call",
        "call_id": call_id,
        "name": "f",
        "arguments": arguments,
    }


def result(output: Any, kind: str = "function_call_output") -> dict[str, Any]:
    """What the call gave."""
    return {"type": kind, "call_id": "call_1", "output": output}


# Messages, and the instructions and items that they are.
CONVERSATIONS: dict[str, tuple[list[Any], str | None, list[Any]]] = {
    "a question": ([HI], None, [message("user", "Hi")]),
    "a system message": (
        [says("system", "Be brief."), HI],
        "Be brief.",
        [message("user", "Hi")],
    ),
    "leading ones of both kinds": (
        [says("system", "A"), says("developer", [{"type": "text", "text": "B"}]), HI],
        "A\n\nB",
        [message("user", "Hi")],
    ),
    "a later one": (
        [says("system", "A"), HI, says("system", "B"), says("developer", "C")],
        "A",
        [message("user", "Hi"), message("developer", "B"), message("developer", "C")],
    ),
    "nothing but one": ([says("system", "A")], None, [message("developer", "A")]),
    "an answer": (
        [HI, says("assistant", "Hello."), HI],
        None,
        [message("user", "Hi"), message("assistant", "Hello."), message("user", "Hi")],
    ),
    "an answer with its reasoning": (
        [HI, says("assistant", "<think>Well.\n</think>Hello.")],
        None,
        [message("user", "Hi"), message("assistant", "Hello.")],
    ),
    "reasoning on lines of its own": (
        [says("assistant", "<think>\nWell.\n</think>\n\nHello.")],
        None,
        [message("assistant", "Hello.")],
    ),
    "reasoning on lines of its own, and no more": (
        [HI, says("assistant", "<think>\nx\n</think>", tool_calls=[CALL])],
        None,
        [message("user", "Hi"), call()],
    ),
    "a text with lines of its own": (
        [
            says("assistant", "<think>Well.\n</think>\n\nHello."),
            says("assistant", "<think>\nWell.</think>\n\nHello."),
            says("assistant", "<think>\nWell.\n</think>\nHello."),
            says("assistant", "<think>\nWell.\n</think>\n\n\nHello."),
        ],
        None,
        [
            message("assistant", "\n\nHello."),
            message("assistant", "\n\nHello."),
            message("assistant", "\nHello."),
            message("assistant", "\nHello."),
        ],
    ),
    "reasoning in a part": (
        [says("assistant", [{"type": "text", "text": "<think>x</think>Hello."}])],
        None,
        [message("assistant", "Hello.")],
    ),
    "reasoning only": (
        [HI, says("assistant", "<think>Call it.</think>", tool_calls=[CALL])],
        None,
        [message("user", "Hi"), call()],
    ),
    "tags elsewhere": (
        [says("assistant", "A <think>x</think>"), says("user", "<think>x</think>")],
        None,
        [
            message("assistant", "A <think>x</think>"),
            message("user", "<think>x</think>"),
        ],
    ),
    "a tag that is not closed": (
        [says("assistant", "<think>x")],
        None,
        [message("assistant", "<think>x")],
    ),
    "a refusal": (
        [HI, says("assistant", None, refusal="No.")],
        None,
        [
            message("user", "Hi"),
            message("assistant", {"type": "refusal"} | {"refusal": "No."}),
        ],
    ),
    "a refusal in a part": (
        [says("assistant", [{"type": "refusal", "refusal": "No."}])],
        None,
        [message("assistant", {"type": "refusal", "refusal": "No."})],
    ),
    "a call and its result": (
        [HI, CALLS, says("tool", "18", tool_call_id="call_1")],
        None,
        [message("user", "Hi"), call(), result("18")],
    ),
    "words and a call": (
        [says("assistant", "Let me see.", tool_calls=[CALL])],
        None,
        [message("assistant", "Let me see."), call()],
    ),
    "a result in parts": (
        [
            CALLS,
            says(
                "tool",
                [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                tool_call_id="call_1",
            ),
        ],
        None,
        [call(), result("a\nb")],
    ),
    "a result with a picture": (
        [
            CALLS,
            says(
                "tool",
                [{"type": "image_url", "image_url": {"url": PNG}}],
                tool_call_id="call_1",
            ),
        ],
        None,
        [
            call(),
            result([{"type": "input_image", "image_url": PNG, "detail": "auto"}]),
        ],
    ),
    "a result without words": (
        [CALLS, says("tool", None, tool_call_id="call_1")],
        None,
        [call(), result("")],
    ),
    "a call of a custom tool": (
        [
            says(
                "assistant",
                None,
                tool_calls=[
                    {
                        "id": "call_1",
                        "type": "custom",
                        "custom": {"name": "f", "input": "x"},
                    }
                ],
            ),
            says("tool", "y", tool_call_id="call_1"),
        ],
        None,
        [
            {
                "type": "custom_tool_call",
                "call_id": "call_1",
                "name": "f",
                "input": "x",
            },
            result("y", "custom_tool_call_output"),
        ],
    ),
    "an old function call": (
        [HI, CALLED_OLD, says("function", "18", name="f")],
        None,
        [
            message("user", "Hi"),
            call(call_id="call_legacy_1"),
            result("18") | {"call_id": "call_legacy_1"},
        ],
    ),
    "parts of all kinds": (
        [
            says(
                "user",
                [
                    {"type": "text", "text": "Look"},
                    {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                    {"type": "image_url", "image_url": "https://example.com/a.png"},
                    {"type": "file", "file": {"file_id": "file_1"}},
                    {
                        "type": "file",
                        "file": {
                            "filename": "a.pdf",
                            "file_data": "data:application/pdf;base64,JVBERg==",
                        },
                    },
                ],
            )
        ],
        None,
        [
            message(
                "user",
                "Look",
                {"type": "input_image", "image_url": PNG, "detail": "low"},
                {
                    "type": "input_image",
                    "image_url": "https://example.com/a.png",
                    "detail": "auto",
                },
                {"type": "input_file", "file_id": "file_1"},
                {
                    "type": "input_file",
                    "file_data": "data:application/pdf;base64,JVBERg==",
                    "filename": "a.pdf",
                },
            )
        ],
    ),
    "base64 as URLs have it": (
        [
            says(
                "user",
                [
                    {
                        "type": "image_url",
                        "image_url": "data:image/png;base64,iVBORw0KGgpy\nZXN0eA%3D%3D",
                    }
                ],
            )
        ],
        None,
        [
            message(
                "user",
                {
                    "type": "input_image",
                    "image_url": "data:image/png;base64,iVBORw0KGgpyZXN0eA==",
                    "detail": "auto",
                },
            )
        ],
    ),
}


class ConversationTests(SynchronousTestCase):
    """Messages become instructions and items."""

    maxDiff = None

    def test_conversations(self) -> None:
        """Every role, and all that it can say."""
        for name, (messages, instructions, items) in CONVERSATIONS.items():
            with case(name=name):
                fields = asked(messages=messages).fields
                self.assertEqual(fields.get("instructions"), instructions)
                self.assertEqual(fields["input"], items)

    def test_a_beginning_stays_the_same(self) -> None:
        """A history that goes on begins with the items that it had."""
        messages = [HI, CALLS, says("tool", "18", tool_call_id="call_1")]
        messages += [says("assistant", "18."), says("system", "B"), CALLED_OLD, HI]
        whole = asked(messages=messages).fields["input"]
        for count in range(1, len(messages)):
            with case(count=count):
                items = asked(messages=messages[:count]).fields["input"]
                self.assertEqual(items, whole[: len(items)])

    def test_tags_where_we_put_none(self) -> None:
        """Another way to show reasoning leaves texts alone."""
        told = says("assistant", "<think>x</think>Hello.")
        items = asked(thinks=False, messages=[told]).fields["input"]
        self.assertEqual(items, [message("assistant", "<think>x</think>Hello.")])

    def test_a_prompt_instead_of_messages(self) -> None:
        """ChatMock takes that."""
        for name in ("prompt", "input"):
            given = {"model": "m", name: "Hi"}
            fields = AskedChat(given, thinks=True).fields
            self.assertEqual(fields["input"], [message("user", "Hi")])
