"""C{etc/chatmockd.toml}: every key, with its default and its meaning."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.config import load
from chatmockd.settings import Settings
from tests.core.cases import case

EXAMPLE = Path(__file__).parent.parent / "etc" / "chatmockd.toml"


class ExampleTests(SynchronousTestCase):
    """C{etc/chatmockd.toml} shows every key, with its default and its meaning."""

    def test_keys_and_defaults(self) -> None:
        """Nothing is missing, nothing is extra, and no default is another."""
        shown: dict[str, Any] = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
        defaults = msgspec.to_builtins(Settings())
        self.assertEqual(list(shown), list(defaults))
        for section in defaults:
            with case(section=section):
                self.assertEqual(shown[section], defaults[section])

    def test_it_starts_the_daemon_as_it_is(self) -> None:
        """With it, everything is as without it."""
        self.assertEqual(load(EXAMPLE, {}), Settings())

    def test_every_key_is_explained(self) -> None:
        """In a comment above it, or beside it."""
        previous = ""
        for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
            if re.match(r"\w+\s*=", line):
                value = line.partition("=")[2]
                beside = re.sub(r'"[^"]*"', "", value).partition("#")[2]
                with case(line=line):
                    self.assertTrue(previous.startswith("#") or beside.strip())
            previous = line.strip()
