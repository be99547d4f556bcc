"""The Ollama API: C{/api/chat}, C{/api/generate}, and what clients ask around them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from twisted.internet.interfaces import IReactorTime

from chatmockd.core.create import decode_object
from chatmockd.core.dialect.ollama import NAMES, AskedOllama, read_chat, read_generate
from chatmockd.core.dialect.ollama_answer import (
    CHAT,
    GENERATE,
    Form,
    OllamaView,
    idle_json,
)
from chatmockd.core.dialect.ollama_calls import Calls
from chatmockd.core.dialect.ollama_models import (
    asked_model,
    find,
    running_json,
    show_json,
    tags_json,
    version_json,
)
from chatmockd.core.model import Catalog, Model
from chatmockd.settings import Settings
from chatmockd.web.dialects import Dialects
from chatmockd.web.following import answer_json
from chatmockd.web.guard import GuardedRequest


class Ollama:
    """Answers clients that believe to talk to Ollama."""

    def __init__(
        self,
        settings: Settings,
        dialects: Dialects,
        catalog: Catalog,
        clock: IReactorTime,
        now: Callable[[], float],
    ) -> None:
        """
        @param now: Unix time, in seconds.
        """
        self._dialects = dialects
        self._catalog = catalog
        self._clock = _Clock(clock, now)
        self._calls = Calls()
        # Whatever is asked for, another one answers.
        self._any_model = bool(settings.defaults.model)
        self._with_efforts = settings.models.expose_efforts
        self._since = self._clock.stamp().decode("ascii")

    async def chat(self, request: GuardedRequest) -> bytes | None:
        """One turn of a conversation that the client has with it."""
        asked = read_chat(decode_object(request.body()), self._find, self._calls)
        return await self._answer(request, asked, CHAT)

    async def generate(self, request: GuardedRequest) -> bytes | None:
        """The answer to one prompt."""
        asked = read_generate(decode_object(request.body()), self._find)
        return await self._answer(request, asked, GENERATE)

    def show(self, request: GuardedRequest) -> bytes:
        """What there is to know about one model."""
        name = asked_model(decode_object(request.body()))
        model = find(self._catalog.models(), name)
        return answer_json(request, show_json(model, self._since))

    def tags(self, request: GuardedRequest) -> bytes:
        """Which models there are."""
        models = self._catalog.models()
        listed = tags_json(models, self._since, with_efforts=self._with_efforts)
        return answer_json(request, listed)

    def running(self, request: GuardedRequest) -> bytes:
        """Which of them are in memory."""
        return answer_json(request, running_json())

    def version(self, request: GuardedRequest) -> bytes:
        """Which Ollama this is like."""
        return answer_json(request, version_json())

    async def _answer(
        self, request: GuardedRequest, asked: AskedOllama, form: Form
    ) -> bytes | None:
        if asked.idle_reason:
            return answer_json(request, idle_json(asked, form, self._clock))
        view = OllamaView(asked, form, self._calls, self._clock, request.began)
        return await self._dialects.answer(
            request,
            asked.fields,
            view,
            streaming=asked.streaming,
            names=NAMES,
            otherwise=asked.otherwise,
        )

    def _find(self, name: str) -> Model | None:
        return None if self._any_model else find(self._catalog.models(), name)


class _Clock:
    """Both of ours; see L{chatmockd.core.dialect.ollama_answer.Clock}."""

    def __init__(self, clock: IReactorTime, now: Callable[[], float]) -> None:
        self.seconds: Callable[[], float] = clock.seconds
        self._now = now

    def stamp(self) -> bytes:
        """Now, as RFC 3339 has it, with a fraction."""
        now = datetime.fromtimestamp(self._now(), UTC).replace(tzinfo=None)
        return f"{now.isoformat(timespec='microseconds')}Z".encode("ascii")
