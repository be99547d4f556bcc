"""The pages about models and usage, asked as over HTTP."""

from __future__ import annotations

from typing import Any

from treq.client import HTTPClient
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from chatmockd.simulator.codex import opening_frames
from chatmockd.simulator.model_pages import chatgpt_pages, openai_pages
from tests.core.cases import case

NOW = 1_790_000_000


class PagesTests(SynchronousTestCase):
    """Each page at its path."""

    def ask(
        self, pages: dict[str, Resource], path: str, **headers: str
    ) -> tuple[int, Any, Any]:
        """Status, headers and JSON of a page."""

        async def asked() -> tuple[int, Any, Any]:
            client = HTTPClient(RequestTraversalAgent(pages[path]))
            given = {"Authorization": "Bearer t"} | {
                name.replace("_", "-"): value for name, value in headers.items()
            }
            answered = client.get(f"http://h{path}?client_version=1", headers=given)
            response = await answered
            body = await response.content()
            said = await response.json() if body else None
            return response.code, response.headers, said

        return self.successResultOf(Deferred.fromCoroutine(asked()))

    def test_codex_models(self) -> None:
        """As Codex reads them, with the tag that frames name."""
        pages = chatgpt_pages(lambda: NOW)
        path = "/backend-api/codex/models"
        status, headers, said = self.ask(pages, path)
        self.assertEqual(status, 200)
        (etag,) = headers.getRawHeaders("etag")
        (frame,) = [f for f in opening_frames("m", NOW, "req") if "headers" in f]
        self.assertEqual(frame["headers"]["X-Models-Etag"], etag)
        listed = [m["slug"] for m in said["models"] if m["visibility"] == "list"]
        self.assertEqual(listed, ["gpt-5.5", "gpt-5.4", "gpt-5.4-mini"])
        status, _, said = self.ask(pages, path, If_None_Match=etag)
        self.assertEqual((status, said), (304, None))

    def test_openai_models(self) -> None:
        """In OpenAI's shape."""
        pages = openai_pages()
        status, headers, said = self.ask(pages, "/v1/models")
        self.assertEqual((status, said["object"]), (200, "list"))
        self.assertEqual(set(said["data"][0]), {"id", "object", "created", "owned_by"})
        (etag,) = headers.getRawHeaders("etag")
        status, _, _ = self.ask(pages, "/v1/models", If_None_Match=etag)
        self.assertEqual(status, 304)

    def test_usage_is_what_the_frames_say(self) -> None:
        """One account, whoever asks."""
        pages = chatgpt_pages(lambda: NOW)
        limits = opening_frames("m", NOW, "req")[0]["rate_limits"]
        for path in ("/backend-api/wham/usage", "/backend-api/codex/usage"):
            with case(path=path):
                _, _, said = self.ask(pages, path)
                for name in ("primary", "secondary"):
                    window = said["rate_limit"][f"{name}_window"]
                    self.assertEqual(
                        window["used_percent"], limits[name]["used_percent"]
                    )
                    self.assertEqual(
                        window["limit_window_seconds"],
                        limits[name]["window_minutes"] * 60,
                    )
                    self.assertEqual(window["reset_at"], limits[name]["reset_at"])

    def test_who_has_no_token(self) -> None:
        """Gets a 401 on every page."""
        pages = chatgpt_pages(lambda: NOW, "other") | openai_pages("other")
        for path in pages:
            with case(path=path):
                status, _, said = self.ask(pages, path)
                self.assertEqual(status, 401)
                self.assertEqual(said["error"]["code"], "invalid_api_key")
                status, _, _ = self.ask(pages, path, Authorization="Bearer other")
                self.assertEqual(status, 200)
