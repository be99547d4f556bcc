"""An issuer in memory: the simulator's pages, asked by our own calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from treq.testing import StubTreq
from twisted.internet.defer import Deferred

from chatmockd.account.issuer import Issuer
from chatmockd.outbound import Answered, Unreachable
from chatmockd.simulator.account_pages import account_pages
from chatmockd.simulator.accounts import Accounts
from chatmockd.simulator.site import site_of
from tests.account.home import ISSUER, CredentialsCase


class PagesOutbound:
    """
    Calls that the pages answer at once.

    @ivar broken: Whether there is no way to them just now.
    @ivar statuses: What they answered with.
    """

    def __init__(self, resource: Any) -> None:
        self._treq: Any = StubTreq(resource)
        self.broken = False
        self.statuses: list[int] = []

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 30,
    ) -> Answered:
        if self.broken:
            raise Unreachable("connect: refused")
        asking = self._treq.request(method, url, headers=dict(headers or {}), data=body)
        self._treq.flush()
        response = await asking
        self.statuses.append(response.code)
        return Answered(
            response.code,
            {
                name.decode().lower(): values[-1].decode()
                for name, values in response.headers.getAllRawHeaders()
            },
            await response.content(),
        )


class SimulatedCase(CredentialsCase):
    """A home, and a simulated issuer."""

    def setUp(self) -> None:
        super().setUp()
        self.accounts = Accounts(
            self.clock.seconds, callback=f"{ISSUER}/deviceauth/callback"
        )
        site = site_of(account_pages(self.accounts), self.clock)
        self.calls = PagesOutbound(site.resource)
        self.issuer = Issuer(ISSUER, "app_test", self.calls)
        self.file = self.home / ".chatgpt-local" / "auth.json"
        self.shown: list[str] = []

    def show(self, *words: str) -> None:
        self.shown += words

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.clock.pump([1] * seconds)

    def settle(self, asking: Deferred[Any]) -> Any:
        """What it has come to."""
        return self.successResultOf(asking)
