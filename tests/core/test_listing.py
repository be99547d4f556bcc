"""Items, page by page."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.listing import page
from chatmockd.errors import InvalidRequest
from tests.core.cases import case
from tests.sdk_types import check_item

PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}


def listed(*items: dict[str, Any], **asked: str) -> Any:
    """The page that C{asked} gets of these items, oldest first unless it says so."""
    names = ("after", "limit", "order")
    asked = {"order": "asc", **asked}
    return json.loads(page(items, **{name: asked.get(name) for name in names}))


def said(text: str, role: str = "user") -> dict[str, Any]:
    """A message in its short form."""
    return {"role": role, "content": text}


class ItemTests(SynchronousTestCase):
    """What is listed is whole, however little its client wrote."""

    def test_all_that_clients_may_leave_out(self) -> None:
        """SDKs have a type for each, with members that must be there."""
        call = {"call_id": "call_1", "name": "look"}
        result = {"call_id": "call_1", "output": "blue"}
        seen = {"call_id": "call_1", "output": [PICTURE]}
        answer = {"type": "output_text", "text": "Hi."}
        for item in (
            said("Hello?"),
            said("Be kind.", "developer"),
            said("Be brief.", "system"),
            said("Hi.", "assistant"),
            {"role": "assistant", "content": [answer]},
            {"type": "message", "role": "assistant", "content": [answer]},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            {"role": "user", "content": [PICTURE, {**PICTURE, "detail": None}]},
            {"type": "function_call", "arguments": "{}", **call},
            {"type": "function_call", "arguments": "{}", "status": None, **call},
            {"type": "function_call_output", **result},
            {"type": "function_call_output", **seen},
            {"type": "custom_tool_call", "input": "it", **call},
            {"type": "custom_tool_call_output", **result},
            {"type": "reasoning", "summary": []},
        ):
            with case(item=item):
                check_item(listed(item)["data"][0])

    def test_what_was_said_stays(self) -> None:
        """Nothing is said for a client that has said it."""
        item = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "incomplete",
            "content": [{"type": "output_text", "text": "H", "annotations": [{}]}],
        }
        picture = {**PICTURE, "detail": "low"}
        other = {"id": "x_1", "type": "unheard_of", "output": ["a", picture]}
        self.assertEqual(listed(item, other)["data"], [item, other])

    def test_made_up_ids_stay(self) -> None:
        """Of two that say the same, too."""
        items = said("a"), said("a"), {"type": "reasoning", "summary": []}
        first, again = listed(*items), listed(*items)
        self.assertEqual(first, again)
        self.assertEqual(len({item["id"] for item in first["data"]}), 3)

    def test_one_id_twice(self) -> None:
        """Who goes from page to page comes to an end."""
        same = {**said("a"), "id": "msg_1"}
        items = same, same, said("b"), same
        whole = [item["id"] for item in listed(*items)["data"]]
        self.assertEqual((whole[0], len({*whole})), ("msg_1", 4))
        paged = [listed(*items, limit="1")]
        while paged[-1]["has_more"]:
            paged.append(listed(*items, limit="1", after=paged[-1]["last_id"]))
            self.assertLessEqual(len(paged), len(items))
        self.assertEqual([page["first_id"] for page in paged], whole)


class PageTests(SynchronousTestCase):
    """Where a page begins and ends."""

    items = tuple(said(str(number)) | {"id": f"msg_{number}"} for number in range(30))

    def numbers(self, **asked: str) -> tuple[list[int], bool]:
        """What is on the page, and whether there is more."""
        got = listed(*self.items, **asked)
        self.assertEqual(got["object"], "list")
        ids = [item["id"] for item in got["data"]]
        self.assertEqual(got["first_id"], ids[0] if ids else None)
        self.assertEqual(got["last_id"], ids[-1] if ids else None)
        return [int(name.removeprefix("msg_")) for name in ids], got["has_more"]

    def test_pages(self) -> None:
        """Twenty, unless it is asked for another number."""
        for asked, numbers, more in (
            ({}, range(20), True),
            ({"limit": "30"}, range(30), False),
            ({"limit": "100"}, range(30), False),
            ({"limit": "1"}, range(1), True),
            ({"after": "msg_9"}, range(10, 30), False),
            ({"after": "msg_9", "limit": "5"}, range(10, 15), True),
            ({"after": "msg_29"}, range(0), False),
            ({"order": "desc", "limit": "2"}, range(29, 27, -1), True),
            ({"order": "desc", "after": "msg_2"}, range(1, -1, -1), False),
        ):
            with case(asked=asked):
                self.assertEqual(self.numbers(**asked), ([*numbers], more))

    def test_what_cannot_be(self) -> None:
        """It is named."""
        for asked in ({"limit": "0"}, {"limit": "²"}, {"order": ""}, {"after": "no"}):
            with case(asked=asked):
                error = self.assertRaises(InvalidRequest, listed, *self.items, **asked)
                self.assertEqual([error.param], [*asked])
