"""A conversation that goes on, or ends, on the connection that was kept for it."""

from __future__ import annotations

from tests.bridge import Answer, Bridge, completed, created

NOT_FOUND = "previous_response_not_found"


def error(code: str, status: int = 400) -> dict[str, object]:
    """An C{error} event as api.openai.com sends it."""
    return {
        "type": "error",
        "status": status,
        "error": {"type": "invalid_request_error", "code": code, "message": "no"},
    }


class RetainedCase(Bridge):
    """A bridge that keeps connections, and an upstream that lets it."""

    settings = {"upstream__profile": "openai"}

    def follow(self, marker: object, **more: object) -> Answer:
        return self.post(previous_response_id=marker, **more)

    def end(self, response_id: str) -> None:
        self.socket.say(created(response_id), completed(response_id))

    def assert_not_found(self, answer: Answer, marker: str) -> None:
        self.assert_error(answer, 400, NOT_FOUND)
        self.assertEqual(answer.error["type"], "invalid_request_error")
        self.assertEqual(answer.error["param"], "previous_response_id")
        self.assertIn(marker, answer.error["message"])
        # VS Code reads either place.
        self.assertEqual(answer.json["code"], NOT_FOUND)
        self.assertEqual(answer.json["message"], answer.error["message"])
