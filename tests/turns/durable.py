"""A bridge in mode durable, and what its tests have in common."""

from __future__ import annotations

from typing import Any

from tests.bridge import Answer, Bridge, Socket, completed, created, delta, message


def user(text: str) -> dict[str, Any]:
    """A user's message, as an upstream gets it."""
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content}


def said(text: str) -> dict[str, Any]:
    """What was answered, as it is sent again: without id and status."""
    item = message(text)
    return {name: item[name] for name in item if name not in ("id", "status")}


class DurableBridge(Bridge):
    """Every conversation is kept."""

    settings = {"continuity__mode": "durable", "upstream__profile": "openai"}

    def turn(
        self,
        response_id: str,
        text: str = "Hello?",
        answer: str = "Hi.",
        **more: Any,
    ) -> Answer:
        """One whole turn that ends well, on whatever socket the bridge chose."""
        got = self.post(input=text, **more)
        self.answer(response_id, answer)
        self.assertEqual(got.status, 200, got.body)
        return got

    def answer(
        self, response_id: str, text: str = "Hi.", socket: Socket | None = None
    ) -> None:
        """The upstream answers what it was asked last."""
        socket = socket or self.busiest
        marker = socket.received[-1].get("previous_response_id")
        socket.say(
            created(response_id),
            delta(text, 1),
            completed(
                response_id, 2, output=[message(text)], previous_response_id=marker
            ),
        )

    @property
    def busiest(self) -> Socket:
        """The socket that was asked last."""
        return max(self.sockets, key=lambda socket: socket.asked_at)

    @property
    def asked(self) -> dict[str, Any]:
        """What the upstream was asked last."""
        asked: dict[str, Any] = self.busiest.received[-1]
        return asked
