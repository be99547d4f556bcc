"""The upstream's HTTP side: C{POST .../responses} as an event stream, and its kin.

The same turns as over a WebSocket, with what HTTP has of its own: each profile wants
other fields, a refusal is a status, and nothing is remembered between requests unless
it is stored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from chatmockd.simulator.damage import Act, Close, Drop, Hang, Refuse, Send
from chatmockd.simulator.faults import Faults
from chatmockd.simulator.http_rules import check_http, compacted, counted, http_body
from chatmockd.simulator.memory import Memory, Storage
from chatmockd.simulator.refusal import Refused
from chatmockd.simulator.turn import Turn
from chatmockd.simulator.upgrade import PATHS, Ignore, Refusal, refusal_of

# What there is at a profile's path, and below it.
CALLS = ("", "/compact", "/input_tokens")

_MOST_SEEN = 1000


@dataclass(frozen=True)
class SeenRequest:
    """One request as it came in."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    """With lower-case names."""


class HttpTurns(Resource):
    """
    Answers what is posted to the profile's path, and below it.

    It looks at the whole path, so it may be the root of a site, or stand at each of
    L{CALLS} below the profile's path.

    @ivar faults: What it does wrong. A C{refuse} of 426 is for upgrades only.
    @ivar seen: The newest requests, oldest first, refused ones included.
    @ivar running: The turns under way.
    """

    isLeaf = True

    def __init__(
        self,
        clock: IReactorTime,
        profile: str = "openai",
        *,
        faults: Faults | None = None,
        bearer: str | None = None,
        admits: Callable[[str], bool] | None = None,
        storage: Storage | None = None,
    ) -> None:
        """
        @param bearer: Refuse requests with 401 that do not bring exactly this token.
        @param admits: Or those whose token it says no to.
        @param storage: The responses that WebSockets stored, if there are some.
        """
        super().__init__()
        self.faults = Faults() if faults is None else faults
        self.bearer = bearer
        self._admits = admits
        self.seen: deque[SeenRequest] = deque(maxlen=_MOST_SEEN)
        self.running: set[Stream] = set()
        self._clock, self._profile = clock, profile
        self._storage = Storage() if storage is None else storage

    def render_POST(self, request: Request) -> bytes | int:
        """One call."""
        path = request.path.decode("latin-1")
        base, _, below = path.partition(PATHS[self._profile])
        headers = _headers(request)
        refusal = self._refusal(path, headers, below)
        if isinstance(refusal, Ignore):
            return NOT_DONE_YET
        if refusal is not None:
            return _refuse_plainly(request, refusal)
        assert request.content is not None
        try:
            body = http_body(request.content.read())
            self.seen.append(SeenRequest(path, body, headers))
            if below == "/compact":
                return _answer(request, compacted(body, self._profile, self._now()))
            if below == "/input_tokens":
                return _answer(request, counted(body))
            check_http(body, self._profile)
        except Refused as refused:
            return _refuse(request, refused, self._profile)
        turn = Turn(
            body, None, self._profile, Memory(self._storage), self.faults, self._now
        )
        if body.get("stream") is not True:
            return _whole(request, turn.acts(), self._profile)
        self.running.add(
            Stream(request, turn.acts(), self._clock, self._profile, self.running)
        )
        return NOT_DONE_YET

    def _refusal(
        self, path: str, headers: Mapping[str, str], below: str
    ) -> Refusal | Ignore | None:
        known = set(CALLS)
        if self._profile == "chatgpt":
            known.remove("/input_tokens")
        ours = path == PATHS[self._profile] + below and below in known
        asked = PATHS[self._profile] if ours else path
        faults = self.faults
        if faults.refuse == 426:
            faults = Faults()
        return refusal_of(
            asked,
            headers,
            faults,
            profile=self._profile,
            bearer=self.bearer,
            admits=self._admits,
        )

    def _now(self) -> float:
        return self._clock.seconds()


@implementer(IPushProducer)
class Stream:
    """One turn on its way out, an event at a time, no faster than its reader."""

    def __init__(
        self,
        request: Request,
        acts: Iterator[Act],
        clock: IReactorTime,
        profile: str,
        running: set[Stream],
    ) -> None:
        self._request, self._acts, self._clock = request, acts, clock
        self._profile, self._running = profile, running
        self._head: list[bytes] = []
        self._begun = self._over = False
        self._paused = self._playing = False
        self._timer: IDelayedCall | None = None
        request.notifyFinish().addBoth(self._gone)
        request.registerProducer(self, True)
        # Behind the caller, who is not told that it is over before it has begun.
        self._later(0)

    @property
    def is_paused(self) -> bool:
        """Whether it waits for its reader."""
        return self._paused

    def pauseProducing(self) -> None:
        """The reader does not keep up."""
        self._paused = True

    def resumeProducing(self) -> None:
        """He does."""
        self._paused = False
        self._play()

    def stopProducing(self) -> None:
        """He is gone."""
        self._stop()

    def drop(self) -> None:
        """Lose the TCP connection in the middle of everything."""
        self._stop()
        channel: Any = self._request.channel
        if channel is not None:
            channel.forceAbortClient()

    def _play(self) -> None:
        if self._playing or self._timer is not None:
            return
        self._playing = True
        try:
            while not (self._over or self._paused or self._timer is not None):
                act = next(self._acts, None)
                if act is None:
                    self._finish()
                else:
                    self._perform(act)
        finally:
            self._playing = False

    def _perform(self, act: Act) -> None:
        match act:
            case Send():
                self._say(act.payload)
                if act.pace_s:
                    self._later(act.pace_s)
            case Refuse():
                if self._begun:
                    frame = msgspec.json.encode(_flat(act.refused))
                    self._say(frame)
                    self._finish()
                else:
                    self._stop_producing()
                    body = _refuse(self._request, act.refused, self._profile)
                    self._request.write(body)
                    self._request.finish()
            case Close() if act.code == 1000:
                # What a hang-up is on a socket is a stream without a word here.
                self._begin()
                self._finish()
            case Close() | Drop():
                self._begin()
                self._later(0, self.drop)
            case Hang():
                self._begin()
                self._over = True

    def _say(self, payload: bytes) -> None:
        kind = _kind(payload)
        name = f"event: {kind}\n".encode() if kind else b""
        event = b"%bdata: %b\n\n" % (name, payload)
        if not self._begun and kind is not None and kind.startswith("codex."):
            # A request that is refused is refused with a status, whatever came first.
            self._head.append(event)
            return
        self._begin()
        self._request.write(event)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            headers = self._request.responseHeaders
            headers.setRawHeaders("content-type", ["text/event-stream; charset=utf-8"])
            headers.setRawHeaders("x-request-id", ["req_simulated"])
            self._request.write(b"".join(self._head))

    def _finish(self) -> None:
        self._begin()
        self._stop_producing()
        self._request.finish()

    def _stop_producing(self) -> None:
        self._stop()
        self._request.unregisterProducer()

    def _later(self, seconds: float, call: Callable[[], None] | None = None) -> None:
        def due() -> None:
            self._timer = None
            (call or self._play)()

        self._timer = self._clock.callLater(seconds, due)

    def _stop(self) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _gone(self, _: object) -> None:
        self._stop()
        self._running.discard(self)


def _headers(request: Request) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): values[-1].decode("latin-1")
        for name, values in request.requestHeaders.getAllRawHeaders()
    }


def _event(payload: bytes) -> dict[str, Any]:
    """What a frame says; nothing, when it is damaged."""
    try:
        return msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _kind(payload: bytes) -> str | None:
    kind = _event(payload).get("type")
    return kind if isinstance(kind, str) else None


def _flat(refused: Refused) -> dict[str, Any]:
    """The one shape that event streams know."""
    return {
        "type": "error",
        "code": refused.code,
        "message": refused.message,
        "param": refused.param,
        "sequence_number": 0,
    }


def _answer(request: Request, body: bytes) -> bytes:
    request.setHeader(b"content-type", b"application/json")
    return body


def _refuse_plainly(request: Request, refusal: Refusal) -> bytes:
    head, _, body = refusal.to_http().partition(b"\r\n\r\n")
    request.setResponseCode(refusal.status)
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b": ")
        if name not in (b"connection", b"content-length"):
            request.setHeader(name, value)
    return body


def _refuse(request: Request, refused: Refused, profile: str) -> bytes:
    request.setResponseCode(refused.status)
    for name, value in refused.headers.items():
        request.setHeader(name, value)
    said = refused.frame()
    if profile == "chatgpt" and said.get("error", {}).get("detail"):
        return _answer(request, msgspec.json.encode({"detail": refused.message}))
    error = said.get("error") or said.get("body", {}).get("error") or _flat(refused)
    return _answer(request, msgspec.json.encode({"error": error}))


def _whole(request: Request, acts: Iterator[Act], profile: str) -> bytes | int:
    """A turn without C{stream}: its response object, when it has ended."""
    response: object = None
    for act in acts:
        match act:
            case Refuse():
                return _refuse(request, act.refused, profile)
            case Send():
                response = _event(act.payload).get("response", response)
            case Hang():
                return NOT_DONE_YET
            case Close() | Drop():
                # There is no half an answer, so there is none.
                channel: Any = request.channel
                channel.forceAbortClient()
                return NOT_DONE_YET
    return _answer(request, msgspec.json.encode(response))
