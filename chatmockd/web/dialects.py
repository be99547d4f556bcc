"""How the requests of the other APIs become turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chatmockd.core.create import check_create
from chatmockd.core.defaults import RequestDefaults, Wanted
from chatmockd.core.model import Catalog
from chatmockd.core.profile import PROFILES
from chatmockd.core.view import View
from chatmockd.errors import UpstreamRefused
from chatmockd.printable import printable
from chatmockd.settings import Settings
from chatmockd.turns.durable import Asker
from chatmockd.turns.registry import OWNER, Turns
from chatmockd.web.following import Following, session_of, tell_adjustments
from chatmockd.web.guard import GuardedRequest

# Refusals that are not about what was asked for, so that asking for less is no use.
_NOT_ABOUT_TOOLS = frozenset({401, 408, 409, 429})


def defaults_of(settings: Settings, catalog: Catalog) -> RequestDefaults:
    """What C{[defaults]} says, for an upstream with these models."""
    defaults = settings.defaults
    wanted = Wanted(
        model=defaults.model,
        effort=defaults.reasoning_effort,
        summary=defaults.reasoning_summary,
        fast_mode=defaults.fast_mode,
        web_search=defaults.web_search,
    )
    return RequestDefaults(wanted, PROFILES[settings.upstream.profile], catalog)


class Dialects:
    """Carries out what the dialects have translated: one request, one turn."""

    def __init__(
        self, turns: Turns, following: Following, defaults: RequestDefaults
    ) -> None:
        self._turns = turns
        self._following = following
        self._defaults = defaults

    async def answer(
        self,
        request: GuardedRequest,
        fields: dict[str, Any],
        view: View,
        *,
        streaming: bool,
        names: Mapping[str, str] | None = None,
        left_out: Sequence[str] = (),
        otherwise: dict[str, Any] | None = None,
    ) -> bytes | None:
        """
        Ask the upstream, and answer in the words of C{view}.

        @param fields: The same request in the words of the Responses API.
        @param names: What the client calls those fields that have another name.
        @param left_out: What the client asked for and the translation has not.
        @param otherwise: What to ask instead, once, if the upstream refuses C{fields}
            before anything was written. A web search that is only our default is left
            out in the same way.
        @return: The JSON body; None when a stream has been written instead.
        @raise ChatmockdError: Before anything was written.
        """
        session = session_of(request)
        before = dict(fields)
        request.remarks += self._defaults.complete_dialect(fields, session)
        if otherwise is None and "tools" in fields and "tools" not in before:
            otherwise = before
        names = names or {}
        try:
            return await self._ask(request, fields, view, streaming, names, left_out)
        except UpstreamRefused as problem:
            if (
                otherwise is None
                or not 400 <= problem.status < 500
                or problem.status in _NOT_ABOUT_TOOLS
            ):
                raise
            request.remarks.append(printable(f"refused: {problem}; again, with less"))
            request.noteworthy = True
        self._defaults.complete_dialect(otherwise, session, searches=False)
        return await self._ask(request, otherwise, view, streaming, names, left_out)

    async def _ask(
        self,
        request: GuardedRequest,
        fields: dict[str, Any],
        view: View,
        streaming: bool,
        names: Mapping[str, str],
        left_out: Sequence[str],
    ) -> bytes | None:
        turns = self._turns
        fields["stream"] = streaming
        create = check_create(
            fields, turns.upstream.profile, keeps=turns.tree is not None
        )
        tell_adjustments(request, create, names, left_out)
        asker = Asker(OWNER, hears_one_text=True)
        turn = turns.begin(create, request.request_id, asker)
        return await self._following.follow(
            request, turn, streaming=streaming, view=view
        )
