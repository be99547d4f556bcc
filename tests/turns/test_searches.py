"""Histories with web searches in them, recognised where there is no doubt."""

from __future__ import annotations

from typing import Any

from tests.bridge import completed, created, message
from tests.core.cases import case
from tests.turns.durable import DurableBridge, said, user


def search(query: str) -> dict[str, Any]:
    """A search that the upstream made."""
    return {"type": "web_search_call", "action": {"type": "search", "query": query}}


class SearchTests(DurableBridge):
    """An answer that was searched for, and what follows."""

    def answer_after(self, query: str) -> None:
        """Ask, and get an answer that C{query} led to."""
        self.post(input=[user("Is it so?")])
        self.busiest.say(
            created("resp_1"),
            completed("resp_1", 2, output=[search(query), message("Yes.")]),
        )

    def test_a_client_that_sends_it_back(self) -> None:
        """As the SDKs' users do with all of an answer."""
        self.answer_after("cats")
        found = search("cats") | {"id": "ws_1", "status": "completed"}
        self.post(input=[user("Is it so?"), found, said("Yes."), user("Why?")])
        self.assertEqual(self.asked["previous_response_id"], "resp_1")
        self.assertEqual(self.asked["input"], [user("Why?")])

    def test_a_client_that_sends_another_history(self) -> None:
        """The same words came of something else there: everything is sent."""
        for others in ([search("dogs")], [search("cats"), search("cats")], []):
            with case(others=others):
                self.setUp()
                self.answer_after("cats")
                given = [user("Is it so?"), *others, said("Yes."), user("Why?")]
                self.post(input=given)
                self.assertNotIn("previous_response_id", self.asked)
                self.assertEqual(self.asked["input"], given)
