"""
The Node clients C{openai} and C{ai}, against the daemon and its simulator.

What they do is in C{node/}, in the language of those who use them. Their packages are
installed beside it, once, from the lock file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import unittest
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

from tests.end_to_end.lasting import lasting, store_of
from tests.end_to_end.place import Daemon, Place

HERE = Path(__file__).with_name("node")
_INSTALLED = HERE / "node_modules" / ".installed"

_WAY = re.compile(r"\b(new|rebuilt|recognised|follow-up), connection (\d+)")


def _install() -> None:
    """Install what the lock file says, unless it is there."""
    digest = sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    if _INSTALLED.exists() and _INSTALLED.read_text() == digest:
        return
    # As the user would: with his proxies, and wherever his packages come from.
    ended = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=HERE,
        env={**os.environ, "NO_UPDATE_NOTIFIER": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if ended.returncode != 0:
        raise AssertionError(f"npm ci: {ended.stdout}{ended.stderr}")
    _INSTALLED.write_text(digest)


@unittest.skipUnless(
    shutil.which("node") and shutil.which("npm"),
    "there is no node, or no npm, to run the Node clients with",
)
class NodeClientTests(unittest.TestCase):
    """Upstream is api.openai.com."""

    profile: ClassVar[str] = "openai"
    place: ClassVar[Place]
    daemon: ClassVar[Daemon]

    @classmethod
    def setUpClass(cls) -> None:
        _install()
        cls.place = cls.enterClassContext(Place())
        cls.daemon = cls.place.start(
            *lasting(store_of(cls.place)), f"upstream.profile={cls.profile}"
        )

    def run_tests(self, name: str) -> None:
        """Run the tests in a file, and look at what carried their conversations."""
        told = self.place.write(f"{name}.conversations", "")
        ended = self.place.run(
            "node",
            "--test-reporter=tap",
            str(HERE / name),
            environ={
                "BASE_URL": self.daemon.base_url,
                "CONVERSATIONS": str(told),
            },
        )
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        passed = re.search(r"^# pass (\d+)$", ended.stdout, re.MULTILINE)
        assert passed is not None and int(passed[1]) > 0, ended.stdout
        conversations = told.read_text().splitlines()
        self.assertGreater(len(conversations), 0)
        for line in conversations:
            conversation = json.loads(line)
            self.assert_one_connection(conversation["way"], conversation["requests"])

    def assert_one_connection(self, way: str, requests: list[str]) -> None:
        """All of them but the first went after it, over its connection."""
        lines = [self.daemon.log_line(request) for request in requests]
        self.assertGreater(len(lines), 1)
        ways = [_WAY.search(line) for line in lines]
        found = [None if match is None else match.groups() for match in ways]
        assert found[0] is not None, lines
        connection = found[0][1]
        later = [(way, connection)] * (len(found) - 1)
        self.assertEqual(found, [("new", connection), *later], lines)

    def test_openai(self) -> None:
        """The official client: both APIs, its helpers, and its errors."""
        self.run_tests("openai.mjs")

    def test_ai_sdk(self) -> None:
        """The AI SDK with its OpenAI provider, over both APIs."""
        self.run_tests("ai.mjs")


class ChatGptNodeClientTests(NodeClientTests):
    """Upstream is the ChatGPT plan's backend, which tells its reasoning."""

    profile = "chatgpt"
