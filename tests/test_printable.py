"""What may stand in a log."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.printable import printable


class PrintableTests(SynchronousTestCase):
    """What a log may show of what a client or an upstream sent."""

    def test_it_hides_what_a_terminal_would_obey(self) -> None:
        """And line breaks, which would make another line; and it has an end."""
        self.assertEqual(printable("/v1 é"), "/v1 é")
        self.assertEqual(printable("\x1b[0m\n"), "'\\x1b[0m\\n'")
        self.assertEqual(len(printable("a" * 5000)), 500)
