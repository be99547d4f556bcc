"""The page that the browser comes back to."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chatmockd.account.callback import PATH, Callback, CallbackSite
from chatmockd.account.sign_in import SignInFailed
from chatmockd.errors import ChatmockdError
from tests.account.home import SECRET
from tests.core.cases import case
from tests.simulator.pages import PagesCase


class CallbackTests(PagesCase):
    """Who is listened to, and what he is told."""

    def setUp(self) -> None:
        self.used: list[str] = []
        self.using: Deferred[None] = Deferred()
        self.page = Callback("s", self.use)
        self.of_resource(self.page)

    async def use(self, code: str) -> None:
        self.used.append(code)
        await self.using

    def test_a_code(self) -> None:
        """The browser hears how it went when that is known."""
        answer = self.begin("GET", f"{PATH}?code=c&state=s")
        self.assertNoResult(answer)
        self.assertNoResult(self.page.done)
        self.using.callback(None)
        self.flush()
        reply = self.successResultOf(answer)
        self.assertEqual(reply.status, 200)
        self.assertIn(b"You are signed in", reply.body)
        self.successResultOf(self.page.done)
        self.assertEqual(self.used, ["c"])

    def test_a_second_time(self) -> None:
        """Whether the first has come to an end or not."""
        first = self.begin("GET", f"{PATH}?code=c&state=s")
        self.assertEqual(self.get(PATH, code="c", state="s").status, 409)
        self.using.callback(None)
        self.flush()
        self.successResultOf(first)
        self.assertEqual(self.get(PATH, code="d", state="s").status, 409)
        self.assertEqual(self.used, ["c"])

    def test_not_ours(self) -> None:
        """Refused, and the waiting goes on."""
        for query in (
            {"code": "c"},
            {"code": "c", "state": ""},
            {"code": "c", "state": "S"},
            {"code": "c", "state": "é"},
            {"error": "access_denied", "state": "x"},
            {"state": "s"},
            {"state": "s", "code": ""},
        ):
            with case(query=query):
                self.assertEqual(self.get(PATH, **query).status, 400)
        for path in ("/", "/favicon.ico", f"{PATH}/x"):
            with case(path=path):
                self.assertEqual(self.get(path, code="c", state="s").status, 404)
        for method in ("POST", "HEAD", "PUT"):
            asking = self.begin(method, f"{PATH}?code=c&state=s")
            self.assertEqual(self.successResultOf(asking).status, 405)
        self.assertNoResult(self.page.done)
        self.assertEqual(self.used, [])

    def test_declined(self) -> None:
        """With the issuer's code for why, if that is one."""
        for error, shown in (
            ("access_denied", b"access_denied"),
            ("<script>", b"no reason given"),
        ):
            with case(error=error):
                self.page = Callback("s", self.use)
                self.of_resource(self.page)
                reply = self.get(PATH, error=error, state="s")
                self.assertEqual(reply.status, 400)
                self.assertIn(shown, reply.body)
                self.assertNotIn(b"<script>", reply.body)
                self.failureResultOf(self.page.done, SignInFailed)

    def test_the_code_is_not_good(self) -> None:
        """Both are told."""
        answer = self.begin("GET", f"{PATH}?code=c&state=s")
        self.using.errback(ChatmockdError("a <b> & c"))
        self.flush()
        reply = self.successResultOf(answer)
        self.assertEqual(reply.status, 400)
        self.assertIn(b"a &lt;b> &amp; c", reply.body)
        self.failureResultOf(self.page.done, ChatmockdError)

    def test_a_defect(self) -> None:
        """The browser is not shown it, and nobody waits for ever."""
        answer = self.begin("GET", f"{PATH}?code=c&state=s")
        self.using.errback(ZeroDivisionError(SECRET))
        self.flush()
        reply = self.successResultOf(answer)
        self.assertEqual(reply.status, 500)
        self.assertNotIn(SECRET.encode(), reply.body)
        self.failureResultOf(self.page.done, ZeroDivisionError)

    def test_a_site_without_connections(self) -> None:
        """There is nothing to wait for."""
        self.successResultOf(CallbackSite(self.page, Clock()).close())
