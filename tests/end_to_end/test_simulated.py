"""The simulated upstream as an operator has it: a URL, with everything below it."""

from __future__ import annotations

import json
from typing import Any

from tests.end_to_end.client import QUESTION, Client
from tests.end_to_end.place import Daemon, PlacedTests, wait_for

LISTED = ["gpt-5.5", "gpt-5.4", "gpt-5.4-mini"]
COUNTED = "1, 2, 3, 4, 5"


def asked(daemon: Daemon, method: str, path: str, body: object = None) -> Any:
    """The JSON of an answer, which has to be a good one."""
    content = b"" if body is None else json.dumps(body).encode()
    with Client(daemon.port) as client:
        said = client.ask(method, path, content).json()
        assert client.status == 200, said
        return said


class SimulatedTests(PlacedTests):
    """Every way there is to it."""

    def turns(self, daemon: Daemon) -> None:
        """A turn as JSON, as a stream, and in the words of another API."""
        with Client(daemon.port) as client:
            answer = client.post().json()
            self.assertEqual(client.status, 200, answer)
            self.assertIn(COUNTED, answer["output"][-1]["content"][0]["text"])
            streamed = client.stream("Count to 5.").until("response.completed")
            text = streamed["response"]["output"][-1]["content"][0]["text"]
            self.assertIn(COUNTED, text)
        messages = [{"role": "user", "content": "Count to 5."}]
        body = {"model": "gpt-5.5", "messages": messages}
        said = asked(daemon, "POST", "/v1/chat/completions", body)
        self.assertIn(COUNTED, said["choices"][0]["message"]["content"])

    def calls(self, daemon: Daemon) -> None:
        """What is no turn."""
        compacted = asked(daemon, "POST", "/v1/responses/compact", QUESTION)
        kinds = [item["type"] for item in compacted["output"]]
        self.assertEqual(kinds[-1], "compaction")
        with Client(daemon.port) as client:
            content = json.dumps(QUESTION).encode()
            said = client.ask("POST", "/v1/responses/input_tokens", content).json()
            if "profile chatgpt" in daemon.log:
                self.assertEqual(client.status, 400, said)
                self.assertEqual(said["error"]["code"], "unsupported_by_upstream")
            else:
                self.assertEqual(client.status, 200, said)
                self.assertGreater(said["input_tokens"], 0)

    def models(self, daemon: Daemon) -> None:
        """The simulated list is there as soon as it has been asked for."""

        def known() -> list[str]:
            listed = asked(daemon, "GET", "/v1/models")["data"]
            return [model["id"] for model in listed]

        wait_for("the simulated list", lambda: known() == LISTED)

    def test_the_chatgpt_backend(self) -> None:
        """Its list, its limits and its turns; there is nothing to warn of."""
        daemon = self.place.start("upstream.profile=chatgpt")
        self.models(daemon)
        self.turns(daemon)
        self.calls(daemon)
        status = asked(daemon, "GET", "/v1/status")
        self.assertEqual(status["limits"]["primary"]["used_percent"], 12)
        self.assertEqual(status["account"]["plan"], "plus")
        self.assertNotIn("#warn", daemon.log)
        self.assertNotIn("factory", daemon.log)

    def test_over_http(self) -> None:
        """No WebSocket at all, for either profile."""
        for profile in ("openai", "chatgpt"):
            with self.subTest(profile=profile):
                daemon = self.place.start(
                    f"upstream.profile={profile}", "upstream.transport=http"
                )
                self.turns(daemon)
                self.calls(daemon)
                self.assertNotIn("#warn", daemon.log)

    def test_one_that_wants_http(self) -> None:
        """It refuses upgrades with 426, which is said once; all the rest is there."""
        url = self.place.start_simulator("--faults", "refuse=426", "--bearer", "sk-k")
        daemon = self.place.start(
            "upstream.profile=openai",
            f"upstream.url={url}",
            "upstream.fallback=http",
            "models.sync=true",
            simulate=False,
            environ={"OPENAI_API_KEY": "sk-k"},
        )
        self.turns(daemon)
        self.calls(daemon)
        self.assertEqual(daemon.log.count("#warn"), 1, daemon.log)
        self.assertNotIn("sk-k", daemon.log)
