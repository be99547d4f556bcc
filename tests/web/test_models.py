"""C{GET /v1/models}, as the SDKs read it."""

from __future__ import annotations

import json

from tests.bridge import Bridge
from tests.core.cases import case

LIST = json.dumps(
    {
        "models": [
            {
                "slug": "gpt-9",
                "visibility": "list",
                "priority": 1,
                "supported_reasoning_levels": [{"effort": "low"}, {"effort": "high"}],
            },
            {"slug": "org/gpt:9", "visibility": "list", "priority": 2},
            {"slug": "hidden", "visibility": "hide", "priority": 3},
        ]
    }
)


class ModelsTests(Bridge):
    """With an upstream that lists three."""

    def names(self) -> list[str]:
        """What is listed now."""
        answer = self.ask("GET", "/v1/models")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(answer.json["object"], "list")
        return [model["id"] for model in answer.json["data"]]

    def know(self) -> None:
        """Have the list asked for."""
        self.outbound.will(200, LIST)
        self.names()

    def test_at_once_what_is_shipped_then_what_is_true(self) -> None:
        """The upstream may take as long as it likes."""
        waiting = self.outbound.will_wait()
        self.assertIn("gpt-5.5", self.names())
        waiting.cancel()
        self.wait(60)
        self.outbound.will(200, LIST)
        self.names()
        self.assertEqual(self.names(), ["gpt-9", "org/gpt:9"])
        self.assertEqual(
            self.outbound.calls[0].url.partition("?")[0],
            "http://upstream.test/v1/models",
        )

    def test_shape(self) -> None:
        """What OpenAI's own has, and nothing else."""
        self.know()
        answer = self.ask("GET", "/v1/models")
        expected = {
            "id": "gpt-9",
            "object": "model",
            "created": 0,
            "owned_by": "openai",
        }
        self.assertEqual(answer.json["data"][0], expected)
        self.assertEqual(self.ask("GET", "/v1/models/gpt-9").json, expected)

    def test_any_name_can_be_asked_for(self) -> None:
        """With slashes and colons, quoted or not; hidden ones, and with efforts."""
        self.know()
        for path, name in (
            ("org/gpt:9", "org/gpt:9"),
            ("org%2Fgpt%3A9", "org/gpt:9"),
            ("hidden", "hidden"),
            ("gpt-9-high", "gpt-9-high"),
            ("gpt-9:low", "gpt-9:low"),
        ):
            with case(path=path):
                answer = self.ask("GET", f"/v1/models/{path}")
                self.assertEqual(answer.status, 200, answer.body)
                self.assertEqual(answer.json["id"], name)

    def test_what_there_is_not(self) -> None:
        """A 404 that names it, and no more of it than can be read."""
        self.know()
        for path, shown in (
            ("gpt-0", "'gpt-0'"),
            ("gpt-9-max", "'gpt-9-max'"),
            ("a/b:c", "'a/b:c'"),
            ("a%01b", "\\x01"),
            ("x" * 5000, "x" * 500),
            ("%F0%9F%98%80", "😀"),
        ):
            with case(path=path[:20]):
                answer = self.ask("GET", f"/v1/models/{path}")
                self.assert_error(answer, 404, "model_not_found")
                self.assertIn(shown, answer.error["message"])
                self.assertLess(len(answer.error["message"]), 700)
                self.assertEqual(answer.error["param"], "model")
        self.assert_error(self.ask("GET", "/v1/models/"), 404, "not_found")
        self.assert_error(self.ask("GET", "/v1/models/%FF"), 400, None)

    def test_efforts_can_be_listed(self) -> None:
        """For clients in which only a model can be chosen."""
        self.configure(models__expose_efforts="true")
        self.know()
        self.assertEqual(
            self.names(), ["gpt-9", "gpt-9-low", "gpt-9-high", "org/gpt:9"]
        )

    def test_nobody_writes_them(self) -> None:
        """Other methods are told so."""
        for path in ("/v1/models", "/v1/models/gpt-9"):
            answer = self.ask("POST", path, {"Content-Type": "application/json"}, b"{}")
            self.assert_error(answer, 405, "method_not_allowed")
