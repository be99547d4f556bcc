"""A command that is run, on paper, with an upstream that says what it is told to."""

from __future__ import annotations

import io
import json
from collections.abc import Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.config import load
from chatmockd.settings import Settings
from tests.account.asked import SECRET, token
from tests.answers import Answers

USAGE = {
    "plan_type": "plus",
    "rate_limit": {
        "limit_reached": False,
        "primary_window": {
            "used_percent": 12,
            "limit_window_seconds": 18_000,
            "reset_after_seconds": 9000,
        },
        "secondary_window": {"used_percent": 96, "limit_window_seconds": 604_800},
    },
    "credits": {"has_credits": True, "unlimited": False, "balance": "5.39"},
}
MODELS = {
    "models": [
        {
            "slug": "gpt-9",
            "display_name": "GPT-9 [bold] :smile:",
            "visibility": "list",
            "context_window": 272_000,
            "supported_reasoning_levels": [{"effort": "low"}, {"effort": "high"}],
        },
        {"slug": "gpt-hidden", "visibility": "hide"},
    ]
}


class CommandCase(SynchronousTestCase):
    """A home, a login in it, and nothing else."""

    def setUp(self) -> None:
        temporary = TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.home = Path(temporary.name)
        self.clock = Clock()
        self.clock.advance(1_790_000_000)
        self.outbound = Answers()
        self.sets: list[str] = []
        self.sign_in()

    def sign_in(self) -> None:
        """Write a login that is good for some time."""
        bearer = token(chatgpt_plan_type="free", chatgpt_account_id="acc-1234567")
        file = self.home / ".codex" / "auth.json"
        file.parent.mkdir(exist_ok=True)
        tokens = {"access_token": bearer, "account_id": "acc-1234567"}
        login = {"tokens": tokens, "last_refresh": "2026-09-21T12:00:00Z"}
        file.write_text(json.dumps(login))

    def sign_out(self) -> None:
        """Take the login away."""
        (self.home / ".codex" / "auth.json").unlink()

    def settings(self) -> Settings:
        """As the command would load them."""
        return load(None, {}, self.sets)

    def run_command(
        self, command: Any, *, terminal: bool = False, **more: Any
    ) -> tuple[int, str]:
        """The exit status of a command, and what it printed."""
        paper = io.StringIO()
        console = Console(
            file=paper,
            force_terminal=terminal,
            width=60,
            color_system="standard" if terminal else None,
        )
        running: Coroutine[Any, Any, int] = command(
            self.clock, console, self.settings(), self.outbound, {}, self.home, **more
        )
        status = self.successResultOf(Deferred.fromCoroutine(running))
        printed = paper.getvalue()
        self.assertNotIn(SECRET, printed)
        return status, printed
