"""What each account may still use, remembered."""

from __future__ import annotations

import json

from chatmockd.account.identity import identity_of
from chatmockd.account.limits import AccountLimits, read_limits
from tests.account.asked import URL, AskedCase

ALICE = {"Authorization": "Bearer a", "ChatGPT-Account-ID": "alice"}
BOB = {"Authorization": "Bearer b", "ChatGPT-Account-ID": "bob"}


def frame(used: float, **more: object) -> bytes:
    """A C{codex.rate_limits} frame."""
    windows = {"primary": {"used_percent": used, "window_minutes": 300, **more}}
    said = {"type": "codex.rate_limits", "plan_type": "plus", "rate_limits": windows}
    return json.dumps(said).encode()


class AccountLimitsTests(AskedCase):
    """In memory and on disk."""

    def setUp(self) -> None:
        super().setUp()
        self.limits = AccountLimits(self.clock, self.now, self.folder, URL)

    def used(self) -> float | None:
        """Of the current account's window."""
        latest = self.limits.latest
        return latest.primary.used_percent if latest and latest.primary else None

    def test_the_last_word_counts(self) -> None:
        """Frames and headers alike; what says nothing changes nothing."""
        self.assertEqual((self.used(), self.limits.signed_in), (None, None))
        self.limits.heard(ALICE, {"server": "x"})
        self.assertEqual((self.used(), self.limits.signed_in), (None, True))
        self.limits.heard(ALICE, frame(12))
        self.limits.heard(ALICE, {"x-codex-primary-used-percent": "13"})
        self.limits.heard(ALICE, b"garbage")
        self.assertEqual(self.used(), 13)

    def test_accounts_are_apart(self) -> None:
        """The current one is the one that was heard of last."""
        self.limits.heard(ALICE, frame(12))
        self.limits.heard(BOB, frame(50))
        self.assertEqual(self.used(), 50)
        self.limits.sees(identity_of(ALICE, URL))
        self.assertEqual(self.used(), 12)
        self.limits.sees(None)
        self.assertEqual((self.used(), self.limits.signed_in), (None, False))

    def test_written_now_and_then(self) -> None:
        """A hundred turns are one file in five seconds; the next run has it."""
        writes: list[str] = []
        write = self.folder.write

        def counted(name: str, content: bytes) -> bool:
            writes.append(name)
            return write(name, content)

        self.patch(self.folder, "write", counted)
        for used in range(100):
            self.limits.heard(ALICE, frame(used))
        self.assertEqual(writes, [])
        self.clock.advance(5)
        self.assertEqual(len(writes), 1)
        self.clock.advance(60)
        self.assertEqual(len(writes), 1)
        kept = read_limits(self.folder, identity_of(ALICE, URL))
        assert kept is not None
        self.assertEqual(kept, self.limits.latest)
        again = AccountLimits(self.clock, self.now, self.folder, URL)
        again.sees(identity_of(ALICE, URL))
        self.assertEqual(again.latest, kept)

    def test_written_at_the_end(self) -> None:
        """Nothing is left for later."""
        self.limits.heard(ALICE, frame(12))
        self.limits.write()
        self.assertIsNotNone(read_limits(self.folder, identity_of(ALICE, URL)))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.limits.write()

    def test_broken_files(self) -> None:
        """Are as good as none."""
        identity = identity_of(ALICE, URL)
        for content in (b"", b"{", b"[]", b'{"heard": "x"}', b"\xff"):
            self.folder.write(f"limits-{identity.key}.json", content)
            self.assertIsNone(read_limits(self.folder, identity))
            self.limits.sees(identity)
            self.assertIsNone(self.limits.latest)

    def test_headers_for_clients(self) -> None:
        """As of this second, and made once in it."""
        self.assertEqual(self.limits.headers(), ())
        self.limits.heard(ALICE, frame(12, reset_after_seconds=90))
        first = self.limits.headers()
        self.assertIn((b"x-ratelimit-remaining-requests", b"88"), first)
        self.assertIn((b"x-ratelimit-reset-requests", b"1m30s"), first)
        self.assertIs(self.limits.headers(), first)
        self.clock.advance(31)
        self.assertIn((b"x-ratelimit-reset-requests", b"59s"), self.limits.headers())
        self.limits.heard(ALICE, frame(20, reset_after_seconds=90))
        self.assertIn((b"x-ratelimit-remaining-requests", b"80"), self.limits.headers())

    def test_not_too_many_accounts(self) -> None:
        """Whose keys change all the time does not fill our memory."""
        for number in range(100):
            self.limits.heard({"Authorization": f"Bearer {number}"}, frame(number))
        self.assertEqual(len(self.limits._known), 16)
        self.assertEqual(self.used(), 99)
