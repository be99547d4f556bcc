"""All that the simulated upstream has below one port, in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.accounts import Accounts
from chatmockd.simulator.faults import Faults
from chatmockd.simulator.origin import Origin
from tests.core.cases import case
from tests.simulator.going_in import TURN, OriginCase


class PlacesTests(OriginCase):
    """What there is, and where."""

    def test_everything(self) -> None:
        """Each at its path: turns on both ways, what goes with them, and the pages."""
        for profile, path, models in (
            ("openai", "/v1/responses", "/v1/models"),
            ("chatgpt", "/backend-api/codex/responses", "/backend-api/codex/models"),
        ):
            self.build(profile, accounts=Accounts(self.clock.seconds))
            chatgpt = profile == "chatgpt"
            body: dict[str, Any] = {**TURN, "stream": True}
            if chatgpt:
                user = {"role": "user", "content": "Say hi"}
                body |= {"store": False, "input": [user], "instructions": "Be brief."}
            with case(profile=profile):
                self.assertEqual(self.connect().text("Say hi"), "hi")
                status, said = self.ask("POST", path, body)
                self.assertEqual(status, 200, said)
                self.assertIn(b"event: response.completed", said)
                self.assertEqual(self.ask("POST", f"{path}/compact", TURN)[0], 200)
                counted = self.ask("POST", f"{path}/input_tokens", TURN)[0]
                self.assertEqual(counted, 404 if chatgpt else 200)
                self.assertEqual(self.ask("GET", models)[0], 200)
                usage = self.ask("GET", "/backend-api/wham/usage")[0]
                self.assertEqual(usage, 200 if chatgpt else 404)
                self.assertEqual(self.ask("GET", "/codex/device")[0], 200)

    def test_nothing_else(self) -> None:
        """In particular nobody to sign in with, unless he is wanted."""
        for path in ("/", "/v1", "/v1/responses/x", "/codex/device"):
            with case(path=path):
                self.assertEqual(self.ask("GET", path)[0], 404)

    def test_one_storage(self) -> None:
        """What was stored over a WebSocket is known over HTTP."""
        told = self.connect().respond("Remember the token ALPHA-42.", store=True)
        asked = {
            "model": "gpt-test",
            "input": "What token did I ask you to remember?",
            "previous_response_id": told["id"],
        }
        status, said = self.ask("POST", "/v1/responses", asked)
        self.assertEqual(status, 200, said)
        self.assertIn(b"ALPHA-42", said)


class DoorTests(OriginCase):
    """What happens before anybody is let in."""

    def test_faults_of_upgrades(self) -> None:
        """They are the same as without the door."""
        for status in (401, 403, 404, 426, 429, 503):
            with case(status=status):
                self.set(refuse=status, refuse_headers={"retry-after": "7"})
                client = self.dial()
                self.assertIn(f" {status} ", client.protocol.http_status_line)
                self.assertEqual(client.protocol.http_headers["retry-after"], "7")
                self.assertIsNotNone(client.closed)
        self.set(never_answer=True)
        client = self.dial()
        self.clock.advance(3600)
        client.flush()
        self.assertEqual((client.opened, client.closed), (False, None))
        client.leave()

    def test_426_is_for_upgrades_only(self) -> None:
        """That is what it says."""
        self.build(faults=Faults(refuse=426))
        self.assertIn("426", self.dial().protocol.http_status_line)
        self.assertEqual(self.ask("POST", "/v1/responses", TURN)[0], 200)
        self.build(faults=Faults(refuse=503))
        self.assertEqual(self.ask("POST", "/v1/responses", TURN)[0], 503)

    def test_tokens(self) -> None:
        """They are demanded everywhere."""
        for wanted in ({"bearer": "t"}, {"admits": lambda token: token == "t"}):
            for profile, path in (
                ("openai", "/v1/models"),
                ("chatgpt", "/backend-api/wham/usage"),
            ):
                self.build(profile, **wanted)
                turns = self.simulator.path
                for token, good in (("t", True), ("u", False)):
                    with case(profile=profile, token=token):
                        said = {"authorization": f"Bearer {token}"}
                        self.assertEqual(self.dial(headers=said).opened, good)
                        refused = self.ask("GET", path, token=token)[0] == 401
                        self.assertEqual(refused, not good)
                        posted = self.ask("POST", f"{turns}/compact", TURN, token)
                        self.assertEqual(posted[0] == 401, not good)

    def test_garbage(self) -> None:
        """It is refused, and the connection ends."""
        for rubbish in (
            b"\x16\x03\x01\r\n\r\n",
            b"GET\r\n\r\n",
            b"\xff \xff \xff" * 9000,
        ):
            with case(rubbish=rubbish[:9]):
                browser = self.say(rubbish)
                self.assertTrue(browser.read.startswith(b"HTTP/1.1 4"), browser.read)
                self.assertTrue(browser.gone)

    def test_a_reader_who_leaves(self) -> None:
        """A stream ends with its connection."""
        self.build(faults=Faults(pace_s=1.0))
        browser = self.say_turn(stream=True)
        self.clock.advance(1)
        browser.pump.flush()
        self.assertEqual(len(self.origin.turns.running), 1)
        assert browser.transport is not None
        browser.transport.loseConnection()
        browser.pump.flush()
        self.assertEqual(self.origin.turns.running, set())
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ListenTests(OriginCase):
    """Ports."""

    def test_loopback_only(self) -> None:
        """It listens on 127.0.0.1, and says where."""
        for profile, path in (
            ("openai", "/v1/responses"),
            ("chatgpt", "/backend-api/codex/responses"),
        ):
            reactor = MemoryReactorClock()
            accounts = Accounts(reactor.seconds)
            origin = Origin(reactor, profile, accounts=accounts)
            opened = self.successResultOf(origin.listen(reactor, 4321))
            ((port, factory, _, interface),) = reactor.tcpServers
            self.assertEqual((port, interface), (4321, "127.0.0.1"))
            self.assertIs(factory, origin.factory)
            there = f"127.0.0.1:{opened.getHost().port}"
            self.assertEqual(origin.url, f"ws://{there}{path}")
            self.assertEqual(origin.issuer, f"http://{there}")
            self.assertTrue(accounts.callback.startswith(f"{origin.issuer}/"))

    def test_a_taken_port(self) -> None:
        """The caller is told."""

        class Full(MemoryReactorClock):
            def listenTCP(self, *args: object, **kwargs: object) -> None:
                raise CannotListenError("127.0.0.1", 80, OSError("in use"))

        reactor = Full()
        self.failureResultOf(Origin(reactor).listen(reactor, 80), CannotListenError)

    def test_no_url_before(self) -> None:
        """Nobody can connect to what does not listen."""
        self.assertRaises(RuntimeError, lambda: self.origin.url)
        self.assertRaises(RuntimeError, lambda: self.origin.issuer)

    def test_stop(self) -> None:
        """It waits for the last connection, whatever it is for."""
        self.successResultOf(self.origin.listen(self.clock))
        client, browser = self.connect(), self.open()
        stopped = self.origin.stop()
        client.flush()
        self.assertNoResult(stopped)
        browser.pump.flush()
        self.successResultOf(stopped)
        self.assertTrue(browser.gone)
        self.assertEqual(self.simulator.connections, set())


class UnusedTests(SynchronousTestCase):
    """One that nobody ever called."""

    def test_stop_when_idle(self) -> None:
        """There is nothing to wait for, and it may be said twice."""
        origin = Origin(MemoryReactorClock())
        for _ in range(2):
            self.successResultOf(origin.stop())
