"""C{chatmockd info}."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chatmockd.account.limits import AccountLimits
from chatmockd.account.state_folder import StateFolder
from chatmockd.commands.info import info
from chatmockd.core.usage import Usage
from chatmockd.store.sqlite import sqlite_store
from tests.commands.told import MODELS, USAGE, CommandCase
from tests.store.spinning import own_reactor, result_of


class InfoTests(CommandCase):
    """What is printed, and how it ends."""

    def info(self, *, as_json: bool = False, terminal: bool = False) -> tuple[int, str]:
        """Run it."""
        return self.run_command(info, as_json=as_json, terminal=terminal)

    def as_json(self) -> tuple[int, Any]:
        """Run it for a program."""
        status, printed = self.info(as_json=True)
        return status, json.loads(printed)

    def answer(self) -> None:
        """Have the upstream tell all of it."""
        self.outbound.will(200, json.dumps(USAGE))
        self.outbound.will(200, json.dumps(MODELS))

    def use(self) -> Path:
        """Have the daemon's store know of a turn today."""
        path = self.home / ".local/state/chatmockd/chatmockd.sqlite"
        store = sqlite_store(own_reactor(), path)
        usage = Usage(3, 12_345, 4, 7, 5)
        now = self.clock.seconds()
        result_of(store.add_usage("default", "gpt-9", now, usage))
        result_of(store.close())
        return path

    def test_piped(self) -> None:
        """Plain text, without colours, boxes or broken lines."""
        self.answer()
        self.use()
        status, printed = self.info()
        self.assertEqual(status, 0)
        self.assertTrue(printed.isascii(), printed)
        self.assertNotIn("\x1b", printed)
        lines = printed.splitlines()
        self.assertIn("Plan      plus", lines)
        self.assertIn("Id        acc-1234567", lines)
        self.assertIn("Limits    as the upstream said now", lines)
        (short,) = [line for line in lines if "5 hours" in line]
        self.assertIn("[####--------------------------]  12.0 % used", short)
        self.assertIn("resets in 2h30m0s (2026-09-", short)
        (week,) = [line for line in lines if "1 week" in line]
        self.assertIn(" 96.0 % used", week)
        self.assertIn("  credits: 5.39", lines)
        self.assertIn("3 turns; tokens: 12,345 in (4 cached)", printed)
        self.assertIn("Models    gpt-9", lines)

    def test_on_a_terminal(self) -> None:
        """With bars, red where little is left."""
        self.answer()
        _, printed = self.info(terminal=True)
        self.assertIn("\x1b[32m", printed)
        self.assertIn("█", printed)
        (week,) = [line for line in printed.splitlines() if "1 week" in line]
        self.assertIn("\x1b[31m", week)

    def test_a_key_in_the_query_of_the_upstream(self) -> None:
        """It is not shown: people paste this where others read it."""
        self.sets.append("upstream.url=wss://gate.test/v1/responses?key=canary")
        for as_json in (False, True):
            self.answer()
            _, printed = self.info(as_json=as_json)
            self.assertIn("wss://gate.test/v1/responses", printed)
            self.assertNotIn("canary", printed)

    def test_json(self) -> None:
        """All of it, for programs."""
        self.answer()
        self.use()
        status, said = self.as_json()
        self.assertEqual(status, 0)
        self.assertTrue(said["signed_in"])
        self.assertTrue(said["live"])
        self.assertEqual((said["plan"], said["account"]), ("plus", "acc-1234567"))
        self.assertEqual(said["limits"]["primary"]["used_percent"], 12)
        self.assertEqual(said["limits"]["secondary"]["window_minutes"], 10_080)
        self.assertEqual(said["models"], ["gpt-9"])
        self.assertEqual(said["usage"]["today"]["turns"], 3)
        self.assertIsNone(said["problem"])

    def test_where_it_is_asked(self) -> None:
        """At one place, and at the other where the first does not exist."""
        self.outbound.will(404)
        self.answer()
        status, _ = self.info()
        self.assertEqual(status, 0)
        self.assertEqual(
            [call.url.partition("?")[0] for call in self.outbound.calls],
            [
                "https://chatgpt.com/backend-api/wham/usage",
                "https://chatgpt.com/backend-api/codex/usage",
                "https://chatgpt.com/backend-api/codex/models",
            ],
        )

    def test_no_answer_and_nothing_kept(self) -> None:
        """What is known anyway, and a status for scripts."""
        status, printed = self.info()
        self.assertEqual(status, 75)
        self.assertIn("Plan      free", printed)
        self.assertIn("none known yet", printed)
        self.assertIn("there is nobody", printed)

    def test_no_answer_but_something_kept(self) -> None:
        """With its age."""
        self.keep()
        self.clock.advance(600)
        status, said = self.as_json()
        self.assertEqual((status, said["live"]), (0, False))
        self.assertEqual(said["limits"]["age_s"], 600)
        _, printed = self.info()
        self.assertIn("as the upstream said 10m0s ago", printed)

    def keep(self) -> None:
        """Have limits kept, as the daemon does."""
        settings = self.settings()
        folder = StateFolder.beside(settings.store.path, self.home)
        limits = AccountLimits(
            self.clock, self.clock.seconds, folder, settings.upstream_url
        )
        headers = {"ChatGPT-Account-ID": "acc-1234567"}
        limits.heard(headers, {"x-codex-primary-used-percent": "40"})
        limits.write()

    def test_nonsense(self) -> None:
        """What is no usage page says nothing."""
        for body in ("<html>Just a moment...</html>", "{}", "[]", '{"rate_limit": 7}'):
            self.outbound.will(200, body)
            self.outbound.will(200, body)
            status, said = self.as_json()
            self.assertEqual((status, said["limits"]), (75, None))
            self.assertIn("says nothing about limits", said["problem"])

    def test_not_signed_in(self) -> None:
        """Told at once."""
        self.sign_out()
        status, printed = self.info()
        self.assertEqual(status, 77)
        self.assertIn("Not signed in.", printed)
        status, said = self.as_json()
        self.assertEqual((status, said["signed_in"]), (77, False))
        self.assertEqual(self.outbound.calls, [])

    def test_an_api_key(self) -> None:
        """Has no plan and no page of limits; its daemon may have heard of some."""
        key = self.home / "key"
        key.write_text("sk-1")
        self.sets = ["upstream.profile=openai", f"upstream.api_key_file={key}"]
        self.outbound.will(200, '{"data": [{"id": "gpt-5"}]}')
        status, said = self.as_json()
        self.assertEqual((status, said["problem"]), (0, None))
        self.assertEqual((said["account"], said["models"]), (None, ["gpt-5"]))
        self.assertEqual(len(self.outbound.calls), 1)
