"""Pages at their paths."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import Request

from chatmockd.simulator.site import site_of
from tests.core.cases import case
from tests.simulator.pages import PagesCase


class Says(Resource):
    """A page with one word on it."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self._word = word

    def render_GET(self, request: Request) -> bytes:
        return self._word.encode()


class SiteTests(PagesCase):
    """Which path leads where."""

    def setUp(self) -> None:
        pages = {path: Says(path) for path in ("/a", "/a/b", "/c/d")}
        self.of_resource(site_of(pages, Clock()).resource)

    def test_each_at_its_own(self) -> None:
        """Also below one another."""
        for path in ("/a", "/a/b", "/c/d"):
            self.assertEqual(self.get(path).body, path.encode())

    def test_nothing_elsewhere(self) -> None:
        """Neither between nor beyond."""
        for path in ("/", "/c", "/a/x", "/a/b/c", "/nowhere/at/all"):
            with case(path=path):
                self.assertEqual(self.get(path).status, 404)
