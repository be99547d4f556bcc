"""Models and status of a real daemon, as the C{openai} package reads them."""

from __future__ import annotations

import unittest
from typing import ClassVar

import openai

from chatmockd import __version__
from tests.end_to_end.client import Client
from tests.end_to_end.openai_sdk import client_of
from tests.end_to_end.place import Daemon, Place


class ModelsTests(unittest.TestCase):
    """With the simulated upstream."""

    daemon: ClassVar[Daemon]
    client: ClassVar[openai.OpenAI]

    @classmethod
    def setUpClass(cls) -> None:
        place = cls.enterClassContext(Place())
        cls.daemon = place.start(
            "upstream.profile=chatgpt", "models.expose_efforts=true"
        )
        cls.client = cls.enterClassContext(client_of(cls.daemon))

    def test_list(self) -> None:
        """models.list() pages through all of them, variants included."""
        names = [model.id for model in self.client.models.list()]
        self.assertIn("gpt-5.5", names)
        self.assertIn("gpt-5.5-high", names)

    def test_retrieve(self) -> None:
        """models.retrieve() finds each by its name."""
        for model in self.client.models.list():
            found = self.client.models.retrieve(model.id)
            self.assertEqual(found, model)
            self.assertEqual(found.object, "model")

    def test_retrieve_what_there_is_not(self) -> None:
        """A NotFoundError that names it."""
        with self.assertRaises(openai.NotFoundError) as raised:
            self.client.models.retrieve("org/no-such:model")
        self.assertEqual(raised.exception.code, "model_not_found")
        self.assertIn("org/no-such:model", str(raised.exception))

    def test_limits_and_usage(self) -> None:
        """A turn's headers tell what is left, and the status what was used."""
        answered = self.client.responses.with_raw_response.create(
            model="gpt-5.5", input="Count to 5."
        )
        self.assertEqual(answered.headers["x-ratelimit-remaining-requests"], "88")
        used = answered.parse().usage
        with Client(self.daemon.port) as client:
            status = client.ask("GET", "/v1/status").json()
        self.assertEqual(status["version"], __version__)
        self.assertTrue(status["account"]["signed_in"])
        self.assertEqual(status["account"]["plan"], "plus")
        self.assertEqual(status["limits"]["primary"]["used_percent"], 12)
        assert used is not None
        total = status["usage"]["by_model"]["gpt-5.5"]
        self.assertGreaterEqual(total["turns"], 1)
        self.assertGreaterEqual(total["output_tokens"], used.output_tokens)
        self.assertGreaterEqual(status["store"]["nodes"], 1)
