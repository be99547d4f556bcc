"""Where lists of models, and the page about usage, are looked for."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.page_urls import list_url, usage_urls

CODEX = "wss://chatgpt.com/backend-api/codex/responses"
OPENAI = "wss://api.openai.com/v1/responses"


class PlaceTests(SynchronousTestCase):
    """Where lists are follows from where turns go."""

    def test_lists(self) -> None:
        """ChatGPT wants to be told which Codex asks."""
        self.assertEqual(
            list_url("chatgpt", CODEX),
            "https://chatgpt.com/backend-api/codex/models?client_version=0.146.0",
        )
        self.assertEqual(list_url("openai", OPENAI), "https://api.openai.com/v1/models")
        self.assertEqual(
            list_url("openai", "ws://127.0.0.1:9/v1/responses?x=1"),
            "http://127.0.0.1:9/v1/models",
        )

    def test_usage(self) -> None:
        """Two places with ChatGPT; next to the turns with what stands in for it."""
        self.assertEqual(
            usage_urls(CODEX),
            (
                "https://chatgpt.com/backend-api/wham/usage",
                "https://chatgpt.com/backend-api/codex/usage",
            ),
        )
        self.assertEqual(usage_urls("ws://h/x/responses"), ("http://h/x/usage",))
