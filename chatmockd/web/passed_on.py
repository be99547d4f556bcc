"""C{POST /v1/responses/compact} and C{.../input_tokens}: asked of the upstream."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from chatmockd.core.create import Create, read_create
from chatmockd.core.profile import Profile
from chatmockd.errors import InvalidRequest, PreviousResponseNotFound, UpstreamRefused
from chatmockd.turns.registry import OWNER, Turns
from chatmockd.turns.unfolding import unfolded
from chatmockd.upstream.calls import Calls
from chatmockd.web.following import answer_json, tell_adjustments
from chatmockd.web.guard import GuardedRequest


class _Compaction(msgspec.Struct):
    """What an upstream answers: OpenAI's whole object, or only what it is about."""

    output: list[msgspec.Raw]
    object: str = ""
    usage: Any = None


class PassedOn:
    """Answers with what the upstream says, in the shape of OpenAI's API."""

    def __init__(self, turns: Turns, calls: Calls, now: Callable[[], float]) -> None:
        """
        @param now: Unix time, in seconds.
        """
        self._turns = turns
        self._calls = calls
        self._now = now

    async def compact(self, request: GuardedRequest) -> bytes:
        """
        Make a conversation shorter.

        Its marker may be any response of ours: what the upstream gets is the path.

        @raise ChatmockdError: It cannot be done; the client is told why.
        """
        body = await self._body(request, "compact", has=self._profile.compacts)
        answer = await self._calls.post("/compact", body)
        try:
            said = msgspec.json.decode(answer, type=_Compaction)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _not_understood("compact") from None
        if said.object != "response.compaction":
            answer = msgspec.json.encode(
                {
                    "id": f"resp_{secrets.token_hex(25)}",
                    "object": "response.compaction",
                    "created_at": int(self._now()),
                    "output": said.output,
                    "usage": said.usage,
                }
            )
        return answer_json(request, answer)

    async def input_tokens(self, request: GuardedRequest) -> bytes:
        """
        Count the tokens of an input.

        @raise ChatmockdError: It cannot be done; the client is told why.
        """
        body = await self._body(request, "input_tokens", has=self._profile.counts_input)
        answer = await self._calls.post("/input_tokens", body)
        try:
            msgspec.json.decode(answer, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _not_understood("input_tokens") from None
        return answer_json(request, answer)

    @property
    def _profile(self) -> Profile:
        return self._turns.upstream.profile

    async def _body(self, request: GuardedRequest, name: str, *, has: bool) -> bytes:
        """What to send, once it is known that somebody can make sense of it."""
        create = read_create(request.body(), self._profile)
        if not has:
            raise InvalidRequest(
                f"The upstream (profile {self._profile.name}) has no {name}.",
                code="unsupported_by_upstream",
            )
        if create.background or create.streaming:
            field = "background" if create.background else "stream"
            raise InvalidRequest(
                f"Unsupported parameter: '{field}'. {name} is answered at once.",
                param=field,
                code="unsupported_parameter",
            )
        if create.given is None and create.marker is None:
            raise InvalidRequest(
                "Missing required parameter: 'input'.",
                param="input",
                code="missing_required_parameter",
            )
        marker, items = await self._continued(create)
        tell_adjustments(request, create)
        # Nothing is stored, and it is no parameter there.
        return create.as_body(marker, items, without="store")

    async def _continued(self, create: Create) -> tuple[str | None, list[Any] | None]:
        """The marker and the input to send."""
        tree = self._turns.tree
        if tree is not None:
            return None, await unfolded(tree, OWNER, create)
        if create.marker is not None and self._profile.name == "chatgpt":
            # Nobody there knows what was said, except a socket that does not do this.
            raise PreviousResponseNotFound(create.marker)
        return create.marker, None


def _not_understood(name: str) -> UpstreamRefused:
    return UpstreamRefused(
        f"The upstream answered {name} with something else than asked for.",
        status=502,
        type="upstream_error",
        code="upstream_error",
    )
