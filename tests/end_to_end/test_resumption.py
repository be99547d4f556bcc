"""Streams that are lost, and taken up again where they were lost."""

from __future__ import annotations

from itertools import islice
from typing import Any

from tests.end_to_end.talking import COUNTED, SLOW, TalkingTests

Event = dict[str, Any]


class ResumptionTests(TalkingTests):
    """C{retrieve(id, stream=True, starting_after=N)}."""

    def lose(self, first: int, **more: Any) -> list[Event]:
        """The first events of a new response's stream, which then breaks."""
        with self.say(SLOW, stream=True, **more) as stream:
            return [event.to_dict() for event in islice(stream, first)]

    def resume(
        self, response_id: str, after: int | None, most: int | None = None
    ) -> list[Event]:
        """The events behind that number; C{most} of them, if that is given."""
        more = {} if after is None else {"starting_after": after}
        with self.client.responses.retrieve(response_id, stream=True, **more) as stream:
            return [event.to_dict() for event in islice(stream, most)]

    def assert_whole(self, events: list[Event]) -> None:
        """Nothing is missing, and nothing is there twice."""
        numbers = [event["sequence_number"] for event in events]
        self.assertEqual(numbers, list(range(len(events))))
        said = [
            event["delta"]
            for event in events
            if event["type"] == "response.output_text.delta"
        ]
        self.assertEqual("".join(said), COUNTED)
        self.assertEqual(events[0]["type"], "response.created")
        self.assertEqual(events[-1]["type"], "response.completed")
        response = events[-1]["response"]
        self.assertEqual(response["id"], events[0]["response"]["id"])
        self.assertEqual(
            self.client.responses.retrieve(response["id"]).to_dict(), response
        )

    def test_while_it_runs(self) -> None:
        """Lost once in the middle."""
        events = self.lose(12, background=True)
        response_id = events[0]["response"]["id"]
        self.assert_whole(events + self.resume(response_id, 11))

    def test_again_and_again(self) -> None:
        """Lost after every few events."""
        events = self.lose(3, background=True)
        response_id = events[0]["response"]["id"]
        while events[-1]["type"] != "response.completed":
            events += self.resume(response_id, events[-1]["sequence_number"], 5)
        self.assert_whole(events)

    def test_from_the_start(self) -> None:
        """One that was not streamed at first, and several readers at once."""
        begun = self.begin(SLOW)
        early = self.client.responses.retrieve(begun.id, stream=True)
        first = [event.to_dict() for event in islice(early, 8)]
        self.assert_whole(self.resume(begun.id, None))
        self.assert_whole(first + [event.to_dict() for event in early])

    def test_in_the_foreground(self) -> None:
        """A stream that was not asked for in the background is kept for a while."""
        events = self.lose(12)
        response_id = events[0]["response"]["id"]
        self.assert_whole(events + self.resume(response_id, 11))

    def test_after_it_ended(self) -> None:
        """Any part of it, as often as one likes; and by the next daemon as well."""
        ids = []
        for more in ({"background": True}, {}):
            first = self.lose(12, **more)
            ids.append(first[0]["response"]["id"])
            self.when_over(ids[-1])
        logs = [self.resume(each, None) for each in ids]
        self.restart()
        for response_id, whole in zip(ids, logs, strict=True):
            self.assert_whole(whole)
            last = len(whole) - 1
            for after in (None, 0, 11, last - 1, last, last + 100):
                with self.subTest(after=after):
                    rest = whole[0 if after is None else after + 1 :]
                    self.assertEqual(self.resume(response_id, after), rest)


class ChatGptResumptionTests(ResumptionTests):
    """The same with the ChatGPT plan's backend."""

    profile = "chatgpt"
