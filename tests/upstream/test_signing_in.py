"""Which credentials an upgrade carries, and what becomes of a 401."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred

from chatmockd.errors import CredentialsMissing, ShuttingDown
from tests.bridge import Bridge, completed, created


class Renewable:
    """
    Credentials that a test renews by hand.

    @ivar refused: The headers that the upstream did not accept, in order.
    """

    def __init__(self) -> None:
        self.token = "at-1"
        self.refused: list[Mapping[str, str]] = []
        self.asked: list[Deferred[None]] = []
        self.takes_time = False
        self.next: str | Exception | None = "at-2"

    async def headers(self) -> dict[str, str]:
        if self.takes_time:
            self.asked.append(Deferred())
            await self.asked[-1]
        return {"Authorization": f"Bearer {self.token}"}

    async def renewed(self, refused: Mapping[str, str]) -> dict[str, str] | None:
        self.refused.append(refused)
        if isinstance(self.next, Exception):
            raise self.next
        if self.next is None:
            return None
        self.token = self.next
        return await self.headers()


class SigningInTests(Bridge):
    """One turn, and the credentials that it needs."""

    def setUp(self) -> None:
        super().setUp()
        self.credentials = Renewable()
        self.configure(self.credentials, upstream__profile="openai")

    def end(self, response_id: str = "resp_1") -> None:
        self.socket.say(created(response_id), completed(response_id))

    def test_a_refused_token_is_renewed_once(self) -> None:
        """The client sees nothing of it."""
        self.refusals.append(401)
        answer = self.post()
        self.end()
        self.assertEqual(answer.status, 200)
        bearers = [s.upgrade_headers["authorization"] for s in self.sockets]
        self.assertEqual(bearers, ["Bearer at-1", "Bearer at-2"])
        self.assertEqual(self.credentials.refused, [{"Authorization": "Bearer at-1"}])
        self.assertEqual(self.upstream.counts()["retained"], 1)

    def test_the_new_token_is_refused_too(self) -> None:
        """That is what the client is told, and nothing is left behind."""
        self.refusals += [401, 401, 401]
        answer = self.post()
        self.assertEqual(answer.status, 401)
        self.assertEqual(self.dials, 2)
        self.assertEqual(len(self.credentials.refused), 1)
        self.assertEqual(set(self.upstream.counts().values()), {0})

    def test_there_is_nothing_else_to_try(self) -> None:
        """The refusal stands."""
        self.credentials.next = None
        self.refusals.append(401)
        answer = self.post()
        self.assertEqual(answer.status, 401)
        self.assertIn("refused the WebSocket upgrade", answer.error["message"])
        self.assertEqual(self.dials, 1)

    def test_the_login_has_ended(self) -> None:
        """The client is told what its user has to do."""
        self.credentials.next = CredentialsMissing("Sign in again.")
        self.refusals.append(401)
        answer = self.post()
        self.assert_error(answer, 401, "credentials_missing")
        self.assertEqual(answer.error["message"], "Sign in again.")

    def test_other_refusals(self) -> None:
        """No token is renewed for them."""
        for status in (403, 429, 503, 500):
            self.refusals.append(status)
            self.post()
        self.assertEqual(self.credentials.refused, [])
        self.assertEqual(self.dials, 4)

    def test_spare_connections_of_the_old_token(self) -> None:
        """They are not used any more once there is another."""
        self.post()
        refused = {
            "type": "error",
            "status": 400,
            "error": {"type": "invalid_request_error", "code": "x", "message": "no"},
        }
        self.socket.say(refused)
        self.post()
        self.socket.say(refused)
        self.assertEqual(self.dials, 1)
        self.credentials.token = "at-2"
        self.post()
        self.end()
        self.assertEqual(self.dials, 2)

    def test_credentials_that_take_time(self) -> None:
        """The turn waits for them, and takes no place meanwhile."""
        self.credentials.takes_time = True
        answer = self.post()
        self.assertEqual(set(self.upstream.counts().values()), {0})
        self.assertEqual(self.dials, 0)
        self.credentials.asked[0].callback(None)
        self.pump()
        self.end()
        self.assertEqual(answer.status, 200)

    def test_the_client_leaves_meanwhile(self) -> None:
        """Nothing is dialled for it."""
        self.credentials.takes_time = True
        answer = self.post()
        answer.leave()
        self.assertTrue(self.credentials.asked[0].called)
        self.assertEqual(self.dials, 0)

    def test_the_daemon_stops_meanwhile(self) -> None:
        """Who waits for credentials is told, like who waits for a connection."""
        self.credentials.takes_time = True
        waiting = self.post()
        self.upstream.stop_leasing()
        self.upstream.break_off(ShuttingDown())
        self.pump()
        self.assert_error(waiting, 503, "shutting_down")

    def test_they_come_when_no_turn_may_begin(self) -> None:
        """Then nothing is dialled."""
        self.credentials.takes_time = True
        waiting = self.post()
        self.upstream.stop_leasing()
        self.credentials.asked[0].callback(None)
        self.pump()
        self.assert_error(waiting, 503, "shutting_down")
        self.assertEqual(self.dials, 0)
