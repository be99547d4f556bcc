"""Requests with an C{Idempotency-Key} to a daemon that may die while it answers."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from tests.end_to_end.client import TIMEOUT

_BREAKS = (http.client.HTTPException, ConnectionError)


class Keyed:
    """
    One request over a connection of its own, and as much of its answer as arrives.

    @ivar status: None when not even that did.
    @ivar body: What has been read so far.
    @ivar whole: The answer has come to its proper end.
    """

    def __init__(self, port: int, body: Mapping[str, Any], key: str | None) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = b""
        self.whole = False
        self._answer: http.client.HTTPResponse | None = None
        self._connection = http.client.HTTPConnection("127.0.0.1", port, TIMEOUT)
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        self._connection.request(
            "POST", "/v1/responses", json.dumps(body).encode(), headers
        )

    def __enter__(self) -> Keyed:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._answer is not None:
            self._answer.close()
        self._connection.close()

    def read_some(self) -> bool:
        """Read what there is next; False when nothing will come any more."""
        try:
            if self._answer is None:
                self._answer = self._connection.getresponse()
                self.status = self._answer.status
                self.headers = {
                    name.lower(): value for name, value in self._answer.getheaders()
                }
                return True
            some = self._answer.read1(65_536)
        except _BREAKS:
            return False
        self.body += some
        if not some:
            # Of a body with a length, an early end is no error to http.client.
            self.whole = not self._answer.length
        return bool(some)

    def read(self) -> Keyed:
        """Read as much as there will be."""
        while self.read_some():
            pass
        return self

    @property
    def code(self) -> Any:
        """The code of the error that is the answer."""
        return json.loads(self.body)["error"]["code"]


def answer_to(port: int, body: Mapping[str, Any], key: str | None = None) -> Keyed:
    """Ask, read the answer as far as it comes, and hang up."""
    with Keyed(port, body, key) as asked:
        return asked.read()
