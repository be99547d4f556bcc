"""The lock beside a file."""

from __future__ import annotations

from chatmockd.account.lock import Lock, LockBusy
from tests.account.home import CredentialsCase


class LockTests(CredentialsCase):
    """Two of them, for one file."""

    def setUp(self) -> None:
        super().setUp()
        self.file = self.write_text(".codex", "{}")
        self.one, self.two = Lock(self.file, self.clock), Lock(self.file, self.clock)

    def test_one_at_a_time(self) -> None:
        """The second has it when the first lets go."""
        self.of(self.one.acquire(1))
        waiting = self.begun(self.two.acquire(1))
        self.clock.advance(0.5)
        self.assertNoResult(waiting)
        self.one.release()
        self.clock.advance(0.1)
        self.successResultOf(waiting)
        self.two.release()

    def test_patience_ends(self) -> None:
        """And the lock may still be had later."""
        self.of(self.one.acquire(1))
        waiting = self.begun(self.two.acquire(1))
        self.clock.pump([0.1] * 11)
        self.failureResultOf(waiting, LockBusy)
        self.one.release()
        self.of(self.two.acquire(1))
        self.two.release()

    def test_over_a_link(self) -> None:
        """They meet all the same."""
        link = self.home / "link.json"
        link.symlink_to(self.file)
        self.of(self.one.acquire(1))
        self.failureResultOf(self.begun(Lock(link, self.clock).acquire(0)), LockBusy)
        self.one.release()

    def test_for_nobody_else_to_read(self) -> None:
        """Like the file that it guards."""
        self.of(self.one.acquire(1))
        lock = self.file.with_name("auth.json.lock")
        self.assertEqual(lock.stat().st_mode & 0o777, 0o600)
        self.one.release()
        self.one.release()

    def test_a_link_in_its_place(self) -> None:
        """It is not followed: it could lead anywhere."""
        self.file.with_name("auth.json.lock").symlink_to(self.home / "victim")
        self.failureResultOf(self.begun(self.one.acquire(1)), OSError)
        self.assertFalse((self.home / "victim").exists())
