"""What can be asked of a response by its id: whole or as events, its input, its end."""

from __future__ import annotations

import msgspec

from chatmockd.core.listing import page
from chatmockd.core.resumption import Resumption
from chatmockd.core.snapshot import failed, is_running, status_of
from chatmockd.errors import InvalidRequest, ResponseNotFound, UpstreamOutcomeUnknown
from chatmockd.store.contract import Record
from chatmockd.store.tree import Tree
from chatmockd.turns.registry import OWNER, Turns
from chatmockd.web.following import Following, answer_json
from chatmockd.web.guard import GuardedRequest


class Stored:
    """Answers from the tree, and from the turns that run."""

    def __init__(self, turns: Turns, following: Following) -> None:
        self._turns = turns
        self._following = following

    async def get(self, request: GuardedRequest, response_id: str) -> bytes | None:
        """
        The response object, or with C{stream=true} its events.

        @raise ResponseNotFound: There is none.
        """
        tree = self._tree(response_id)
        streaming = _flag(request, "stream")
        after = _number(request, "starting_after", -1)
        turn = self._turns.find(OWNER, response_id)
        if turn is not None:
            if streaming:
                return await self._following.follow(
                    request,
                    turn,
                    streaming=True,
                    view=Resumption(after),
                    from_start=True,
                )
            return answer_json(request, self._turns.snapshot(turn))
        record = await self._record(tree, response_id)
        if streaming:
            events = await tree.events(OWNER, response_id)
            if events is None:
                raise InvalidRequest(
                    f"The events of response '{response_id}' are not there: the daemon "
                    "died while it ran.",
                    param="stream",
                    code="events_not_found",
                )
            await self._following.replay(request, events, after)
            return None
        return answer_json(request, _response(record))

    def break_off(self) -> None:
        """Wait for nobody who reads the events of the past; L{Following.break_off}."""
        self._following.break_off()

    async def delete(self, request: GuardedRequest, response_id: str) -> bytes:
        """
        Delete a response; what continues it keeps its history.

        @raise ResponseNotFound: There is none.
        """
        tree = self._tree(response_id)
        await self._end(response_id)
        if not await tree.delete(OWNER, response_id):
            raise ResponseNotFound(response_id)
        gone = {"id": response_id, "object": "response", "deleted": True}
        return answer_json(request, msgspec.json.encode(gone))

    async def cancel(self, request: GuardedRequest, response_id: str) -> bytes:
        """
        Give up a background response; harmless twice.

        @raise ResponseNotFound: There is none.
        @raise InvalidRequest: It has a client that waits for it, or has ended.
        """
        tree = self._tree(response_id)
        turn = self._turns.find(OWNER, response_id)
        background = turn is not None and self._turns.is_background(turn)
        if turn is None:
            background = (await self._record(tree, response_id)).background
        if not background:
            raise InvalidRequest(
                "Only a response that was created with 'background: true' can be "
                "cancelled; any other one is by closing its connection.",
                code="not_cancellable",
            )
        await self._end(response_id)
        response = _response(await self._record(tree, response_id))
        status = status_of(response) or "completed"
        if status != "cancelled":
            # In the API's own words and terms: clients look for them.
            article = "an" if status == "incomplete" else "a"
            raise InvalidRequest(
                f"Cannot cancel {article} {status} response.",
                param="response_id",
                code="invalid_request_error",
            )
        return answer_json(request, response)

    async def input_items(self, request: GuardedRequest, response_id: str) -> bytes:
        """
        The items that the response was made from, page by page.

        @raise ResponseNotFound: There is none.
        """
        tree = self._tree(response_id)
        record = await tree.record(OWNER, response_id)
        path = [] if record is None else await tree.path(record)
        if not path:
            raise ResponseNotFound(response_id)
        *before, last = path
        items = [
            item for one in before for item in (*one.input_items(), *one.output_items())
        ]
        items += last.input_items()
        listed = page(
            items,
            after=_argument(request, "after"),
            limit=_argument(request, "limit"),
            order=_argument(request, "order"),
        )
        return answer_json(request, listed)

    def _tree(self, response_id: str) -> Tree:
        if self._turns.tree is None:
            raise ResponseNotFound(response_id)
        return self._turns.tree

    async def _record(self, tree: Tree, response_id: str) -> Record:
        record = await tree.record(OWNER, response_id)
        if record is None or record.response is None:
            raise ResponseNotFound(response_id)
        return record

    async def _end(self, response_id: str) -> None:
        """Give the turn up, if it runs, and wait until that is on record."""
        turn = self._turns.find(OWNER, response_id)
        if turn is not None:
            turn.cancel()
            await turn.when_over()


def _response(record: Record) -> bytes:
    """The response object of a turn that does not run."""
    assert record.response is not None
    if not is_running(record.response):
        return record.response
    return failed(
        record.response,
        UpstreamOutcomeUnknown("How the response ended is not on record."),
    )


def _argument(request: GuardedRequest, name: str) -> str | None:
    values: list[bytes] = request.args.get(name.encode("ascii"), [])
    return values[-1].decode("utf-8", "replace") if values else None


def _flag(request: GuardedRequest, name: str) -> bool:
    value = _argument(request, name)
    if value not in (None, "true", "false"):
        raise InvalidRequest(
            f"Invalid value for '{name}': expected 'true' or 'false'.",
            param=name,
            code="invalid_value",
        )
    return value == "true"


def _number(request: GuardedRequest, name: str, default: int) -> int:
    value = _argument(request, name)
    if value is None:
        return default
    if not value.isdecimal() or len(value) > 15:
        raise InvalidRequest(
            f"Invalid value for '{name}': expected a number.",
            param=name,
            code="invalid_value",
        )
    return int(value)
