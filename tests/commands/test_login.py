"""C{login} and C{logout}, as far as they can be had without a browser."""

from __future__ import annotations

import io
import threading
import webbrowser
from typing import Any

from rich.console import Console
from twisted.internet.defer import CancelledError
from twisted.internet.testing import MemoryReactorClock

from chatmockd import __version__
from chatmockd.commands import login, logout
from chatmockd.settings import Account, Settings
from tests.account.home import ISSUER
from tests.account.simulated import SimulatedCase


class CommandCase(SimulatedCase):
    """A console that can be read."""

    def setUp(self) -> None:
        super().setUp()
        self.output = io.StringIO()
        account = Account(issuer=ISSUER, client_id="app_test")
        self.surroundings: tuple[Any, ...] = (
            Console(file=self.output),
            Settings(account=account),
            self.calls,
            {},
            self.home,
        )

    def begin_login(self, reactor: Any, **more: Any) -> Any:
        options = {"headless": False, "port": 1455, "open_browser": None}
        return self.begun(login.sign_in(reactor, *self.surroundings, **options | more))


class LoginTests(CommandCase):
    """What is shown, and to whom."""

    def test_headless(self) -> None:
        """A page, a code, and who it was."""
        asking = self.begin_login(self.clock, headless=True)
        output = self.output.getvalue()
        self.assertIn(f"\n{ISSUER}/codex/device\n", output)
        code = output.partition("Code: ")[2].strip()
        self.accounts.agree_to_device(code)
        self.wait(1)
        self.assertEqual(self.settle(asking), 0)
        output = self.output.getvalue()
        self.assertIn("Signed in as simulated@example.com (plan plus).\n", output)
        self.assertIn(f"The tokens are in {self.file}.\n", output)

    def test_the_browser(self) -> None:
        """It is opened when we listen, at the URL that is shown as well."""
        opened: list[str] = []
        reactor = MemoryReactorClock()
        asking = self.begin_login(reactor, open_browser=opened.append)
        self.assertEqual(len(reactor.tcpServers), 1)
        (url,) = opened
        self.assertIn(f"\n{url}\n", self.output.getvalue())
        self.assertIn(f"originator=chatmockd%2F{__version__}", url)
        asking.cancel()
        self.failureResultOf(asking, CancelledError)

    def test_no_screen(self) -> None:
        """Then no browser is opened: it would be one in this terminal."""
        opened: list[str] = []
        done = threading.Event()

        def note(url: str) -> None:
            opened.append(url)
            done.set()

        self.patch(webbrowser, "open", note)
        self.patch(login.sys, "platform", "linux")
        self.patch(login.os, "environ", {})
        login.open_in_browser("one")
        self.patch(login.os, "environ", {"DISPLAY": ":0"})
        login.open_in_browser("two")
        self.assertTrue(done.wait(20))
        self.assertEqual(opened, ["two"])


class LogoutTests(CommandCase):
    """What is said at the end."""

    def end(self) -> str:
        self.output.truncate(0)
        self.output.seek(0)
        ending = logout.end_login(self.clock, *self.surroundings)
        self.assertEqual(self.of(ending), 0)
        return self.output.getvalue()

    def test_nobody(self) -> None:
        """That is no failure."""
        self.assertEqual(self.end(), "Nobody is signed in.\n")

    def test_somebody(self) -> None:
        """Who it was, and where his tokens were; more when they stay good."""
        self.write_login(".codex", access_token="at", refresh_token="rt")
        output = self.end()
        self.assertIn("Signed out.\n", output)
        self.assertIn(str(self.home / ".codex" / "auth.json"), output)
        self.assertNotIn("revoked", output)
        self.write_login(".codex", access_token="at", refresh_token="rt")
        self.calls.broken = True
        self.assertIn("could not be revoked", self.end())
