"""An account that is asked, with an upstream that says what it is told to."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.account.asking import Asking
from chatmockd.account.state_folder import StateFolder
from chatmockd.errors import CredentialsMissing
from tests.answers import Answers
from tests.time_of_day import TimeOfDay

URL = "wss://chatgpt.test/backend-api/codex/responses"
SECRET = "sk-canary-51d0"


def token(**claims: Any) -> str:
    """An access token with these claims about the account."""
    said = {"https://api.openai.com/auth": claims}
    payload = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=")
    return f"e30.{payload.decode()}.{SECRET}"


class Login:
    """
    Credentials that can be taken away, and renewed.

    @ivar renewals: What there is to be had after a 401, one after the other.
    @ivar refused: What was said to have been refused.
    """

    def __init__(self, account: str = "acc-1", plan: str = "plus") -> None:
        self.account: str | None = account
        self.plan = plan
        self.renewals: list[str] = []
        self.refused: list[Mapping[str, str]] = []

    def given(self, more: str = "") -> dict[str, str]:
        """The headers, with a token that ends in C{more}."""
        assert self.account is not None
        bearer = token(chatgpt_plan_type=self.plan) + more
        return {"Authorization": f"Bearer {bearer}", "ChatGPT-Account-ID": self.account}

    async def headers(self) -> dict[str, str]:
        """See L{chatmockd.account.tokens.Credentials}."""
        if self.account is None:
            raise CredentialsMissing("Not signed in to ChatGPT.")
        return self.given()

    async def renewed(self, refused: Mapping[str, str]) -> dict[str, str] | None:
        """See L{chatmockd.account.tokens.Credentials}."""
        self.refused.append(refused)
        return self.given(self.renewals.pop(0)) if self.renewals else None


class AskedCase(TimeOfDay, SynchronousTestCase):
    """A folder, a clock, a log, an upstream and a login."""

    def setUp(self) -> None:
        temporary = TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.path = Path(temporary.name)
        self.folder = StateFolder(self.path)
        self.clock = Clock()
        self.clock.advance(1_790_000_000)
        self.outbound = Answers()
        self.login = Login()
        self.asking = Asking(self.outbound, self.login, URL)
        self.log: list[str] = []
        globalLogPublisher.addObserver(self._logged)
        self.addCleanup(globalLogPublisher.removeObserver, self._logged)

    def _logged(self, event: LogEvent) -> None:
        self.log.append(str(formatEvent(event)))

    def logged(self, words: str) -> int:
        """How many lines of the log have these words."""
        self.assertNotIn(SECRET, "\n".join(self.log))
        return sum(words in line for line in self.log)
