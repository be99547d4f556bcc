"""The routes, and the promise that every error is one JSON object."""

from __future__ import annotations

from klein import Klein
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from werkzeug.exceptions import HTTPException

from chatmockd.core.dialect.ollama_error import OnlyOllama
from chatmockd.errors import (
    ChatmockdError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    ShuttingDown,
)
from chatmockd.occasion import Occasion
from chatmockd.printable import printable
from chatmockd.web.chat import Chat
from chatmockd.web.guard import GuardedRequest
from chatmockd.web.models import Models
from chatmockd.web.ollama import Ollama
from chatmockd.web.passed_on import PassedOn
from chatmockd.web.responses import Responses
from chatmockd.web.root import Answering, Root
from chatmockd.web.status import Status
from chatmockd.web.stored import Stored
from chatmockd.web.upgrade import Sockets


class Api:
    """
    What HTTP clients can ask for.

    @ivar stopping: No more turns are begun.
    """

    _log = Logger()
    app = Klein()
    # /v1//responses is a wrong path like any other, and no redirect.
    app.url_map.merge_slashes = False

    def __init__(
        self,
        clock: IReactorTime,
        *,
        responses: Responses,
        chat: Chat,
        stored: Stored,
        sockets: Sockets,
        ollama: Ollama,
        passed_on: PassedOn,
        models: Models,
        status: Status,
    ) -> None:
        self._responses = responses
        self._chat = chat
        self._stored = stored
        self._sockets = sockets
        self._ollama = ollama
        self._passed_on = passed_on
        self._models = models
        self._status = status
        self._clock = clock
        self._in_flight = 0
        self._idle = Occasion()
        self.stopping = False

    def resource(self) -> Root:
        """The root of the site."""
        return Root(
            self.app.resource(),
            {
                (b"POST", b"/v1/responses"): self.responses,
                (b"GET", b"/v1/responses"): self.socket,
                (b"POST", b"/v1/chat/completions"): self.chat_completions,
                (b"POST", b"/v1/completions"): self.completions,
                (b"POST", b"/api/chat"): self.ollama_chat,
                (b"POST", b"/api/generate"): self.ollama_generate,
            },
        )

    def stop(self) -> None:
        """Begin no more turns, and close the WebSockets on which none runs."""
        self.stopping = True
        self._sockets.stop()

    def break_off(self) -> None:
        """Cut off the answers for which the daemon will not wait any more."""
        self._stored.break_off()

    def when_idle(self) -> Deferred[None]:
        """Fires when no client waits for an answer; a new Deferred at each call."""
        return self._idle.wait() if self._in_flight else succeed(None)

    @app.route("/health", methods=["GET"])
    def health(self, request: GuardedRequest) -> bytes:
        """C{{"status": "ok"}} as long as turns are taken on."""
        if self.stopping:
            raise ShuttingDown()
        request.setHeader(b"content-type", b"application/json")
        return b'{"status":"ok"}'

    @app.route("/v1/responses", methods=["POST"])
    async def responses(self, request: GuardedRequest) -> bytes | None:
        """A turn; see L{Responses.create}."""
        return await self._turn(request, self._responses.create)

    @app.route("/v1/chat/completions", methods=["POST"])
    async def chat_completions(self, request: GuardedRequest) -> bytes | None:
        """A turn of a chat; see L{Chat.chat}."""
        return await self._turn(request, self._chat.chat)

    @app.route("/v1/completions", methods=["POST"])
    async def completions(self, request: GuardedRequest) -> bytes | None:
        """A text that goes on; see L{Chat.complete}."""
        return await self._turn(request, self._chat.complete)

    @app.route("/v1/responses", methods=["GET"])
    async def socket(self, request: GuardedRequest) -> None:
        """Any number of turns over a WebSocket; see L{Sockets.upgrade}."""
        await self._sockets.upgrade(request, self._begun, self._answered)

    @app.route("/v1/responses/compact", methods=["POST"])
    async def compact(self, request: GuardedRequest) -> bytes:
        """A conversation made shorter; see L{PassedOn.compact}."""
        self._begun()
        request.on_end(self._answered)
        return await self._passed_on.compact(request)

    @app.route("/v1/responses/input_tokens", methods=["POST"])
    async def input_tokens(self, request: GuardedRequest) -> bytes:
        """How long one is; see L{PassedOn.input_tokens}."""
        self._begun()
        request.on_end(self._answered)
        return await self._passed_on.input_tokens(request)

    @app.route("/v1/responses/<response_id>", methods=["GET"])
    async def get(self, request: GuardedRequest, response_id: str) -> bytes | None:
        """A response; see L{Stored.get}."""
        self._begun()
        request.on_end(self._answered)
        return await self._stored.get(request, response_id)

    @app.route("/v1/responses/<response_id>", methods=["DELETE"])
    async def delete(self, request: GuardedRequest, response_id: str) -> bytes:
        """Delete one; see L{Stored.delete}."""
        return await self._stored.delete(request, response_id)

    @app.route("/v1/responses/<response_id>/cancel", methods=["POST"])
    async def cancel(self, request: GuardedRequest, response_id: str) -> bytes:
        """Give one up; see L{Stored.cancel}."""
        return await self._stored.cancel(request, response_id)

    @app.route("/v1/responses/<response_id>/input_items", methods=["GET"])
    async def input_items(self, request: GuardedRequest, response_id: str) -> bytes:
        """What one was made from; see L{Stored.input_items}."""
        return await self._stored.input_items(request, response_id)

    @app.route("/v1/models", methods=["GET"])
    def models(self, request: GuardedRequest) -> bytes:
        """The models there are; see L{Models.list_all}."""
        return self._models.list_all(request)

    @app.route("/v1/models/<path:name>", methods=["GET"])
    def model(self, request: GuardedRequest, name: str) -> bytes:
        """One of them; see L{Models.get}."""
        return self._models.get(request, name)

    @app.route("/v1/status", methods=["GET"])
    async def status(self, request: GuardedRequest) -> bytes:
        """How the daemon is; see L{Status.get}."""
        return await self._status.get(request)

    @app.route("/", methods=["GET"])
    def home(self, request: GuardedRequest) -> bytes:
        """What Ollama says, since its apps look here whether somebody is in."""
        if self.stopping:
            raise ShuttingDown()
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        return b"Ollama is running"

    @app.route("/api/chat", methods=["POST"])
    async def ollama_chat(self, request: GuardedRequest) -> bytes | None:
        """A turn; see L{Ollama.chat}."""
        return await self._turn(request, self._ollama.chat)

    @app.route("/api/generate", methods=["POST"])
    async def ollama_generate(self, request: GuardedRequest) -> bytes | None:
        """A turn; see L{Ollama.generate}."""
        return await self._turn(request, self._ollama.generate)

    @app.route("/api/version", methods=["GET"])
    def ollama_version(self, request: GuardedRequest) -> bytes:
        """See L{Ollama.version}."""
        return self._ollama.version(request)

    @app.route("/api/tags", methods=["GET"])
    def ollama_tags(self, request: GuardedRequest) -> bytes:
        """See L{Ollama.tags}."""
        return self._ollama.tags(request)

    @app.route("/api/ps", methods=["GET"])
    def ollama_running(self, request: GuardedRequest) -> bytes:
        """See L{Ollama.running}."""
        return self._ollama.running(request)

    @app.route("/api/show", methods=["POST"])
    def ollama_show(self, request: GuardedRequest) -> bytes:
        """See L{Ollama.show}."""
        return self._ollama.show(request)

    @app.route("/api/pull", methods=["POST"])
    @app.route("/api/push", methods=["POST"])
    @app.route("/api/create", methods=["POST"])
    @app.route("/api/copy", methods=["POST"])
    @app.route("/api/delete", methods=["DELETE"])
    @app.route("/api/embed", methods=["POST"])
    @app.route("/api/embeddings", methods=["POST"])
    @app.route("/api/blobs/<digest>", methods=["GET", "POST"])
    def only_ollama(self, request: GuardedRequest, digest: str = "") -> bytes:
        """What needs models of one's own."""
        raise OnlyOllama(request.path.decode("latin-1"))

    async def _turn(
        self, request: GuardedRequest, answering: Answering
    ) -> bytes | None:
        """Have C{answering} answer, and know that there is a turn until it has."""
        self._begun()
        # Not when this method returns: what it returns has yet to be written.
        request.on_end(self._answered)
        try:
            return await answering(request)
        except CancelledError:
            self._log.info("{request_id}: client gone", request_id=request.request_id)
            raise

    def _begun(self) -> None:
        self._in_flight += 1

    def _answered(self) -> None:
        self._in_flight -= 1
        if self._in_flight == 0 and self._idle.is_awaited:
            # Later, since whoever waits may end what is only just ending: this comes
            # out of the middle of a client's connectionLost, too.
            self._clock.callLater(0, self._fire_idle)

    def _fire_idle(self) -> None:
        if self._in_flight == 0:
            self._idle.happen()

    # Klein's types know error methods of the unspecific IRequest only.

    @app.handle_errors(ChatmockdError)  # type: ignore[arg-type]
    def owed(self, request: GuardedRequest, failure: Failure) -> bytes:
        """The errors that we mean to answer with."""
        assert isinstance(failure.value, ChatmockdError)
        return request.set_error(failure.value)

    @app.handle_errors(HTTPException)  # type: ignore[arg-type]
    def unrouted(self, request: GuardedRequest, failure: Failure) -> bytes:
        """What Klein's router says of a path or a method."""
        problem = failure.value
        assert isinstance(problem, HTTPException)
        path = printable(request.path.decode("latin-1"))
        method = printable(request.method.decode("latin-1"))
        if problem.code == 405:
            allowed = sorted(getattr(problem, "valid_methods", None) or ())
            request.setHeader("allow", ", ".join(allowed))
            return request.set_error(
                MethodNotAllowed(f"{method} is not allowed for {path}.")
            )
        if problem.code in (404, 308):
            return request.set_error(
                NotFound(f"There is no {method} {path}.{_base_url_hint(path)}")
            )
        return request.set_error(InvalidRequest(f"{path} cannot be served."))

    @app.handle_errors(Exception)  # type: ignore[arg-type]
    def unexpected(self, request: GuardedRequest, failure: Failure) -> bytes | None:
        """Our own mistakes. Once a stream has begun there is no way to say so in it."""
        if failure.check(CancelledError):
            return None
        request.processingFailed(failure)
        return None


def _base_url_hint(path: str) -> str:
    """What may be wrong with the base URL of a client that asks for C{path}."""
    if path.startswith(("/responses", "/chat/", "/completions", "/models")):
        return " The base URL has to end in /v1."
    if path.startswith("/v1/v1/"):
        return " The base URL has one /v1 too many."
    if path.startswith("/v1/api/"):
        return " The base URL for Ollama's API has no /v1."
    return ""
