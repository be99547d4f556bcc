"""C{GET /v1/status}, and what answers to turns tell of limits."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, fail

from chatmockd import __version__
from chatmockd.errors import StoreError
from tests.bridge import Bridge, completed, created
from tests.turns.durable import DurableBridge

RATE_LIMITS = {
    "type": "codex.rate_limits",
    "plan_type": "plus",
    "rate_limits": {
        "primary": {
            "used_percent": 12,
            "window_minutes": 300,
            "reset_after_seconds": 90,
        },
        "secondary": {"used_percent": 4, "window_minutes": 10080},
    },
}
USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 17,
}
COUNTED = {
    "turns": 1,
    "input_tokens": 10,
    "cached_tokens": 4,
    "output_tokens": 7,
    "reasoning_tokens": 5,
}


def status_of(bridge: Bridge) -> Any:
    """What the status says now."""
    answer = bridge.ask("GET", "/v1/status")
    bridge.assertEqual(answer.status, 200, answer.body)
    bridge.assertNotIn(b"canary", answer.body)
    return answer.json


class StatusTests(Bridge):
    """Without a store."""

    settings = {"upstream__profile": "chatgpt"}

    def test_a_daemon_that_has_done_nothing(self) -> None:
        """Everything is there, and says that nothing is known."""
        self.wait(3)
        self.configure(**self.settings)
        self.wait(5)
        status = status_of(self)
        self.assertEqual(status["version"], __version__)
        self.assertEqual(status["uptime_s"], 5)
        self.assertEqual(
            status["account"],
            {"profile": "chatgpt", "signed_in": True, "plan": None, "id": None},
        )
        self.assertIsNone(status["limits"])
        self.assertEqual(sum(status["connections"].values()), 0)
        self.assertEqual(status["turns_in_flight"], 0)
        self.assertEqual(status["store"], {"kind": "none", "bytes": 0, "nodes": 0})
        self.assertEqual(status["usage"]["total"]["turns"], 0)
        self.assertEqual(status["models"]["source"], "shipped")

    def test_the_time_of_day_is_set_back(self) -> None:
        """It has run for as long as it has."""
        self.set_by = -3600
        self.wait(5)
        self.assertEqual(status_of(self)["uptime_s"], 5)

    def test_it_waits_for_nobody(self) -> None:
        """Not for an upstream that never answers."""
        self.outbound.will_wait()
        self.assertEqual(status_of(self)["models"]["source"], "shipped")
        self.assertEqual(len(self.outbound.calls), 1)

    def test_while_a_turn_runs(self) -> None:
        """It and its connection are counted."""
        self.stream()
        self.socket.say(created("resp_1"))
        status = status_of(self)
        self.assertEqual(status["turns_in_flight"], 1)
        self.assertEqual(status["connections"]["leased"], 1)
        self.socket.say(completed("resp_1", usage=USAGE))
        status = status_of(self)
        self.assertEqual(status["turns_in_flight"], 0)
        self.assertEqual(status["connections"]["retained"], 1)
        self.assertEqual(status["usage"]["today"]["total"], COUNTED)
        self.assertEqual(status["usage"]["by_model"], {"gpt-5.5": COUNTED})

    def test_limits(self) -> None:
        """As the frames of the WebSocket tell them."""
        self.post()
        self.socket.say(RATE_LIMITS, created("resp_1"), completed("resp_1"))
        status = status_of(self)
        self.assertEqual(status["account"]["plan"], "plus")
        self.assertEqual(
            status["limits"]["primary"],
            {
                "used_percent": 12.0,
                "window_minutes": 300,
                "resets_at": round(self.clock.seconds() + 90),
            },
        )

    def test_limits_while_nothing_runs(self) -> None:
        """Such a frame harms no idle connection, and is heard."""
        self.first_turn()
        self.socket.say(RATE_LIMITS)
        self.assertTrue(self.socket.is_open)
        self.assertEqual(status_of(self)["limits"]["primary"]["used_percent"], 12)

    def test_limits_in_errors(self) -> None:
        """As a used up plan is told, with the answer that says so."""
        answer = self.post()
        error = {
            "type": "error",
            "status": 429,
            "error": {"type": "usage_limit_reached", "message": "Used up."},
            "headers": {"x-codex-primary-used-percent": "100"},
        }
        self.socket.say(error)
        self.assertEqual(answer.status, 429)
        self.assertEqual(answer.headers["x-ratelimit-remaining-requests"], "0")
        limits = status_of(self)["limits"]
        self.assertEqual(
            (limits["reached"], limits["primary"]["used_percent"]), (True, 100)
        )


class RateHeadersTests(Bridge):
    """What clients are told in the heads of their answers."""

    def test_a_stream(self) -> None:
        """Of its own turn's frame, which comes before its head."""
        answer = self.stream()
        self.socket.say(RATE_LIMITS, created("resp_1"))
        self.assertEqual(answer.headers["x-ratelimit-limit-requests"], "100")
        self.assertEqual(answer.headers["x-ratelimit-remaining-requests"], "88")
        self.assertEqual(answer.headers["x-ratelimit-reset-requests"], "1m30s")
        self.socket.say(completed("resp_1"))
        self.assertEqual(answer.kinds, ["response.created", "response.completed"])

    def test_json(self) -> None:
        """Likewise."""
        answer = self.post()
        self.socket.say(RATE_LIMITS, created("resp_1"), completed("resp_1"))
        self.assertEqual(answer.headers["x-ratelimit-remaining-requests"], "88")

    def test_nothing_known(self) -> None:
        """Nothing told."""
        answer = self.first_turn()
        self.assertEqual(
            [name for name in answer.headers if name.startswith("x-ratelimit")], []
        )

    def test_hostile_frames(self) -> None:
        """Do not disturb the turn."""
        for number, odd in enumerate(
            ({"rate_limits": []}, {"rate_limits": {"primary": {"used_percent": {}}}})
        ):
            answer = self.stream()
            self.socket.say(
                {"type": "codex.rate_limits", **odd},
                created(f"resp_{number}"),
                completed(f"resp_{number}"),
            )
            self.assertEqual(len(answer.kinds), 2)


class DurableStatusTests(DurableBridge):
    """With a store."""

    def test_nodes_and_bytes(self) -> None:
        """What is kept, in both places."""
        self.turn("resp_1")
        self.turn("resp_2", store=False)
        store = status_of(self)["store"]
        self.assertEqual((store["kind"], store["nodes"]), ("sqlite", 2))
        self.assertGreater(store["bytes"], 0)

    def test_what_may_not_be_stored_is_counted_all_the_same(self) -> None:
        """Tokens are no content; and a turn counts once."""
        for number, stored in enumerate((True, False, False)):
            answer = self.post(input=f"Hello {number}", store=stored)
            self.busiest.say(
                created(f"resp_{number}"), completed(f"resp_{number}", usage=USAGE)
            )
            self.assertEqual(answer.status, 200)
        usage = status_of(self)["usage"]
        self.assertEqual(usage["total"]["turns"], 3)
        self.assertEqual(usage["today"]["total"]["input_tokens"], 30)

    def test_failed_turns_are_counted(self) -> None:
        """If the upstream says what they took; a refusal takes nothing."""
        self.post()
        failed = json.loads(json.dumps(completed("resp_1", usage=USAGE)))
        failed["type"] = "response.failed"
        failed["response"]["error"] = {"code": "server_error", "message": "Sorry."}
        self.socket.say(created("resp_1"), failed)
        self.post()
        self.busiest.say({"type": "error", "status": 400, "error": {"message": "No."}})
        self.assertEqual(status_of(self)["usage"]["total"]["turns"], 1)

    def test_days_go_by(self) -> None:
        """Yesterday is not today."""
        self.post()
        self.busiest.say(created("resp_1"), completed("resp_1", usage=USAGE))
        self.clock.rightNow += 86_400
        usage = status_of(self)["usage"]
        self.assertEqual(usage["today"]["total"]["turns"], 0)
        self.assertEqual(usage["total"]["turns"], 1)
        self.clock.rightNow += 29 * 86_400
        self.assertEqual(status_of(self)["usage"]["total"]["turns"], 0)

    def test_a_store_whose_file_is_gone(self) -> None:
        """It goes on, and somebody has to know."""
        assert self.tree is not None
        self.assertNotIn("error", status_of(self)["store"])
        self.patch(self.tree.stores[0], "is_in_place", lambda: False)
        store = status_of(self)["store"]
        self.assertIn("deleted, moved or replaced", store["error"])
        self.assertEqual(store["nodes"], 0)

    def test_a_store_that_fails(self) -> None:
        """Is told of; the rest is there."""
        assert self.tree is not None

        def size() -> Deferred[int]:
            return fail(StoreError("disk I/O error"))

        self.patch(self.tree.stores[0], "size", size)
        status = status_of(self)
        self.assertIn("disk I/O error", status["store"]["error"])
        self.assertIsNone(status["store"]["bytes"])
        self.assertEqual(status["turns_in_flight"], 0)
