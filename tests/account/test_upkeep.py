"""What runs in the background, from start to stop."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from chatmockd.account.catalog import ModelCatalog
from chatmockd.account.limits import AccountLimits, read_limits
from chatmockd.account.upkeep import Upkeep
from tests.account.asked import URL, AskedCase


class UpkeepTests(AskedCase):
    """Both ends of it."""

    def test_start_and_stop(self) -> None:
        """The models are asked for at once; at the end nothing is lost or left."""
        limits = AccountLimits(self.clock, self.now, self.folder, URL)
        catalog = ModelCatalog(
            self.clock.seconds,
            self.now,
            self.asking,
            self.folder,
            "chatgpt",
            URL,
            sync=True,
            refresh_interval=3600,
            signed_in=limits.sees,
        )
        settled: Deferred[None] = Deferred()
        upkeep = Upkeep(catalog, limits, lambda: settled)
        answer = self.outbound.will_wait()
        upkeep.startService()
        self.assertEqual(len(self.outbound.calls), 1)
        assert limits.identity is not None
        limits.heard(self.login.given(), {"x-codex-primary-used-percent": "40"})
        stopped = upkeep.stopService()
        self.assertTrue(answer.called)
        self.assertIsNotNone(read_limits(self.folder, limits.identity))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        # Tokens that are on their way have to be saved.
        self.assertNoResult(stopped)
        settled.callback(None)
        self.successResultOf(stopped)
