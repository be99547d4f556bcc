"""The models as Ollama lists and shows them."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.ollama_error import ModelNotFound
from chatmockd.core.dialect.ollama_models import (
    OLLAMA_VERSION,
    find,
    running_json,
    show_json,
    tags_json,
    version_json,
)
from chatmockd.core.model import Model
from chatmockd.core.shipped import SHIPPED
from tests.core.cases import case

BIG = Model("gpt-5.5", "GPT-5.5", efforts=("low", "high"), context_window=272_000)
SMALL = Model("gpt-5.5-mini")
HIDDEN = Model("gpt-hidden", listed=False)
MODELS = (BIG, SMALL, HIDDEN)
SINCE = "2026-01-02T03:04:05.000000Z"
DETAILS = {
    "parent_model": "",
    "format": "",
    "family": "gpt",
    "families": ["gpt"],
    "parameter_size": "",
    "quantization_level": "",
}


class FindTests(SynchronousTestCase):
    """A name, with all that may hang on it."""

    def test_known(self) -> None:
        """Tags and efforts are no part of it."""
        for name, model in (
            ("gpt-5.5", BIG),
            (" gpt-5.5 ", BIG),
            ("gpt-5.5:latest", BIG),
            ("gpt-5.5-high", BIG),
            ("gpt-5.5_high", BIG),
            ("gpt-5.5:low:latest", BIG),
            ("gpt-5.5-mini:latest", SMALL),
            ("gpt-hidden", HIDDEN),
        ):
            with case(name=name):
                self.assertIs(find(MODELS, name), model)

    def test_unknown(self) -> None:
        """Nothing is guessed."""
        for name in ("gpt-5", "gpt-5.5:8b", "gpt-5.5-highest", "high", "GPT-5.5"):
            with case(name=name), self.assertRaises(ModelNotFound):
                find(MODELS, name)


class JsonTests(SynchronousTestCase):
    """What clients read."""

    def test_tags(self) -> None:
        """Those that are offered, each with a digest of its own."""
        models = json.loads(tags_json(MODELS, SINCE, with_efforts=False))["models"]
        self.assertEqual([model["name"] for model in models], [BIG.name, SMALL.name])
        self.assertNotEqual(models[0]["digest"], models[1]["digest"])
        self.assertEqual(len(models[0].pop("digest")), 64)
        self.assertEqual(
            models[0],
            {
                "name": "gpt-5.5",
                "model": "gpt-5.5",
                "modified_at": SINCE,
                "size": 0,
                "details": DETAILS,
            },
        )

    def test_tags_with_efforts(self) -> None:
        """Each name can be asked for."""
        listed = json.loads(tags_json(MODELS, SINCE, with_efforts=True))["models"]
        names = [model["name"] for model in listed]
        self.assertEqual(
            names, ["gpt-5.5", "gpt-5.5-low", "gpt-5.5-high", "gpt-5.5-mini"]
        )
        self.assertEqual(len({model["digest"] for model in listed}), 4)
        for name in names:
            find(MODELS, name)

    def test_show(self) -> None:
        """What is not known is not said, but for what apps cannot do without."""
        self.assertEqual(
            json.loads(show_json(BIG, SINCE)),
            {
                "modelfile": "FROM gpt-5.5\n",
                "parameters": "",
                "template": "",
                "details": DETAILS,
                "model_info": {
                    "general.architecture": "gpt",
                    "general.basename": "GPT-5.5",
                    "gpt.context_length": 272_000,
                },
                "capabilities": ["completion", "tools", "vision", "thinking"],
                "modified_at": SINCE,
            },
        )
        shown = json.loads(show_json(SMALL, SINCE))
        self.assertNotIn("thinking", shown["capabilities"])
        self.assertEqual(
            shown["model_info"],
            {
                "general.architecture": "gpt",
                "general.basename": "gpt-5.5-mini",
                "gpt.context_length": 128_000,
            },
        )

    def test_the_rest(self) -> None:
        """A version that VS Code takes, and no models in memory."""
        self.assertEqual(json.loads(version_json()), {"version": OLLAMA_VERSION})
        version = tuple(map(int, OLLAMA_VERSION.split(".")))
        self.assertTrue((0, 12, 10) <= version < (0, 14))
        self.assertEqual(json.loads(running_json()), {"models": []})

    def test_shipped_models(self) -> None:
        """They can be found by their names, and shown."""
        for model in SHIPPED:
            self.assertIs(find(SHIPPED, model.name), model)
            self.assertEqual(json.loads(show_json(model, SINCE))["details"], DETAILS)
