"""The HTTP server's own connections."""

from __future__ import annotations

from tests.bridge import Bridge, completed, created


class DateTests(Bridge):
    """What an answer says of the time."""

    def test_the_time_of_day_is_set(self) -> None:
        """It is that of the moment."""
        for seconds, date in (
            (1_790_000_000, "Mon, 21 Sep 2026 14:13:20 GMT"),
            (1_789_996_400, "Mon, 21 Sep 2026 13:13:20 GMT"),
            (1_790_086_400, "Tue, 22 Sep 2026 14:13:20 GMT"),
        ):
            self.set_by = seconds
            self.assertEqual(self.ask("GET", "/health").headers["date"], date)


class CloseChannelsTests(Bridge):
    """How client connections end when the daemon stops."""

    def test_it_waits_until_all_are_gone(self) -> None:
        """What was written leaves first."""
        idle = self.connect_client()
        answer = self.post()
        self.socket.say(created("resp_1"), completed("resp_1"))
        gone = self.site.close_channels()
        self.assertNoResult(gone)
        self.pump()
        self.successResultOf(gone)
        self.assertTrue(idle.cut and answer.link.cut and answer.ended)

    def test_without_any_it_is_done_at_once(self) -> None:
        """Nobody to wait for."""
        self.successResultOf(self.site.close_channels())

    def test_cancelling_cuts_off_who_does_not_read(self) -> None:
        """A client that reads nothing cannot hold up the end."""
        answer = self.stream()
        answer.stall()
        self.socket.say(created("resp_1"))
        gone = self.site.close_channels()
        self.pump()
        self.assertFalse(answer.link.cut)
        gone.cancel()
        self.failureResultOf(gone)
        self.pump()
        self.assertTrue(answer.link.cut)
