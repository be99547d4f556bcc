"""What stands before every route: admission, the body limit, the request's id."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import parse_qs
from twisted.web.server import Request

from chatmockd.core.admission import Admission, Head, packing_of
from chatmockd.core.dialect.ollama_error import error_json
from chatmockd.errors import BodyTooLarge, ChatmockdError, InvalidRequest
from chatmockd.printable import printable
from chatmockd.web.unpacking import unpacked

# How much of a refused body is read and thrown away, so that the client gets to its
# answer instead of a broken pipe. Bytes.
_PATIENCE = 268_435_456

_OLLAMA = b"/api/"  # where its API is

# What a page may read of our answers besides their bodies.
_EXPOSED = b", ".join(
    [
        b"x-request-id",
        b"x-chatmockd-adjusted",
        # Without these an SDK in a page would repeat what must not be, or too soon.
        b"x-should-retry",
        b"retry-after",
        *(
            b"x-ratelimit-%b-%b" % (what, of)
            for of in (b"requests", b"tokens")
            for what in (b"limit", b"remaining", b"reset")
        ),
    ]
)

_PHRASES = {status.value: status.phrase.encode("ascii") for status in HTTPStatus}


class GuardedRequest(Request):
    """
    A request that has been let in by the time a route sees it.

    @ivar request_id: In C{x-request-id} and in every log line about this request.
    @ivar began: When it had arrived, in seconds on the site's clock.
    @ivar sent: Its headers, by their canonical names: C{b"Content-Type"}.
    @ivar gone: The client's connection is gone; there is nobody to answer.
    @ivar remarks: What the log shall say of it besides status and path.
    @ivar noteworthy: Something was not as the client wanted it; the log always says so.
    @cvar admission: Who may come in.
    @cvar max_body_bytes: How long a body may be.
    """

    _log = Logger()

    admission: Admission
    max_body_bytes: int
    content: BytesIO
    channel: Any

    request_id = ""
    began = 0.0
    gone = False
    noteworthy = False
    sent: Mapping[bytes, Sequence[bytes]]
    remarks: list[str]
    # Deferreds of notifyFinish would do, at four times the price.
    _to_tell: Sequence[Callable[[], None]] = ()
    _discarded = 0

    def gotLength(self, length: int | None) -> None:
        """The head announces a body of this many bytes, or of an unknown number."""
        super().gotLength(length)
        if length is not None and length > self.max_body_bytes:
            self._discarded = 1

    def handleContentChunk(self, data: bytes) -> None:
        """Count the body as it arrives; of one that is too large, keep nothing."""
        if not self._discarded:
            super().handleContentChunk(data)
            if self.content.tell() <= self.max_body_bytes:
                return
            self.content.seek(0)
            self.content.truncate()
        before = self._discarded
        self._discarded += len(data)
        if before <= _PATIENCE < self._discarded:
            self.channel.forceAbortClient()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """All of it has arrived. What twisted.web would do about forms is left out."""
        self.content.seek(0)
        self.method, self.uri, self.clientproto = command, path, version
        self.path, _, query = path.partition(b"?")
        self.args = parse_qs(query, True) if query else {}
        self.process()

    def process(self) -> None:
        """Give the request an id; let it in, or answer it here."""
        self.request_id = new_request_id()
        self.site = self.channel.site
        self.began = self.site.reactor.seconds()
        self.remarks = []
        # Once, in one go: to find a header, twisted.web makes its name anew.
        self.sent = dict(self.requestHeaders.getAllRawHeaders())
        head = self._head()
        refusal = self.admission.check(head)
        if refusal is None and self._discarded:
            refusal = BodyTooLarge(
                f"The body is larger than {self.max_body_bytes} bytes "
                "(server.max_body_bytes)."
            )
        if refusal is None and head.content_encoding and head.has_body:
            refusal = self._unpack(head.content_encoding)
        if refusal is not None:
            self.refuse(refusal)
            return
        if head.origin:
            self._allow_page(head.origin[0])
            if self.method == b"OPTIONS":
                self.setResponseCode(204)
                self.finish()
                return
        path = self.path
        if b"%" in path or not path.isascii():
            path = unquote_to_bytes(path)
            if not _is_utf8(path):
                self.refuse(InvalidRequest("The path is not UTF-8."))
                return
        self.prepath = []
        self.postpath = path[1:].split(b"/")
        try:
            self.render(self.site.resource)
        except Exception:
            self.processingFailed(Failure())

    def on_end(self, tell: Callable[[], None]) -> None:
        """Call C{tell} when the answer has been written, or the client is gone."""
        self._to_tell = (*self._to_tell, tell)

    def connectionLost(self, reason: Failure) -> None:
        """The client is gone."""
        self.gone = True
        super().connectionLost(reason)
        self._tell_end()

    def finish(self) -> None:
        """The answer has been written."""
        self.channel.hold()
        super().finish()
        self._tell_end()

    def _tell_end(self) -> None:
        to_tell, self._to_tell = self._to_tell, ()
        for tell in to_tell:
            tell()

    def body(self) -> bytes:
        """The whole body."""
        return self.content.read()

    def refuse(self, error: ChatmockdError) -> None:
        """Answer with C{error} and be done with the request."""
        if not self.gone:
            self.write(self.set_error(error))
            self.finish()

    def set_error(self, error: ChatmockdError) -> bytes:
        """Make C{error} the answer; return the body that goes with it."""
        # Ollama's clients read nothing but a sentence.
        ollama = self.path.startswith(_OLLAMA)
        body = error_json(error) if ollama else error.as_json()
        self.noteworthy = True
        # twisted.web knows no phrase for 429 and other newer ones.
        phrase = _PHRASES.get(error.status, b"Error")
        self.setResponseCode(error.status, phrase)
        for name, value in error.headers().items():
            self.setHeader(name, value)
        self.setHeader(b"content-type", b"application/json")
        self.setHeader(b"content-length", b"%d" % len(body))
        self.remarks.append(printable(f"{error.code or error.type}: {error}"))
        return body

    def processingFailed(self, reason: Failure) -> None:
        """Our own mistake: log it whole, tell the client nothing of its inside."""
        self._log.failure("{request_id}: failed", reason, request_id=self.request_id)
        if self.gone:
            return
        if not self.startedWriting:
            self.refuse(ChatmockdError("chatmockd failed; its log has the reason."))
        else:
            self.channel.forceAbortClient()

    def _unpack(self, encodings: Sequence[bytes]) -> ChatmockdError | None:
        """Make the body what it was; say why it cannot be."""
        packing = packing_of(encodings)
        if packing:
            limit = self.max_body_bytes
            try:
                body = unpacked(self.content.getvalue(), packing, limit)
            except ChatmockdError as problem:
                return problem
            self.content = BytesIO(body)
        return None

    def _head(self) -> Head:
        sent = self.sent
        return Head(
            self.method,
            self.uri,
            sent.get(b"Host", ()),
            sent.get(b"Origin", ()),
            sent.get(b"Sec-Fetch-Site", ()),
            sent.get(b"Content-Type", ()),
            sent.get(b"Content-Encoding", ()),
            self._discarded > 0 or len(self.content.getbuffer()) > 0,
        )

    def _allow_page(self, origin: bytes) -> None:
        """What a browser wants to hear before its page may read our answers."""
        headers = self.responseHeaders
        headers.setRawHeaders(b"Access-Control-Allow-Origin", [origin])
        headers.setRawHeaders(b"Vary", [b"Origin"])
        headers.setRawHeaders(b"Access-Control-Expose-Headers", [_EXPOSED])
        if self.method == b"OPTIONS":
            headers.setRawHeaders(
                b"Access-Control-Allow-Methods", [b"GET, POST, DELETE"]
            )
            wanted = self.sent.get(b"Access-Control-Request-Headers")
            if wanted:
                headers.setRawHeaders(b"Access-Control-Allow-Headers", wanted)
            headers.setRawHeaders(b"Access-Control-Max-Age", [b"600"])


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def new_request_id() -> str:
    """An id that no other request has."""
    return f"req_{os.urandom(16).hex()}"


def guarded(admission: Admission, max_body_bytes: int) -> type[GuardedRequest]:
    """The request class of one site: C{Site} makes requests without arguments."""
    return type(
        "SiteRequest",
        (GuardedRequest,),
        {"admission": admission, "max_body_bytes": max_body_bytes},
    )
