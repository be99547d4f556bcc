"""A site of the simulator's, asked in memory."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

HERE = "http://issuer.test"


class Reply:
    """One answer, whole."""

    def __init__(self, status: int, location: str | None, body: bytes) -> None:
        self.status, self.location, self.body = status, location, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class PagesCase(SynchronousTestCase):
    """A test case that asks pages."""

    def of_resource(self, resource: Resource) -> None:
        """Ask these pages from now on."""
        # Its methods are set at run time.
        self._treq: Any = StubTreq(resource)

    def begin(self, method: str, path: str, **more: Any) -> Deferred[Reply]:
        """Ask, and let everything happen that follows at once."""

        async def asking() -> Reply:
            response = await self._treq.request(
                method, f"{HERE}{path}", allow_redirects=False, **more
            )
            locations = response.headers.getRawHeaders("location")
            body = await response.content()
            return Reply(response.code, locations[0] if locations else None, body)

        begun = Deferred.fromCoroutine(asking())
        self._treq.flush()
        return begun

    def flush(self) -> None:
        """Let everything happen that there is to happen."""
        self._treq.flush()

    def get(self, path: str, **query: str) -> Reply:
        """What a GET comes to."""
        target = f"{path}?{urlencode(query)}" if query else path
        return self.successResultOf(self.begin("GET", target))

    def post(self, path: str, body: object) -> Reply:
        """What a POST of JSON comes to; bytes are sent as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        return self.successResultOf(
            self.begin("POST", path, data=data, headers=headers)
        )

    def post_form(self, path: str, **fields: str) -> Reply:
        """What a POST of a form comes to."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        data = urlencode(fields).encode()
        return self.successResultOf(
            self.begin("POST", path, data=data, headers=headers)
        )
