"""What a response says it has used."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.usage import Usage, read_usage
from tests.core.cases import case


def used(usage: Any) -> Usage | None:
    """What is read of a response with this C{usage}."""
    return read_usage(json.dumps(usage).encode())[0]


class UsageTests(SynchronousTestCase):
    """Tokens."""

    def test_all_counts(self) -> None:
        """One turn, with its details."""
        usage = {
            "input_tokens": 10,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 5},
            "total_tokens": 17,
        }
        self.assertEqual(used(usage), Usage(1, 10, 4, 7, 5))

    def test_missing_counts_are_none(self) -> None:
        """The turn counts all the same."""
        self.assertEqual(used({"input_tokens": 3}), Usage(1, 3))
        self.assertEqual(used({"output_tokens_details": None}), Usage(1))

    def test_what_cannot_be_counted(self) -> None:
        """Nothing is made up, and a store's numbers stay numbers."""
        for usage in (
            None,
            [],
            "12",
            {"input_tokens": -1},
            {"input_tokens": 1.5},
            {"output_tokens": 2**53},
            {"input_tokens_details": []},
        ):
            with case(usage=usage):
                self.assertIsNone(used(usage))
        for said in (b"", b"{", b"[]", b"\xff", b"[" * 100_000):
            with case(said=said[:9]):
                self.assertEqual(read_usage(said), (None, False))

    def test_complete(self) -> None:
        """Both details and the sum are what strict clients read."""
        usage: dict[str, Any] = {
            "input_tokens_details": {},
            "output_tokens_details": {"x": 1},
            "total_tokens": 0,
        }
        self.assertEqual(read_usage(json.dumps(usage).encode()), (Usage(1), True))
        for name in usage:
            with case(name=name):
                for less in ({**usage, name: None}, {**usage, name: "x"}):
                    self.assertFalse(read_usage(json.dumps(less).encode())[1])

    def test_sum(self) -> None:
        """Each count by itself."""
        self.assertEqual(
            Usage(1, 10, 4, 7, 5) + Usage(2, 1, 1, 1, 1), Usage(3, 11, 5, 8, 6)
        )
