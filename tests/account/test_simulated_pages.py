"""What the simulator plays, read by what asks the real ones."""

from __future__ import annotations

import msgspec
from twisted.internet.defer import Deferred

from chatmockd.account.asking import Asking
from chatmockd.account.catalog import ModelCatalog
from chatmockd.account.usage_page import ask_limits
from chatmockd.core.limits import from_frame
from chatmockd.simulator.codex import opening_frames
from chatmockd.simulator.model_pages import chatgpt_pages, openai_pages
from chatmockd.simulator.site import site_of
from tests.account.asked import AskedCase
from tests.account.simulated import PagesOutbound
from tests.core.cases import case


class SimulatedPagesTests(AskedCase):
    """Both profiles."""

    def test_models(self) -> None:
        """The same three are offered, and asked for again they have not changed."""
        now = self.clock.seconds
        for profile, url, pages in (
            ("openai", "ws://h/v1/responses", openai_pages()),
            ("chatgpt", "ws://h/backend-api/codex/responses", chatgpt_pages(now)),
        ):
            with case(profile=profile):
                browser = PagesOutbound(site_of(pages, self.clock).resource)
                catalog = ModelCatalog(
                    now,
                    now,
                    Asking(browser, self.login, url),
                    self.folder,
                    profile,
                    url,
                    sync=True,
                    refresh_interval=60,
                )
                catalog.models()
                listed = [m.name for m in catalog.models() if m.listed]
                self.assertEqual(listed, ["gpt-5.5", "gpt-5.4", "gpt-5.4-mini"])
                self.clock.advance(60)
                catalog.models()
                self.assertEqual(browser.statuses, [200, 304])
                self.assertEqual((catalog.source, catalog.age), ("upstream", 0))

    def test_limits(self) -> None:
        """The usage page and the frames come to the same."""
        now = self.clock.seconds()
        url = "ws://h/backend-api/codex/responses"
        site = site_of(chatgpt_pages(lambda: now), self.clock)
        asking = Asking(PagesOutbound(site.resource), self.login, url)
        asked = Deferred.fromCoroutine(ask_limits(asking, url, now))
        identity, limits = self.successResultOf(asked)
        frame = opening_frames("gpt-5.5", int(now), "req_1")[0]
        self.assertEqual(identity.account, "acc-1")
        self.assertEqual(limits, from_frame(msgspec.json.encode(frame), now))
