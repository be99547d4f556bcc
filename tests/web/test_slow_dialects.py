"""Clients of the other APIs that read slowly, or leave."""

from __future__ import annotations

import json

from chatmockd.core.model import Model
from tests.bridge import JSON, Answer, Bridge, completed, created, delta
from tests.core.cases import case

BIG = "x" * 10_000
APIS = {"/v1/chat/completions": b"[DONE]", "/api/chat": b'"done":true'}


class SlowDialectTests(Bridge):
    """What holds for events holds for chunks and lines."""

    known_models = (Model("gpt-5.5"),)
    settings = {"upstream__profile": "openai"}

    def ask_in(self, path: str) -> Answer:
        """A streamed chat that has begun."""
        said = [{"role": "user", "content": "Hello?"}]
        body = {"model": "gpt-5.5", "messages": said, "stream": True}
        answer = self.ask("POST", path, JSON, json.dumps(body).encode())
        self.sockets[-1].say(created("resp_1"), delta("Hi", 1))
        self.assertEqual(answer.status, 200)
        return answer

    def test_a_slow_reader_pauses_the_upstream(self) -> None:
        """Memory stays small, and nothing is lost."""
        for path, end in APIS.items():
            with case(path=path):
                self.configure(**self.settings)
                answer = self.ask_in(path)
                socket = self.sockets[-1]
                answer.stall()
                sent = 0
                while not socket.link.client_end.paused:
                    sent += 1
                    self.assertLess(sent, 200, "the upstream was never paused")
                    socket.say(delta(BIG, sent + 1))
                self.assertLess(answer.link.server_end.waiting(), 200_000)
                answer.read_on()
                socket.say(completed("resp_1", sent + 2))
                self.assertEqual(answer.body.count(BIG.encode()), sent)
                self.assertIn(end, answer.body)
                self.assertTrue(answer.ended)

    def test_who_leaves_gives_the_turn_up(self) -> None:
        """In mode retained at once: nobody could come back for it."""
        for path in APIS:
            with case(path=path):
                self.configure(**self.settings)
                answer = self.ask_in(path)
                socket = self.sockets[-1]
                self.assertTrue(socket.is_open)
                answer.leave()
                self.assertFalse(socket.is_open)


class LastingDialectTests(SlowDialectTests):
    """Mode durable reads on for a while."""

    settings = {"upstream__profile": "openai", "continuity__mode": "durable"}

    def test_who_leaves_gives_the_turn_up(self) -> None:
        """Only when the grace is over."""
        for path in APIS:
            with case(path=path):
                self.configure(**self.settings)
                answer = self.ask_in(path)
                socket = self.sockets[-1]
                answer.leave()
                self.wait(29)
                self.assertTrue(socket.is_open)
                self.wait(2)
                self.assertFalse(socket.is_open)
