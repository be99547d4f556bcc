"""The messages of a chat, and the items that they become."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.errors import InvalidRequest
from tests.core.cases import case
from tests.core.dialect.ollama_requests import (
    IMAGE,
    PIXEL,
    asks,
    calling,
    chat,
    result,
    said,
    user,
)


class MessagesTests(SynchronousTestCase):
    """Messages become items."""

    def test_roles(self) -> None:
        """Each message, and what it becomes."""
        hi = asks("Hi")
        for messages, items, instructions in (
            ([hi], [user("Hi")], None),
            (
                [{"role": "system", "content": "Be brief."}, hi],
                [user("Hi")],
                "Be brief.",
            ),
            (
                [
                    {"role": "system", "content": "One."},
                    {"role": "system", "content": "Two."},
                    hi,
                ],
                [user("Hi")],
                "One.\n\nTwo.",
            ),
            (
                [hi, {"role": "system", "content": "Now in French."}],
                [
                    user("Hi"),
                    {
                        "type": "message",
                        "role": "developer",
                        "content": [{"type": "input_text", "text": "Now in French."}],
                    },
                ],
                None,
            ),
            (
                [
                    hi,
                    {"role": "assistant", "content": "Ho", "thinking": "Hm."},
                    asks("On"),
                ],
                [user("Hi"), said("Ho"), user("On")],
                None,
            ),
            # An answer without words leaves nothing to say again.
            (
                [hi, {"role": "assistant", "content": None}, asks("On")],
                [user("Hi"), user("On")],
                None,
            ),
            ([asks("Look", images=[PIXEL])], [user("Look", IMAGE)], None),
            ([asks("Look", images=None)], [user("Look")], None),
            (
                [asks("Look", images=[f"data:image/x;base64,{PIXEL}"])],
                [user("Look", IMAGE)],
                None,
            ),
            (
                [{"role": "user", "images": [PIXEL]}],
                [{"type": "message", "role": "user", "content": [IMAGE]}],
                None,
            ),
        ):
            with case(messages=messages):
                fields = chat(messages).fields
                self.assertEqual(fields["input"], items)
                self.assertEqual(fields.get("instructions"), instructions)

    def test_results_find_their_calls(self) -> None:
        """By id, by name, by turn; and there may be several calls to an answer."""
        other = {"function": {"name": "time", "arguments": {}}}
        both = calling("Paris")
        both["tool_calls"].append(other)
        pair = ["sunny", "noon"]
        for messages, outputs in (
            ([calling("Paris"), result("sunny")], ["sunny"]),
            ([calling("Paris", "Rome"), result("1"), result("2")], ["1", "2"]),
            ([both, result("noon", tool_name="time"), result("sunny")], pair),
            ([both, result("noon", name="time"), result("sunny")], pair),
            ([calling("Paris", id="a"), result("sunny", tool_call_id="a")], ["sunny"]),
            # An id that nobody gave the call.
            ([calling("Paris"), result("sunny", tool_call_id="b")], ["sunny"]),
            (
                [
                    calling("Paris", "Rome"),
                    result("1", tool_call_id="b"),
                    result("2", tool_call_id="c"),
                ],
                ["1", "2"],
            ),
            (
                [
                    both,
                    result("noon", tool_call_id="b", tool_name="time"),
                    result("sunny", tool_call_id="c", tool_name="weather"),
                ],
                pair,
            ),
        ):
            with case(messages=messages):
                items = chat([asks("?"), *messages]).items
                calls = [item for item in items if item["type"] == "function_call"]
                results = {
                    item["call_id"]: item["output"]
                    for item in items
                    if item["type"] == "function_call_output"
                }
                self.assertEqual({call["call_id"] for call in calls}, set(results))
                self.assertEqual([results[c["call_id"]] for c in calls], outputs)

    def test_results_of_no_call(self) -> None:
        """An id that is none of the ids of the calls that wait, and nobody waits."""
        named, nameless = calling("Paris", id="a"), calling("Paris")
        for messages, param in (
            ([named, result("1", tool_call_id="b")], "messages[2].tool_call_id"),
            (
                [nameless, result("1"), result("2", tool_call_id="b")],
                "messages[3].tool_call_id",
            ),
            (
                [nameless, result("1", tool_call_id="b", tool_name="time")],
                "messages[2].tool_name",
            ),
            ([nameless, result("1"), result("2")], "messages[3]"),
        ):
            with case(messages=messages):
                with self.assertRaises(InvalidRequest) as caught:
                    chat([asks("?"), *messages])
                self.assertEqual(caught.exception.param, param)

    def test_calls_have_arguments_as_a_text(self) -> None:
        """An object becomes JSON; a text is taken as well, as in the Chat API."""
        for arguments, expected in (
            ({"city": "Paris"}, '{"city":"Paris"}'),
            ({}, "{}"),
            (None, "{}"),
            ('{"city": "Paris"}', '{"city":"Paris"}'),
            ("", "{}"),
        ):
            call = {"function": {"name": "f", "arguments": arguments}}
            message = {"role": "assistant", "tool_calls": [call]}
            with case(arguments=arguments):
                item = chat([asks("?"), message]).items[1]
                self.assertEqual((item["name"], item["arguments"]), ("f", expected))

    def test_ids_of_calls_are_the_same_each_time(self) -> None:
        """And no two calls of a history share one, whatever the client calls them."""
        history = [
            asks("?"),
            calling("Paris", "Paris", id="call_0"),
            result("1"),
            result("2"),
            calling("Paris", id="call_0"),
            result("3", tool_call_id="call_0"),
            calling("Paris"),
        ]
        first = chat(history).items
        again = chat([*history, result("4")]).items
        self.assertEqual(first, again[:-1])
        ids = [item["call_id"] for item in first if item["type"] == "function_call"]
        self.assertEqual(len(set(ids)), 4)
        self.assertEqual(ids[0], "call_0")
        answered = [
            item["call_id"] for item in again if item["type"] == "function_call_output"
        ]
        self.assertEqual(answered, ids)

    def test_very_many_calls(self) -> None:
        """Their results may come in any order, and are found at once."""
        ids = [str(number) for number in range(20_000)]
        made = [calling("Paris", id=each) for each in ids]
        results = [result("x", tool_call_id=each) for each in reversed(ids)]
        items = chat([asks("?"), *made, *results]).items
        self.assertEqual(items[-1]["call_id"], "0")
        self.assertEqual(len(items), 1 + 2 * len(ids))

    def test_a_tool_may_show_images(self) -> None:
        """Its result has parts then."""
        history = [asks("?"), calling("Paris"), result("Look", images=[PIXEL])]
        output = chat(history).items[-1]["output"]
        self.assertEqual(output, [{"type": "input_text", "text": "Look"}, IMAGE])
