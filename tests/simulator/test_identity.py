"""Ids as api.openai.com builds them."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.identity import Identity, call_id, obfuscation, sealed


class IdentityTests(SynchronousTestCase):
    """The ids of a response and its items."""

    def test_form(self) -> None:
        """50 hexadecimal digits; the first 26 are shared, with the time in them."""
        identity = Identity(0x67EA1234)
        ids = [identity.response_id, identity.item_id("msg"), identity.item_id("msg")]
        for each, prefix in zip(ids, ("resp", "msg", "msg"), strict=True):
            self.assertRegex(each, re.compile(rf"^{prefix}_[0-9a-f]{{50}}$"))
        self.assertEqual(len({each.split("_")[1][:26] for each in ids}), 1)
        self.assertEqual(ids[0].split("_")[1][16:26], "0067ea1234")
        self.assertEqual(len(set(ids)), 3)

    def test_two_responses_differ(self) -> None:
        """No two responses of one second share an id."""
        self.assertNotEqual(Identity(1).response_id, Identity(1).response_id)

    def test_call_ids(self) -> None:
        """C{call_} and 24 letters or digits."""
        self.assertRegex(call_id(), r"^call_[A-Za-z0-9]{24}$")

    def test_obfuscation(self) -> None:
        """A delta and its padding are 16 characters, or a multiple."""
        for delta in ("", "a", "x" * 15, "x" * 16, "x" * 17):
            for position in (0, 1, 1000):
                padded = delta + obfuscation(delta, position)
                self.assertEqual(len(padded) % 16, 0)
                self.assertLess(len(padded) - len(delta), 16)

    def test_sealed(self) -> None:
        """Encrypted content grows with the thought and is never the same twice."""
        self.assertGreater(len(sealed("x" * 500)), len(sealed("x")))
        self.assertNotEqual(sealed("x"), sealed("x"))
