"""The simulator's pages over HTTP: whatever stands at which path, as one site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import Site


def site_of(pages: Mapping[str, Resource], clock: Any) -> Site:
    """
    A site with these pages, and 404 everywhere else.

    @param pages: By path: C{/oauth/token}. One may stand below another.
    @param clock: Runs its timers.
    """
    root = _Place()
    for path, page in pages.items():
        place = root
        for name in path.strip("/").encode().split(b"/"):
            place = place.below(name)
        place.page = page
    site = _QuietSite(root, reactor=clock)
    site.displayTracebacks = False
    return site


class _QuietSite(Site):
    """One that leaves the log to the daemon beside it."""

    noisy = False

    def log(self, request: Any) -> None:
        """Nobody is interested."""


class _Place(Resource):
    """One step of a path, at which there may be a page."""

    page: Resource | None = None

    def below(self, name: bytes) -> _Place:
        place = self.children.get(name)
        if place is None:
            place = _Place()
            self.putChild(name, place)
        assert isinstance(place, _Place)
        return place

    def render(self, request: Any) -> Any:
        if self.page is None:
            request.setResponseCode(404)
            request.setHeader("content-type", "text/plain")
            return b"There is no such page.\n"
        return self.page.render(request)

    def getChild(self, path: bytes, request: Any) -> Resource:
        return _Place()
