"""The HTTP server around the routes: its connections, and its line in the log."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.http import datetimeToString
from twisted.web.resource import IResource
from twisted.web.server import Site

from chatmockd import __version__
from chatmockd.printable import printable
from chatmockd.web.channel import Channel
from chatmockd.web.guard import GuardedRequest

IDLE_TIMEOUT = 60  # seconds without a byte, while no response is being produced


class ApiSite(Site):
    """
    The HTTP server.

    @ivar channels: The client connections that are open.
    """

    _log = Logger()
    noisy = False
    protocol = Channel  # type: ignore[assignment]

    def __init__(
        self,
        resource: IResource,
        request_class: type[GuardedRequest],
        reactor: IReactorTime,
        now: Callable[[], float],
        log_requests: bool,
    ) -> None:
        """
        @param now: Unix time, in seconds.
        @param log_requests: Whether requests that went well are logged.
        """
        super().__init__(
            resource,
            requestFactory=request_class,
            reactor=reactor,
            timeout=IDLE_TIMEOUT,
            parsePOSTFormSubmission=False,
        )
        self._now = now
        self._log_requests = log_requests
        self.channels: set[Channel] = set()
        self._second = -1
        self._standing = b""
        self._all_gone: Deferred[None] | None = None

    def getContentFile(self, length: int | None) -> BytesIO:
        """Bodies stay in memory: twisted.web would spool prompts to the disk."""
        return BytesIO()

    def standing_headers(self) -> bytes:
        """
        The header lines that are the same in all answers of one second.

        twisted.web's C{Headers} takes 2 us to accept a header, each time.
        """
        second = int(self._now())
        if second != self._second:
            self._second = second
            self._standing = (
                b"Server: chatmockd/%b\r\nDate: %b\r\n"
                b"X-Content-Type-Options: nosniff\r\n"
                # nginx would keep events back until it has a page of them.
                b"X-Accel-Buffering: no\r\n"
                % (__version__.encode("ascii"), datetimeToString(second))
            )
        return self._standing

    def log(self, request: GuardedRequest) -> None:  # type: ignore[override]
        """The line of a request that was answered."""
        if not (self._log_requests or request.noteworthy):
            return
        remarks = f" ({', '.join(request.remarks)})" if request.remarks else ""
        # One field: twisted.logger needs 40 us more to put seven into place.
        self._log.info(
            "{line}",
            line=(
                f"{request.request_id}: {printable(request.method.decode('latin-1'))} "
                f"{printable(request.path.decode('latin-1'))} {request.code} in "
                f"{self.reactor.seconds() - request.began:.3f} s{remarks}"
            ),
        )

    def log_refusal(self, request_id: str, status: int, message: str) -> None:
        """The same for what never became a request."""
        line = f"{request_id}: {status} ({message})"
        self._log.info("{line}", line=line)

    def close_channels(self) -> Deferred[None]:
        """
        Close every client connection once what was written to it has left.

        @return: Fires when all are gone; cancelling it cuts off those that are not.
        """
        gone: Deferred[None] = Deferred(lambda _: self._cut_off())
        if not self.channels:
            gone.callback(None)
            return gone
        self._all_gone = gone
        for channel in list(self.channels):
            channel.loseConnection()
        return gone

    def channel_lost(self, channel: Channel) -> None:
        """The client connection is gone."""
        self.channels.discard(channel)
        if not self.channels and self._all_gone is not None:
            gone, self._all_gone = self._all_gone, None
            gone.callback(None)

    def _cut_off(self) -> None:
        self._all_gone = None
        for channel in list(self.channels):
            channel.forceAbortClient()
