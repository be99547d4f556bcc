"""How the requests of the other APIs become turns."""

from __future__ import annotations

from typing import Any

from chatmockd.core.create import check_create
from chatmockd.core.view import View
from chatmockd.turns.durable import Asker
from chatmockd.turns.registry import OWNER, Turns
from chatmockd.web.following import Following, tell_adjustments
from chatmockd.web.guard import GuardedRequest


class Dialects:
    """Carries out what the dialects have translated: one request, one turn."""

    def __init__(self, turns: Turns, following: Following) -> None:
        self._turns = turns
        self._following = following

    async def answer(
        self,
        request: GuardedRequest,
        fields: dict[str, Any],
        view: View,
        *,
        streaming: bool,
    ) -> bytes | None:
        """
        Ask the upstream, and answer in the words of C{view}.

        @param fields: The same request in the words of the Responses API.
        @return: The JSON body; None when a stream has been written instead.
        @raise ChatmockdError: Before anything was written.
        """
        turns = self._turns
        fields["stream"] = streaming
        create = check_create(
            fields, turns.upstream.profile, keeps=turns.tree is not None
        )
        tell_adjustments(request, create)
        turn = turns.begin(create, request.request_id, Asker(OWNER))
        return await self._following.follow(
            request, turn, streaming=streaming, view=view
        )
