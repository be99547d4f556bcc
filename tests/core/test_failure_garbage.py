"""Refusals that may be anything: a presentable error comes of each."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.failure import refused

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from([400, 429, 599, 600, 200, "usage_limit_reached", "slow_down"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=6)
            | st.sampled_from(
                ["error", "body", "detail", "message", "code", "type", "param"]
                + [
                    "status",
                    "status_code",
                    "headers",
                    "retry-after",
                    "resets_in_seconds",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


class GarbageTests(SynchronousTestCase):
    """An upstream may send anything."""

    @given(anything)
    @settings(max_examples=300, deadline=None)
    def test_anything(self, said: Any) -> None:
        """Whatever comes, a presentable error comes of it."""
        error = refused(said)
        self.assertTrue(400 <= error.status <= 599, error.status)
        self.assertTrue(error.message)
        body = json.loads(error.as_json())["error"]
        self.assertEqual(body["message"], error.message)
        self.assertTrue(body["type"])
        self.assertIsInstance(error.headers(), dict)

    @given(
        st.text(min_size=1),
        st.text(min_size=1),
        st.sampled_from(["nested", "flat", "body"]),
        st.dictionaries(
            st.sampled_from(["status", "status_code", "headers", "param", "plan_type"]),
            anything,
        ),
    )
    @settings(max_examples=150, deadline=None)
    def test_message_and_code_are_never_lost(
        self, message: str, code: str, shape: str, more: dict[str, Any]
    ) -> None:
        """Beside whatever else, what the upstream said reaches the client."""
        inner = {**more, "message": message, "code": code}
        said = {
            "nested": {"type": "error", **more, "error": inner},
            "flat": {"type": "error", **inner},
            "body": {"type": "error", **more, "body": {"error": inner}},
        }[shape]
        error = refused(said)
        self.assertEqual((error.message, error.code), (message, code))
