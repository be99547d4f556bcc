"""Input items, as differently as clients write them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.items import (
    check_calls,
    images_in,
    items_of,
    just_returned,
    newest_outputs,
    newest_user_text,
    output_text,
    text_of,
    tokens_of,
)
from chatmockd.simulator.refusal import Refused

_CALL = {"type": "function_call", "call_id": "call_1", "name": "add", "arguments": "{}"}
_OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "3"}


class ItemsOfTests(SynchronousTestCase):
    """All forms of C{input}."""

    def test_string(self) -> None:
        """A string is a user message."""
        self.assertEqual(newest_user_text(items_of("hello")), "hello")

    def test_messages_without_a_type(self) -> None:
        """A role is enough."""
        (item,) = items_of([{"role": "user", "content": "hello"}])
        self.assertEqual(item["type"], "message")

    def test_parts(self) -> None:
        """Content may come in parts; images have no text."""
        (item,) = items_of(
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "one"},
                        {"type": "input_image", "image_url": "data:"},
                        {"type": "input_text", "text": "two"},
                    ],
                }
            ]
        )
        self.assertEqual((text_of(item), images_in(item)), ("one\ntwo", 1))
        self.assertEqual(tokens_of(item), 87)

    def test_nothing(self) -> None:
        """No input is no item."""
        self.assertEqual(items_of(None) + items_of([]), [])

    def test_refused(self) -> None:
        """Everything else is no input."""
        wrong: list[object] = [1, True, {"role": "user"}, [1], ["text"], [{}]]
        for given in [*wrong, [{"type": 1}], [{"type": 1, "role": "user"}]]:
            with self.subTest(given=given):
                self.assertRaises(Refused, items_of, given)


class NewestTests(SynchronousTestCase):
    """What came last."""

    def test_user_text(self) -> None:
        """The user's, unless something else answered it already."""
        user = items_of("hello")
        developer = items_of([{"role": "developer", "content": "be brief"}])
        assistant = items_of([{"role": "assistant", "content": "hi"}])
        self.assertEqual(newest_user_text([*user, *developer]), "hello")
        self.assertIsNone(newest_user_text([*user, *assistant]))
        self.assertIsNone(newest_user_text([*user, _CALL, _OUTPUT]))
        self.assertIsNone(newest_user_text([]))

    def test_outputs(self) -> None:
        """Those behind the last message, with the names of their tools."""
        items = [*items_of("go"), _CALL, _OUTPUT]
        self.assertEqual(newest_outputs(items), [("add", "3")])
        self.assertEqual(newest_outputs([*items, *items_of("thanks")]), [])

    def test_images_in_outputs(self) -> None:
        """They are told of, beside the text or alone."""
        image = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
        text = {"type": "input_text", "text": "three"}
        for parts, said in (
            ([image], "1 image"),
            ([text, image, image], "three\n2 images"),
            ([text], "three"),
        ):
            with self.subTest(parts=parts):
                items = [*items_of("go"), _CALL, _OUTPUT | {"output": parts}]
                self.assertEqual(newest_outputs(items), [("add", said)])

    def test_tools_that_just_returned(self) -> None:
        """Until the model says something, whatever the user says behind them."""
        items = [*items_of("go"), _CALL, _OUTPUT]
        self.assertEqual(just_returned(items), {"add"})
        self.assertEqual(just_returned([*items, *items_of("this is it")]), {"add"})
        assistant = items_of([{"role": "assistant", "content": "three"}])
        self.assertEqual(just_returned([*items, *assistant]), set())
        self.assertEqual(just_returned([*items, *assistant, *items_of("x")]), set())
        self.assertEqual(just_returned(items_of("go")), set())

    def test_output_in_parts(self) -> None:
        """Outputs may come in parts, too."""
        item = {"output": [{"type": "input_text", "text": "three"}]}
        self.assertEqual(output_text(item), "three")


class CheckCallsTests(SynchronousTestCase):
    """Calls and outputs belong together."""

    def test_complete(self) -> None:
        """Every call is answered."""
        check_calls([_CALL, _OUTPUT])

    def test_missing_output(self) -> None:
        """A call without an output is named."""
        refused = self.assertRaises(Refused, check_calls, [_CALL])
        self.assertEqual(
            refused.message, "No tool output found for function call call_1."
        )
        self.assertEqual((refused.status, refused.code), (400, None))

    def test_missing_call(self) -> None:
        """So is an output without a call."""
        refused = self.assertRaises(Refused, check_calls, [_OUTPUT, _CALL])
        self.assertIn("No tool call found", refused.message)
