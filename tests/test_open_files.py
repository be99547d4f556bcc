"""The limit on open files, as it is found and as it is left."""

from __future__ import annotations

import resource

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.open_files import allow_connections


class AllowConnectionsTests(SynchronousTestCase):
    """The limit of this very process, for a moment."""

    def setUp(self) -> None:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        _, self.most = limits

    def after(self, allowed: int, upstream: int) -> tuple[int, int]:
        """The limits that are left of such a soft one."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, self.most))
        allow_connections(upstream)
        return resource.getrlimit(resource.RLIMIT_NOFILE)

    def test_a_low_limit_is_raised(self) -> None:
        """There is room for every connection, a client of each, and others."""
        self.assertEqual(self.after(512, 300), (1624, self.most))

    def test_a_high_one_stays(self) -> None:
        """Whoever set it knows why."""
        self.assertEqual(self.after(2000, 300), (2000, self.most))

    def test_the_administrators_limit_stays(self) -> None:
        """It is reached, and no more."""
        self.assertEqual(self.after(512, 10**9), (self.most, self.most))
