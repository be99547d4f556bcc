"""C{POST /v1/chat/completions} and C{/v1/completions}: one request, one turn."""

from __future__ import annotations

from chatmockd.core.create import decode_object
from chatmockd.core.dialect.asked import Asked
from chatmockd.core.dialect.chat import AskedChat
from chatmockd.core.dialect.chat_stream import ChatView
from chatmockd.core.dialect.completions import AskedCompletion, CompletionView
from chatmockd.core.view import View
from chatmockd.settings import Settings
from chatmockd.web.dialects import Dialects
from chatmockd.web.guard import GuardedRequest


class Chat:
    """Takes the requests of the two older APIs."""

    def __init__(self, settings: Settings, dialects: Dialects) -> None:
        self._compat = settings.defaults.reasoning_compat
        self._dialects = dialects

    async def chat(self, request: GuardedRequest) -> bytes | None:
        """
        Carry out one turn of a chat.

        @return: The JSON body; None when a stream has been written instead.
        @raise ChatmockdError: Before anything was written.
        """
        given = decode_object(request.body())
        asked = AskedChat(given, thinks=self._compat == "think-tags")
        view = ChatView(asked, self._compat, int(request.began))
        return await self._answer(request, asked, view)

    async def complete(self, request: GuardedRequest) -> bytes | None:
        """Go on from a text; see L{chat}."""
        asked = AskedCompletion(decode_object(request.body()))
        view = CompletionView(asked, int(request.began))
        return await self._answer(request, asked, view)

    async def _answer(
        self, request: GuardedRequest, asked: Asked, view: View
    ) -> bytes | None:
        return await self._dialects.answer(
            request,
            asked.fields,
            view,
            streaming=asked.streaming,
            names=asked.names,
            left_out=asked.left_out,
            otherwise=asked.otherwise,
        )
