"""Models by their names, with and without an effort behind them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.model import Model, find_model, in_order
from chatmockd.core.shipped import SHIPPED
from tests.core.cases import case

MODELS = (
    Model("gpt-5", efforts=("low", "high")),
    Model("gpt-5-low"),
    Model("org/gpt:x", efforts=("max",)),
)


class ModelTests(SynchronousTestCase):
    """What people and requests call them."""

    def test_found_by_name_or_with_an_effort(self) -> None:
        """Behind any of the three separators, if the model knows it."""
        for name, expected in (
            ("gpt-5", "gpt-5"),
            ("gpt-5-high", "gpt-5"),
            ("gpt-5_high", "gpt-5"),
            ("gpt-5:low", "gpt-5"),
            ("org/gpt:x:max", "org/gpt:x"),
            # A model of that very name comes before a variant.
            ("gpt-5-low", "gpt-5-low"),
            ("gpt-5-max", None),
            ("gpt-5.high", None),
            ("gpt-5-", None),
            ("GPT-5", None),
            ("", None),
        ):
            with case(name=name):
                found = find_model(MODELS, name)
                self.assertEqual(found and found.name, expected)

    def test_names_with_efforts(self) -> None:
        """The plain one comes first."""
        model = MODELS[0]
        self.assertEqual(list(model.names(with_efforts=False)), ["gpt-5"])
        self.assertEqual(
            list(model.names(with_efforts=True)), ["gpt-5", "gpt-5-low", "gpt-5-high"]
        )

    def test_efforts_are_put_in_order(self) -> None:
        """Weakest first, each once, strange ones behind."""
        self.assertEqual(
            in_order(["high", "odd", "none", "high", "low"]),
            ("none", "low", "high", "odd"),
        )

    def test_what_is_shipped_is_in_order(self) -> None:
        """Every model once, and its efforts as lists have them."""
        names = [model.name for model in SHIPPED]
        self.assertEqual(len(names), len(set(names)))
        for model in SHIPPED:
            self.assertEqual(model.efforts, in_order(model.efforts))
