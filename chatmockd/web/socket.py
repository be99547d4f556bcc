"""One client WebSocket: its messages, what it takes of ours, and its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from chatmockd.core.create import Create, check_message, decode_object
from chatmockd.core.defaults import RequestDefaults
from chatmockd.core.lanes import lane_name
from chatmockd.core.message import error_message, text_frames
from chatmockd.core.steering import read_steer, refused_steer
from chatmockd.errors import (
    BodyTooLarge,
    ChatmockdError,
    InvalidRequest,
    ShuttingDown,
)
from chatmockd.pulse import Pulse
from chatmockd.sending import send_soon, unsent
from chatmockd.turns.registry import Turns
from chatmockd.web.lane_turn import LaneTurn
from chatmockd.web.lane_turns import LaneTurns

if TYPE_CHECKING:
    from chatmockd.web.socket_adapter import ClientProtocol

GOING_AWAY, UNSUPPORTED, TOO_LARGE = 1001, 1003, 1009

PING_AFTER = 20.0  # seconds without a byte from the client, and again
GONE_AFTER = 60.0  # seconds after which a client that answers no ping is given up
_CLOSING_GRACE = 5.0  # seconds from a close frame to dropping the transport

# Bytes. Turns pause long before so much waits for a client that does not read; refusals
# and pongs do not, and come only as long as we read.
_MOST_UNSENT = 1_048_576

# Of one message. In empty ones a message could grow for ever.
_MOST_FRAGMENTS = 16_384


@implementer(IPushProducer)
class ClientSocket:
    """
    One client WebSocket, from its handshake to its last byte.

    @ivar request_id: Of the request that asked for it; its turns add a number.
    """

    _log = Logger()
    _protocol: ClientProtocol
    _transport: Any

    def __init__(
        self,
        request_id: str,
        turns: Turns,
        pulse: Pulse,
        defaults: RequestDefaults,
        *,
        max_message: int,
        stall_limit: float,
        log_all: bool,
        begun: Callable[[], None],
        answered: Callable[[], None],
    ) -> None:
        """
        @param max_message: Bytes.
        @param stall_limit: Seconds for which a client may read nothing at all while
            there is something to read; 0 waits for ever.
        @param log_all: Whether turns that went well are logged.
        @param begun: Told of each C{response.create}, and C{answered} of its end.
        """
        self.request_id = request_id
        self._turns = turns
        self._pulse = pulse
        self._defaults = defaults
        self._max_message = max_message
        self._stall_limit = stall_limit
        self._log_all = log_all
        self._lane_turns = LaneTurns(
            max_message, begun=begun, answered=answered, changed=self._turns_changed
        )
        self._asked = 0
        self._fragments = 0
        self._ping: bytes | None = None
        self._stopping = self._over = self._deaf = False
        self._now = self._heard = self._pinged = self._moved = pulse.seconds()
        self._unsent = 0
        self._closing_since: float | None = None

    def opened(self, protocol: ClientProtocol) -> None:
        """The 101 has been sent."""
        self._protocol = protocol
        self._transport = protocol.transport
        self._transport.registerProducer(self, True)
        self._pulse.add(self)

    # What the daemon wants of it.

    def stop(self) -> None:
        """Begin no more turns; close when the running ones have ended."""
        self._stopping = True
        self._lane_turns.refuse_waiting()
        self._turns_changed()

    def close(self, code: int = GOING_AWAY, reason: str = "going away") -> None:
        """Begin the closing handshake, whatever runs."""
        if self._protocol.is_usable():
            # On a paused transport the other side's answer would never be read.
            self._hear(True)
            self._protocol.close(code, reason)
        self._leave()

    # What the adapter reports.

    def bytes_received(self, data: bytes) -> None:
        """
        The bytes of one read.

        Raises nothing: what escapes from here would be the transport's to deal with.
        """
        self._heard = self._now
        try:
            self._protocol.parse(data)
        except Exception:
            self._log.failure("{id}: reading failed", id=self.request_id)
            self._transport.abortConnection()
        if not self._protocol.is_usable():
            self._leave()

    def takes_frame(self, size: int) -> bool:
        """
        Whether one more frame of a message is welcome.

        @param size: How many bytes the message has with it.
        """
        self._fragments += 1
        what = None
        if size > self._max_message:
            what = f"larger than {self._max_message} bytes (server.max_body_bytes)"
        elif self._fragments > _MOST_FRAGMENTS:
            what = f"in more than {_MOST_FRAGMENTS} fragments"
        if what is not None:
            self._refuse(BodyTooLarge(f"The message is {what}."))
            self.close(TOO_LARGE, "message too large")
        return what is None

    def message_received(self, payload: bytes, is_binary: bool) -> None:
        """A whole message."""
        self._fragments = 0
        if not self._protocol.is_usable():
            return
        if is_binary:
            error = InvalidRequest("Messages must be text.", code="invalid_message")
            self._refuse(error)
            self.close(UNSUPPORTED, "messages must be text")
            return
        lane: str | None = None
        asked: Create | ChatmockdError
        try:
            fields = decode_object(payload)
            lane = lane_name(fields.pop("stream_id", None))
            kind = fields.get("type")
            if kind == "response.processed":
                # Codex tells so for statistics, and expects no answer.
                return
            if kind == "response.steer":
                self._steer(fields)
                return
            asked = self._checked(fields)
        except ChatmockdError as problem:
            asked = problem
        self._asked += 1
        turn = LaneTurn(
            asked,
            lane,
            f"{self.request_id}.{self._asked}",
            self._turns,
            self._pulse.clock,
            self.send,
            log_all=self._log_all,
        )
        self._lane_turns.enter(turn, len(payload))

    def ping_received(self, payload: bytes) -> None:
        """Answer it; only the last one, if the client does not read our answers."""
        if self._lane_turns.is_paused:
            self._ping = payload
        else:
            self._protocol.sendPong(payload)

    def lost(self, code: int | None) -> None:
        """
        The transport is gone.

        @param code: Of the close frame that ended it, if one did.
        """
        self._pulse.remove(self)
        self._leave()
        if self._log_all:
            line = f"WebSocket closed ({code or 1006}, {self._asked} requests)"
            self._log.info("{id}: {line}", id=self.request_id, line=line)

    # What the client wants.

    def _checked(self, fields: dict[str, Any]) -> Create:
        if self._stopping:
            raise ShuttingDown()
        keeps = self._turns.tree is not None
        self._defaults.complete(fields)
        return check_message(fields, self._turns.upstream.profile, keeps=keeps)

    def _steer(self, fields: dict[str, Any]) -> None:
        target, given = read_steer(fields)
        if not self._turns.upstream.steers:
            code = "steering_not_supported"
            reason = (
                "The upstream is called over HTTP (upstream.transport), where nothing "
                "can be added to a turn that runs."
            )
        elif not self._lane_turns.steer(target, given):
            code = "response_not_found"
            reason = "No response with this id runs on this connection."
        else:
            return
        self.send([refused_steer(target, given, code, reason)])

    def _refuse(self, error: ChatmockdError) -> None:
        self.send([error_message(error, None)])

    def _turns_changed(self) -> None:
        if self._stopping and self._lane_turns.is_idle:
            self.close()
        self._hear_if_able()

    def _leave(self) -> None:
        """Nobody listens any more."""
        if not self._over:
            self._over = True
            self._lane_turns.leave()

    # The transport: what it takes, and what we take from it.

    def send(self, messages: list[bytes]) -> None:
        """Send text messages, as soon as can be; none once the end has begun."""
        if messages and self._protocol.is_usable():
            for piece in text_frames(messages):
                send_soon(self._transport, piece)

    def pauseProducing(self) -> None:
        """The client does not keep up. Called on every write until it does."""
        self._lane_turns.pause()
        self._hear_if_able()

    def resumeProducing(self) -> None:
        """The client has taken all there was."""
        if self._ping is not None:
            ping, self._ping = self._ping, None
            self._protocol.sendPong(ping)
        self._lane_turns.resume()
        self._hear_if_able()

    def stopProducing(self) -> None:
        """The transport is about to report its end."""

    def _hear_if_able(self) -> None:
        if not self._over:
            full = self._lane_turns.is_full
            self._hear(not full and unsent(self._transport) <= _MOST_UNSENT)

    def _hear(self, wanted: bool) -> None:
        if wanted and self._deaf:
            self._deaf = False
            self._transport.resumeProducing()
        elif not wanted and not self._deaf:
            self._deaf = True
            self._transport.pauseProducing()

    def beat(self, now: float) -> None:
        """Look at the clock: ping, and give up who neither reads nor answers."""
        self._now = now
        if not self._protocol.is_usable():
            if self._closing_since is None:
                self._closing_since = now
            elif now - self._closing_since >= _CLOSING_GRACE:
                self._transport.abortConnection()
            return
        waiting = unsent(self._transport)
        if waiting != self._unsent or not waiting:
            self._unsent, self._moved = waiting, now
        elif 0 < self._stall_limit <= now - self._moved:
            self._give_up("reads nothing")
        if waiting or self._deaf:
            # Our ping, or its answer, would wait as well.
            self._heard = now
        elif now - self._heard >= GONE_AFTER:
            self._give_up("answers no ping")
        elif now - max(self._heard, self._pinged) >= PING_AFTER:
            self._pinged = now
            self._protocol.sendPing()

    def _give_up(self, why: str) -> None:
        self._log.info("{id}: client {why}", id=self.request_id, why=why)
        self._transport.abortConnection()
