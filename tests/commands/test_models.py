"""C{chatmockd models}."""

from __future__ import annotations

import json

from chatmockd.commands.models import models
from tests.commands.told import MODELS, CommandCase


class ModelsTests(CommandCase):
    """What is printed, and how it ends."""

    def test_the_accounts_models(self) -> None:
        """One a line, whole even where the paper is narrow; nothing hidden."""
        self.outbound.will(200, json.dumps(MODELS))
        self.assertEqual(
            self.run_command(models),
            (0, "gpt-9  low, high  272,000 tokens  GPT-9 [bold] :smile:\n"),
        )

    def test_no_answer(self) -> None:
        """The shipped list, and a status that says so; then the one that was kept."""
        status, printed = self.run_command(models)
        self.assertEqual(status, 75)
        self.assertIn("gpt-5.5", printed)
        self.assertIn("came with this version: connect: there is nobody", printed)
        self.outbound.will(200, json.dumps(MODELS))
        self.run_command(models)
        status, printed = self.run_command(models)
        self.assertEqual(status, 0)
        self.assertIn("gpt-9 ", printed)
        self.assertIn("the list that was kept", printed)

    def test_html(self) -> None:
        """Is no list."""
        self.outbound.will(200, "<html>\x1b[31m")
        status, printed = self.run_command(models)
        self.assertEqual(status, 75)
        self.assertIn("not JSON", printed)

    def test_not_signed_in(self) -> None:
        """Told with what there is all the same; nothing is asked."""
        self.sign_out()
        status, printed = self.run_command(models)
        self.assertEqual(status, 77)
        self.assertIn("gpt-5.5", printed)
        self.assertEqual(self.outbound.calls, [])

    def test_without_asking(self) -> None:
        """As configured."""
        self.sets = ["models.sync=false"]
        status, printed = self.run_command(models)
        self.assertEqual(status, 0)
        self.assertIn("gpt-5.5", printed)
        self.assertNotIn("This is", printed)
        self.assertEqual(self.outbound.calls, [])
