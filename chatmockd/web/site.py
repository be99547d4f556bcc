"""The HTTP server around the routes: its connections, and its line in the log."""

from __future__ import annotations

from io import BytesIO

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Site

from chatmockd.web.guard import GuardedRequest, printable

IDLE_TIMEOUT = 60  # seconds without a byte, while no response is being produced


class Channel(HTTPChannel):
    """
    One client connection.

    HTTP/1.1 only: the negotiating wrapper that C{Site} would put around it costs a call
    per read and offers HTTP/2, which is not wanted.
    """

    factory: ApiSite

    def connectionMade(self) -> None:
        super().connectionMade()
        self.factory.channels.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self.factory.channel_lost(self)


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
    ) -> None:
        super().__init__(
            resource,
            requestFactory=request_class,
            reactor=reactor,
            timeout=IDLE_TIMEOUT,
            parsePOSTFormSubmission=False,
        )
        self.channels: set[Channel] = set()
        self._all_gone: Deferred[None] | None = None

    def getContentFile(self, length: int | None) -> BytesIO:
        """Bodies stay in memory: twisted.web would spool prompts to the disk."""
        return BytesIO()

    def log(self, request: GuardedRequest) -> None:  # type: ignore[override]
        """One line for each request that was answered."""
        self._log.info(
            "{request_id}: {method} {path} {status} in {seconds:.3f} s{remarks}",
            request_id=request.request_id,
            method=printable(request.method.decode("latin-1")),
            path=printable(request.path.decode("latin-1")),
            status=request.code,
            seconds=self.reactor.seconds() - request.began,
            remarks=f" ({', '.join(request.remarks)})" if request.remarks else "",
        )

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
