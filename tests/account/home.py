"""A home with logins in it, and an issuer that a test plays by hand."""

from __future__ import annotations

import base64
import json
from collections.abc import Coroutine, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.account.chatgpt import ChatGptLogin
from chatmockd.account.issuer import Issuer
from chatmockd.account.tokens import Credentials
from chatmockd.errors import CredentialsMissing
from chatmockd.outbound import Answered, Unreachable
from tests.time_of_day import TimeOfDay

SECRET = "sk-canary-51d0"
CLAIM = "https://api.openai.com/auth"
ISSUER = "https://issuer.test"
NOW = 1_800_000_000.0

# What would begin a new header line, or is no part of any credential.
INJECTIONS = (
    f"{SECRET}\r\nEvil: 1",
    f"{SECRET}\nx",
    f"{SECRET}\r",
    f"{SECRET}\x00x",
    f"{SECRET} x",
    f"{SECRET}\tx",
    f"{SECRET}é",
    f"{SECRET}\x7f",
    f"{SECRET}\u2028x",
)

_T = TypeVar("_T")


def jwt(claims: Any) -> str:
    """A token with these claims, and no signature to speak of."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
    return f"e30.{payload.decode()}.c2ln"


def expiring(seconds: float, name: str = "") -> str:
    """An access token that is good for so long from now on."""
    return jwt({"exp": int(NOW + seconds), "jti": name})


class Call:
    """One call to the issuer, which waits for its answer."""

    def __init__(self, method: str, url: str, kind: str, body: bytes) -> None:
        self.method, self.url, self.kind, self._body = method, url, kind, body
        self.answered: Deferred[Answered] = Deferred()

    @property
    def json(self) -> Any:
        return json.loads(self._body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self._body.decode()))

    def answer(self, body: object, status: int = 200) -> None:
        """With JSON, or with bytes as they are."""
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answered.callback(Answered(status, {}, text))

    def fail(self, why: str = "connect: refused") -> None:
        """There is no answer."""
        self.answered.errback(Unreachable(why))


class FakeOutbound:
    """
    Whom the calls go to: nobody but the test.

    @ivar calls: Those which were made, in order.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 30,
    ) -> Answered:
        call = Call(method, url, (headers or {}).get("Content-Type", ""), body or b"")
        self.calls.append(call)
        return await call.answered


class CredentialsCase(TimeOfDay, SynchronousTestCase):
    """A home of its own, a clock, and an issuer."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)
        self.clock = Clock()
        self.clock.advance(NOW)
        self.outbound = FakeOutbound()
        self.issuer = Issuer(f"{ISSUER}/", "app_test", self.outbound)

    def write_login(self, folder: str = ".codex", **tokens: Any) -> Path:
        """An C{auth.json} with these tokens."""
        return self.write_text(folder, json.dumps({"tokens": tokens}))

    def write_text(self, folder: str, text: str | bytes) -> Path:
        """An C{auth.json} with this in it."""
        file = self.home / folder / "auth.json"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def login(self, **environ: str) -> ChatGptLogin:
        """The login of somebody who lives there."""
        return ChatGptLogin(environ, self.home, self.clock, self.now, self.issuer)

    @property
    def call(self) -> Call:
        """The one call to the issuer."""
        self.assert_one_call()
        return self.outbound.calls[0]

    def assert_one_call(self) -> None:
        """The issuer was asked once in all."""
        self.assertEqual(len(self.outbound.calls), 1)

    def begun(self, asking: Coroutine[Any, Any, _T]) -> Deferred[_T]:
        """Let it run as far as it goes."""
        return Deferred.fromCoroutine(asking)

    def of(self, asking: Coroutine[Any, Any, _T]) -> _T:
        """What it comes to, at once."""
        return self.successResultOf(self.begun(asking))

    def bearer_of(self, credentials: Credentials) -> str:
        """The token that it signs in with, at once."""
        value = self.of(credentials.headers())["Authorization"]
        return value.removeprefix("Bearer ")

    def complaint(self, credentials: Credentials) -> str:
        """What is said about credentials that are of no use: a 401, and no secret."""
        failed = self.begun(credentials.headers())
        error = self.failureResultOf(failed, CredentialsMissing).value
        assert isinstance(error, CredentialsMissing)
        self.assertEqual(error.status, 401)
        for rendering in (str(error), repr(error), error.as_json().decode()):
            self.assertNotIn(SECRET, rendering)
        self.assertIsNone(error.__cause__)
        self.assertTrue(error.__suppress_context__ or error.__context__ is None)
        return str(error)
