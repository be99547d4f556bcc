"""One upstream WebSocket, from the first attempt to its last byte."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import cast

from autobahn.exception import Disconnected
from autobahn.websocket.types import ConnectingRequest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from chatmockd.core.cut import Cutter
from chatmockd.core.mask import masked_text
from chatmockd.core.pinging import Pinging
from chatmockd.errors import ChatmockdError, UpstreamUnreachable
from chatmockd.sending import send_soon
from chatmockd.upstream.adapter import UpstreamProtocol
from chatmockd.upstream.handshake import (
    Address,
    Reply,
    refused_upgrade,
    unreachable,
)
from chatmockd.upstream.parties import Bearer, Owner, Transport
from chatmockd.upstream.states import Steps, connection_phase
from chatmockd.upstream.upload import FRAGMENT, Tail, Upload

MAX_MESSAGE = 67_108_864  # bytes; what Codex accepts from the same server
_CLOSING_GRACE = 5.0  # seconds from our close frame to dropping the transport


class Connection:
    """
    One upstream WebSocket, from the first attempt to its last byte.

    @ivar number: For the log: which one this is, counted from 1.
    @ivar request: The upgrade request it is opened with.
    @ivar opened: Fires with the connection when the upgrade is through, and with a
        L{ChatmockdError} when it fails; cancelling it gives the attempt up.
    @ivar reply: The headers of the answer to the upgrade, with lower-case names; none
        until it is there.
    @ivar held_tip: The response whose state it holds, or None.
    @ivar is_steered: What follows its turn may be one that nobody asked for.
    """

    _log = Logger()

    def __init__(
        self,
        number: int,
        address: Address,
        request: ConnectingRequest,
        owner: Owner,
        *,
        now: float,
        ping_interval: float,
    ) -> None:
        """
        @param now: What L{beat} will tell, as it is now.
        @param ping_interval: Seconds of silence after which it is pinged, and again
            for which the answer is waited for; 0 never pings.
        """
        self.number = number
        self.request = request
        self.opened: Deferred[Connection] = Deferred(lambda _: self.close())
        self.reply: Mapping[str, str] = {}
        self.held_tip: str | None = None
        self.is_steered = False
        self._address = address
        self._owner = owner
        self._ping_interval = ping_interval
        self._pinging = Pinging(ping_interval, now)
        self._attempt: Deferred[IProtocol] | None = None
        self._step = "connect"
        self._protocol: UpstreamProtocol | None = None
        self._transport: Transport | None = None
        self._reply: Reply | None = Reply()
        self._cutter = Cutter(MAX_MESSAGE)
        self._bearer: Bearer | None = None
        self._open = self._idle = False
        self._upload: Upload | None = None
        self._tail: Tail | None = None
        self._paused = False
        self._now = now
        self._moved = self._arrived = now
        self._closing_since: float | None = None
        self._phase = connection_phase(
            Steps(
                tell_opened=self._tell_opened,
                tell_refused=lambda error: self.opened.errback(error),
                tell_ended=self._tell_ended,
                tell_gone=lambda: owner.connection_gone(self),
                shut=self._shut,
                drop=self._drop,
            )
        )

    def __repr__(self) -> str:
        return f"<Connection {self.number}>"

    # What the factory and a lease ask of it.

    def dial(self, attempt: Deferred[IProtocol]) -> None:
        """Wait for C{attempt}, which fires when the transport is there."""
        self._attempt = attempt
        attempt.addErrback(self._attempt_failed)

    def attempt_expired(self, seconds: float) -> None:
        """The attempt has taken as long as it may."""
        if self._reply is not None and self._reply.status not in (None, 101):
            # It is refused; only the end of its reasons never came.
            self._phase.refused(refused_upgrade(self._address, self._reply))
            return
        cause = f"no answer within {seconds:g} s (upstream.connect_timeout_s)"
        self._phase.refused(UpstreamUnreachable(str(self._address), self._step, cause))

    def lease(self) -> bool:
        """Take it for one turn; False when it is not idle."""
        if not self._idle:
            return False
        self._idle = False
        return True

    def carry_for(self, bearer: Bearer) -> None:
        """Bring what arrives to C{bearer} from now on."""
        self._bearer = bearer

    def release(self) -> None:
        """The turn is over, and the connection may serve another if it is open."""
        self._bearer = None
        self._idle = self._open
        self.resume()

    def close(self, *, abort: bool = False) -> None:
        """
        Nobody wants it any more: end it, once, however often this is called.

        @param abort: Without the closing handshake, for an upstream that has stopped
            listening.
        """
        self._bearer = None
        self._open = self._idle = False
        self._phase.close(abort)

    def refuse(self, error: ChatmockdError) -> None:
        """Give up an attempt that is under way; whoever waits is told C{error}."""
        self._phase.refused(error)

    def signed_in_with(self, headers: Mapping[str, str]) -> bool:
        """Whether it was opened with the credentials in C{headers}."""
        return headers.items() <= self.request.headers.items()

    def surplus_received(self, frames: Sequence[bytes]) -> None:
        """Frames that came in one read with the end of the turn before."""
        self._frames_received(frames)

    def send(self, message: bytes) -> None:
        """
        Send one text message.

        @raise autobahn.exception.Disconnected: The connection is closing.
        """
        assert self._protocol is not None and self._transport is not None
        if not self._protocol.is_usable():
            raise Disconnected("the connection is closing")
        if len(message) < FRAGMENT:
            send_soon(self._transport, masked_text(message, os.urandom(4)))
        else:
            self._upload = Upload(
                self._protocol, message, self._upload_moved, self._uploaded
            )
            self._upload.start()

    @property
    def name(self) -> str:
        """For the log: which one this is."""
        return f"connection {self.number}"

    @property
    def takes_more(self) -> bool:
        """Whether a turn that runs on it can be added to."""
        return self._upload is None

    @property
    def is_uploading(self) -> bool:
        """Whether a long message is still on its way out."""
        return self._upload is not None

    @property
    def is_doubtful(self) -> bool:
        """Whether a ping should have been answered by now."""
        return self._pinging.is_late(self._now)

    @property
    def upload_moved(self) -> float:
        """When the last fragment of a long message could be written, in seconds."""
        return self._moved

    @property
    def frame_moved(self) -> float:
        """When the last part came of a frame that is not whole yet, in seconds."""
        return self._arrived

    def pause(self) -> None:
        """Read no more until L{resume}."""
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pauseProducing()

    def resume(self) -> None:
        """Read on."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._pinging.trust(self._now)
            self._transport.resumeProducing()

    def doubt(self) -> None:
        """It may be gone: have it pinged at the next beat."""
        self._pinging.doubt(self._now)

    def beat(self, now: float) -> None:
        """Look at the clock: ping, and give up what does not answer."""
        self._now = now
        if self._tail is not None and self._tail.has_moved():
            self._upload_moved()
        if self._closing_since is not None:
            if now - self._closing_since >= _CLOSING_GRACE:
                self._abort_transport()
        elif not self._open or self._paused:
            return
        elif self._pinging.is_due(now):
            assert self._protocol is not None
            self._protocol.sendPing()
        elif self._pinging.is_over(now):
            self._phase.ended(
                f"it did not answer a ping within {self._ping_interval:g} s"
            )
            self._abort_transport()

    # What the adapter reports.

    def transport_made(self, protocol: UpstreamProtocol) -> None:
        """TCP is there."""
        self._protocol = protocol
        self._transport = cast(Transport, protocol.transport)
        self._step = "TLS" if self._address.secure else "WebSocket upgrade"

    def tls_made(self) -> None:
        """The certificate has been found good."""
        self._step = "WebSocket upgrade"

    def bytes_received(self, data: bytes) -> None:
        """
        The bytes of one read.

        Raises nothing: what escapes here is lost in a Deferred of Autobahn's when it
        happens in the read that ends the handshake, and the connection hangs.
        """
        self._pinging.heard = self._now
        try:
            if self._reply is not None:
                data = self._read_reply(self._reply, data)
            while data:
                frames, odd, data = self._cutter.feed(data)
                if frames:
                    self._frames_received(frames)
                if odd and self._protocol is not None:
                    self._protocol.parse(odd)
                    if self._protocol.is_dropped():
                        # What stands behind a violation is nobody's message.
                        return
            if self._cutter.is_inside:
                self._arrived = self._now
        except Exception:
            self._log.failure("{connection}: reading failed", connection=self)
            self._phase.ended("chatmockd failed to read what it sent")
            self._abort_transport()

    def opened_up(self) -> None:
        """Autobahn accepted the upgrade's answer."""
        self._phase.opened()

    def message_received(self, payload: bytes, is_binary: bool) -> None:
        """A message that came through Autobahn's parser, being in fragments."""
        if is_binary:
            self._phase.ended("it sent a binary message")
            self._abort_transport()
        else:
            self._frames_received([payload])

    def close_frame_received(self, code: int | None, reason: bytes | None) -> None:
        """The upstream wants to end it; Autobahn has answered."""
        what = f"it closed the connection with code {code or 1005}"
        if reason:
            what += f" ({reason.decode('utf-8', 'replace')})"
        self._closing_since = self._now
        self._stop_upload()
        self._phase.ended(what)

    def transport_lost(self, reason: Failure, complaint: str | None) -> None:
        """
        The transport is gone.

        @param complaint: Why, in Autobahn's words, when Autobahn dropped it.
        """
        if self._upload is not None:
            self._upload.stopProducing()
        if self._reply is not None and self._reply.status is not None:
            error = refused_upgrade(self._address, self._reply)
        elif complaint is not None and self._reply is None:
            error = UpstreamUnreachable(str(self._address), self._step, complaint)
        else:
            error = unreachable(self._address, self._step, reason.value)
        try:
            self._phase.refused(error)
            self._phase.ended(
                f"the connection was lost ({complaint or reason.getErrorMessage()})"
            )
        finally:
            self._transport = self._upload = None
            self._phase.lost()

    # What the states have it do.

    def _tell_opened(self) -> None:
        self._open = True
        self.opened.callback(self)

    def _tell_ended(self, what: str) -> None:
        self._open = False
        bearer, self._bearer = self._bearer, None
        if self._idle:
            self._idle = False
            self._owner.connection_unusable(self, what)
        elif bearer is not None:
            bearer.connection_lost(what)

    def _shut(self, abort: bool) -> None:
        self._stop_upload()
        if abort:
            self._abort_transport()
        elif self._protocol is not None:
            # On a paused transport the other side's answer would never be read.
            self.resume()
            self._closing_since = self._now
            self._protocol.sendClose(1000)

    def _drop(self) -> None:
        if self._protocol is not None:
            self._abort_transport()
        elif self._attempt is not None:
            self._attempt.cancel()

    def _frames_received(self, frames: Sequence[bytes]) -> None:
        if self._bearer is not None:
            self._bearer.frames_received(frames)
        elif self._idle:
            self._owner.idle_frames_received(self, frames)

    def _read_reply(self, reply: Reply, data: bytes) -> bytes:
        """Read on in the answer to the upgrade; return what follows it."""
        whole = reply.feed(data)
        if whole is None:
            return b""
        head, rest = whole
        self.reply = reply.headers()
        if reply.status != 101:
            self._phase.refused(refused_upgrade(self._address, reply))
            return b""
        self._reply = None
        assert self._protocol is not None
        self._protocol.parse(head)
        return rest

    def _attempt_failed(self, reason: Failure) -> None:
        self._phase.refused(unreachable(self._address, self._step, reason.value))
        self._phase.lost()

    def _abort_transport(self) -> None:
        if self._transport is not None:
            self._transport.abortConnection()

    def _upload_moved(self) -> None:
        # Our pings wait in line behind what the socket has taken of a long message; an
        # upstream that takes more of it is alive.
        self._moved = self._now
        self._pinging.trust(self._now)

    def _uploaded(self) -> None:
        self._upload = None
        self._tail = Tail(self._transport)

    def _stop_upload(self) -> None:
        if self._upload is not None:
            self._upload.cancel()
            self._upload = None
