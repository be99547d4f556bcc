"""What an account may still use, from all the places where that is said."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.limits import (
    Bucket,
    Credits,
    Limits,
    Window,
    from_frame,
    from_headers,
    from_usage,
)
from tests.core.cases import case

NOW = 1_790_000_000.0
PRIMARY = Window(12.0, 300, NOW + 9000)
SECONDARY = Window(4.5, 10_080, NOW + 500_000)

FRAME: dict[str, Any] = {
    "type": "codex.rate_limits",
    "plan_type": "plus",
    "rate_limits": {
        "allowed": True,
        "limit_reached": False,
        "primary": {
            "used_percent": 12,
            "window_minutes": 300,
            "reset_at": NOW + 9000,
            "reset_after_seconds": 9000,
        },
        "secondary": {
            "used_percent": 4.5,
            "window_minutes": 10080,
            "reset_after_seconds": 500_000,
        },
    },
    "credits": {"has_credits": True, "unlimited": False, "balance": 5.39},
}
HEADERS = {
    "x-codex-plan-type": "plus",
    "x-codex-primary-used-percent": "12.0",
    "x-codex-primary-window-minutes": "300",
    "x-codex-primary-reset-after-seconds": "9000",
    "x-codex-secondary-used-percent": "4.5",
    "x-codex-secondary-window-minutes": "10080",
    "x-codex-secondary-reset-at": str(int(NOW) + 500_000),
    "x-codex-credits-has-credits": "True",
    "x-codex-credits-unlimited": "false",
    "x-codex-credits-balance": "5.39",
}
USAGE = {
    "plan_type": "plus",
    "email": "somebody@example.com",
    "rate_limit": {
        "allowed": True,
        "limit_reached": False,
        "primary_window": {
            "used_percent": 12,
            "limit_window_seconds": 18_000,
            "reset_at": NOW + 9000,
        },
        "secondary_window": {
            "used_percent": 4.5,
            "limit_window_seconds": 604_800,
            "reset_after_seconds": 500_000,
        },
    },
    "credits": {"has_credits": True, "unlimited": False, "balance": "5.39"},
}

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "primary",
                        "primary_window",
                        "used_percent",
                        "reset_at",
                        "headers",
                    ),
                    *("credits", "balance", "has_credits", "rate_limit", "rate_limits"),
                    *("error", "plan_type", "x-codex-primary-used-percent"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


def told(limits: Limits, now: float = NOW) -> dict[str, str]:
    """The headers that clients get."""
    return {name.decode(): value.decode() for name, value in limits.as_headers(now)}


class ReadingTests(SynchronousTestCase):
    """One thing in three ways of writing."""

    def test_all_places_say_the_same(self) -> None:
        """Frames, headers and the usage page come to the same limits."""
        for found in (
            from_frame(json.dumps(FRAME).encode(), NOW),
            from_headers(HEADERS, NOW),
            from_usage(json.dumps(USAGE).encode(), NOW),
        ):
            with case(found=found):
                assert found is not None
                self.assertEqual(found.plan, "plus")
                self.assertEqual(found.primary, PRIMARY)
                self.assertEqual(found.secondary, SECONDARY)
                self.assertEqual(found.credits, Credits(True, False, "5.39"))
                self.assertEqual(found.heard, NOW)

    def test_errors_have_headers(self) -> None:
        """As a plan that is used up is told over a WebSocket."""
        error = {
            "type": "error",
            "error": {"type": "usage_limit_reached", "plan_type": "pro"},
            "headers": {"X-Codex-Primary-Used-Percent": 100, "Other": None},
        }
        found = from_frame(json.dumps(error).encode(), NOW)
        assert found is not None
        self.assertEqual(found.primary, Window(100.0))
        self.assertEqual((found.plan, found.reached), ("pro", True))

    def test_openai(self) -> None:
        """Requests and tokens."""
        found = from_headers(
            {
                "x-ratelimit-limit-requests": "5000",
                "x-ratelimit-remaining-requests": "4999",
                "x-ratelimit-reset-requests": "12ms",
                "x-ratelimit-limit-tokens": "800000",
                "x-ratelimit-remaining-tokens": "799000",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            NOW,
        )
        assert found is not None
        self.assertEqual(found.buckets["requests"], Bucket(5000, 4999, NOW + 0.012))
        self.assertEqual(found.buckets["tokens"], Bucket(800000, 799000, NOW + 360))

    def test_silence(self) -> None:
        """What says nothing of limits, or nonsense, is nothing."""
        for headers in (
            {},
            {"server": "x"},
            {"x-codex-primary-used-percent": "many"},
            {"x-codex-primary-used-percent": "-3"},
            {"x-codex-primary-used-percent": "9" * 400},
            {"x-ratelimit-limit-requests": "5"},
            {"x-codex-credits-has-credits": "perhaps"},
        ):
            with case(headers=headers):
                self.assertIsNone(from_headers(headers, NOW))
        for body in (b"", b"<html>", b"{}", b"[]", b"null", b"[" * 100_000, b"\xff"):
            with case(body=body[:9]):
                self.assertIsNone(from_frame(body, NOW))
                self.assertIsNone(from_usage(body, NOW))

    @given(ANYTHING)
    def test_nothing_is_raised(self, said: Any) -> None:
        """Whatever JSON there is."""
        for kind in ("codex.rate_limits", "error"):
            fields = said if isinstance(said, dict) else {"headers": said}
            body = json.dumps(fields | {"type": kind}).encode()
            for found in (from_frame(body, NOW), from_usage(body, NOW)):
                if found is not None:
                    found.as_headers(NOW)
                    json.dumps(found.as_json(NOW))


class KnowingTests(SynchronousTestCase):
    """What becomes of it in time."""

    def test_headers_leave_what_they_do_not_say(self) -> None:
        """A frame is the whole truth."""
        before = Limits(1, "plus", PRIMARY, SECONDARY, Credits(True))
        after = Limits(2, primary=Window(50), partial=True).after(before)
        self.assertEqual(after.secondary, SECONDARY)
        self.assertEqual((after.plan, after.primary), ("plus", Window(50)))
        after = Limits(2, primary=Window(50)).after(before)
        self.assertIsNone(after.secondary)
        self.assertEqual((after.plan, after.credits), ("plus", Credits(True)))

    def test_a_window_that_is_over_is_unused(self) -> None:
        """Nobody says so, as long as there is no turn."""
        limits = Limits(NOW, primary=PRIMARY)
        shown = limits.as_json(NOW + 9000)
        self.assertEqual(shown["primary"]["used_percent"], 0)
        self.assertEqual(shown["age_s"], 9000)
        self.assertEqual(limits.as_json(NOW + 8999)["primary"]["used_percent"], 12)

    def test_clients_are_told_of_the_tightest_window(self) -> None:
        """As requests of a hundred."""
        limits = Limits(NOW, primary=PRIMARY, secondary=Window(98.2, 10_080, NOW + 60))
        self.assertEqual(
            told(limits),
            {
                "x-ratelimit-limit-requests": "100",
                "x-ratelimit-remaining-requests": "1",
                "x-ratelimit-reset-requests": "1m0s",
            },
        )
        # When that is full again, the other one is the tighter.
        self.assertEqual(told(limits, NOW + 61)["x-ratelimit-remaining-requests"], "88")
        self.assertEqual(
            told(limits, NOW + 61)["x-ratelimit-reset-requests"], "2h28m59s"
        )

    def test_clients_are_told_openais_own_numbers(self) -> None:
        """Less the time that has passed."""
        buckets = {"tokens": Bucket(100, 7, NOW + 30), "requests": Bucket(9, 8)}
        limits = Limits(NOW, primary=PRIMARY, buckets=buckets)
        self.assertEqual(
            told(limits, NOW + 10),
            {
                "x-ratelimit-limit-requests": "9",
                "x-ratelimit-remaining-requests": "8",
                "x-ratelimit-limit-tokens": "100",
                "x-ratelimit-remaining-tokens": "7",
                "x-ratelimit-reset-tokens": "20s",
            },
        )
        later = told(limits, NOW + 31)
        self.assertEqual(later["x-ratelimit-remaining-tokens"], "100")

    def test_nothing_known_is_nothing_told(self) -> None:
        """No header is better than a guess; more than all is nothing left."""
        self.assertEqual(told(Limits(NOW, plan="plus")), {})
        over = told(Limits(NOW, primary=Window(130)))
        self.assertEqual(over["x-ratelimit-remaining-requests"], "0")
        self.assertNotIn("x-ratelimit-reset-requests", over)
