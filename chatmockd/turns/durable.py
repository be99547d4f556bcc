"""The course of a turn in the tree: continued, rebuilt or recognised, and kept."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from chatmockd.core.create import Create
from chatmockd.core.likeness import DIGEST_SIZE, Likeness, as_heard, asks_first
from chatmockd.core.outcome import Completed, Failed, Outcome
from chatmockd.core.shown import Shown
from chatmockd.core.snapshot import failed, queued, response_in, with_status
from chatmockd.core.transcript import (
    PICTURE,
    Item,
    Node,
    as_items,
    identified,
    output_items,
    references,
    replayed,
    resolved,
)
from chatmockd.core.turn import Turn
from chatmockd.errors import (
    BodyTooLarge,
    InvalidRequest,
    PreviousResponseNotFound,
    ResponseCancelled,
    UpstreamOutcomeUnknown,
)
from chatmockd.store.contract import Ending, Opening, ParentGone
from chatmockd.store.tree import Entry, Tree
from chatmockd.turns.connecting import Connecting
from chatmockd.turns.dying import may_die
from chatmockd.turns.recognising import likeness_of, recognised
from chatmockd.turns.running import RunningTurn
from chatmockd.upstream.lease import AnyLease
from chatmockd.upstream.leasing import Leasing

# Other items that an input may refer to, and the bytes they may come to.
_MOST_REFERENCES = 1000
_MOST_REFERRED = 33_554_432


class Asker(msgspec.Struct, frozen=True):
    """
    Who asks, and what a repetition of the request would be known by.

    @ivar key: The C{Idempotency-Key}, and C{body_hash} what it stands for.
    @ivar hears_one_text: The API has one text to an answer; see
        L{chatmockd.core.likeness.as_heard}.
    """

    owner: str
    key: str | None = None
    body_hash: bytes | None = None
    hears_one_text: bool = False


class DurableCourse:
    """Mode C{durable}: the transcript is a tree, the socket is a cache."""

    def __init__(
        self,
        create: Create,
        upstream: Leasing,
        connecting: Connecting,
        tree: Tree,
        asker: Asker,
        *,
        own_id: str | None,
        backfill_empty: bool,
        now: Callable[[], float],
        named: Callable[[RunningTurn], None],
    ) -> None:
        """
        @param own_id: What clients call the response from the start, where that cannot
            wait for the upstream.
        @param now: Unix time, in seconds.
        @param named: Told when the response has an id.
        """
        self._create = create
        self._upstream = upstream
        self._connecting = connecting
        self._tree = tree
        self._asker = asker
        self._own_id = own_id
        self._backfill_empty = backfill_empty
        self._now = now
        self._tell_named = named
        self._given: list[Item] = []
        self._items: list[Item] = []
        self._added: list[Item] = []
        self._parent: Node | None = None
        self._before = Likeness()
        self._began = now()
        # The upstream adds what we do not see.
        self._has_more = bool(create.fields("conversation", "prompt"))
        self._entry: Entry | None = None
        self._attempts = 0
        self._dispatched = False

    async def prepare(self, turn: RunningTurn) -> None:
        """
        Find the turn's place in the tree, and journal it there.

        @raise PreviousResponseNotFound: Its marker names no node.
        @raise InvalidRequest: It is to run in the background, and will not be kept.
        @raise IdempotencyUnknown: Its key stands for another turn.
        """
        may_die("before journal")
        create, owner = self._create, self._asker.owner
        if create.marker is not None:
            self._parent = await self._tree.node(owner, create.marker)
            if self._parent is None:
                raise PreviousResponseNotFound(create.marker)
            if create.background and not self.retrievable:
                raise InvalidRequest(
                    "'background' cannot follow up on a response with 'store: false': "
                    "what is not kept cannot be asked for later.",
                    param="background",
                    code="invalid_value",
                )
        self._given = as_items(create.given)
        self._items = self._added = await self._resolved(self._given)
        if create.marker is None and not self._has_more:
            await self._recognise()
        try:
            await self._journal(turn)
        except ParentGone:
            # Deleted between the look-up and now.
            if create.marker is not None:
                raise PreviousResponseNotFound(create.marker) from None
            self._parent, self._added = None, self._items
            await self._journal(turn)
        may_die("journalled")

    async def _journal(self, turn: RunningTurn) -> None:
        create = self._create
        self._before = await self._likeness_before()
        opening = Opening(
            owner=self._asker.owner,
            profile=self._upstream.profile.name,
            model=create.model,
            parent=None,
            outer_parent=None,
            input=msgspec.json.encode(self._added),
            began=self._began,
            response_id=self._own_id,
            background=create.background,
            response=self.snapshot(turn) if create.background else None,
            idempotency_key=self._asker.key,
            body_hash=self._asker.body_hash,
        )
        self._entry = await self._tree.begin(
            opening, self._parent, stored=create.stores
        )

    async def attempt(self, turn: RunningTurn) -> tuple[AnyLease, Turn, bytes]:
        """See L{Course.attempt}."""
        assert self._entry is not None
        self._attempts += 1
        if self._asker.key is not None and self._attempts == 1:
            # Now, since between a lease and its message there must be no waiting.
            await self._entry.store.mark_sent(self._entry.number)
        lease, sent, way = None, None, "new"
        if self._attempts == 1:
            lease = self._continued(turn.request_id)
        if lease is not None and self._parent is not None:
            way = "follow-up" if self._create.marker is not None else "recognised"
            sent = self._parent.upstream_id
            items: list[Item] | None = self._added
        else:
            items = self._items
            if self._create.marker is not None:
                way = "rebuilt"
                items = await self._rebuilt(self._create.marker)
            lease = await self._connecting.lease(turn.request_id)
        if items is self._given:
            # As the client wrote it.
            items = None
        message = self._create.as_frame(sent, items)
        self._dispatched = True
        turn.remarks = [way, lease.connection.name]
        shown = None
        if sent != self._create.marker or self._own_id is not None:
            shown = Shown(
                self._create.marker, self._own_id, background=self._create.background
            )
        following = Turn(
            streaming=self._create.streaming,
            backfill_empty=self._backfill_empty,
            held_tip=lease.held_tip,
            shown=shown,
        )
        return lease, following, message

    def leads_on(self, lease: AnyLease, outcome: Failed) -> bool:
        """See L{Course.leads_on}: another connection, and the whole history."""
        return self._attempts == 1 or lease.reused

    def named(self, turn: RunningTurn) -> None:
        """See L{Course.named}."""
        assert turn.turn is not None
        turn.response_id = self._own_id or turn.turn.response_id
        self._tell_named(turn)

    async def arrive(self, turn: RunningTurn, outcome: Outcome) -> Outcome:
        """See L{Course.arrive}."""
        entry = self._entry
        if entry is None:
            return outcome
        bare = Ending(state="unknown", ended=self._now())
        try:
            ending = self._ending(turn, outcome)
            await self._tree.end(
                self._asker.owner, entry, ending, model=self._create.model
            )
        except Exception:
            # It must not seem to run for ever: its tree would never be swept.
            self._tree.end_later(entry, bare)
            raise
        if ending.state == "completed" and ending.response_id is not None:
            # A follow-up is likely, and need not ask the store.
            self._tree.remember(self._asker.owner, self._node(entry, ending))
        may_die("committed")
        return outcome

    def _ending(self, turn: RunningTurn, outcome: Outcome) -> Ending:
        ending = Ending(state="failed", ended=self._now(), response_id=turn.response_id)
        if isinstance(outcome, Completed):
            may_die("before commit")
            ending = self._completed(outcome, ending)
        else:
            ending = self._failed(turn, outcome, ending)
        wanted = self._create.stores or self._asker.key is not None
        if wanted and ending.response_id is not None:
            # What nobody can ask for again needs no events.
            assert turn.log is not None
            events = turn.log.packed(turn.last_pieces(outcome))
            ending = replace(ending, events=events)
        return ending

    @property
    def retrievable(self) -> bool:
        """Whether it may be stored, and its parent was."""
        fleeting = self._parent is not None and self._parent.place == "memory"
        return self._create.stores and not fleeting

    def snapshot(self, turn: RunningTurn) -> bytes:
        """The JSON of the response object as it is while the turn runs."""
        if turn.turn is not None and turn.turn.opening:
            return response_in(turn.turn.opening)
        return queued(self._create, turn.response_id or "", self._began)

    def _completed(self, outcome: Completed, ending: Ending) -> Ending:
        output = output_items(outcome.response)
        answer = as_heard(output) if self._asker.hears_one_text else output
        self._before.take([*self._added, *answer])
        return replace(
            ending,
            state="completed",
            upstream_id=outcome.response_id,
            response_id=self._own_id or outcome.response_id,
            digest=self._before.digest,
            response=outcome.response,
            usage=outcome.usage,
            items=[name for name, _ in identified([*self._added, *output])],
        )

    def _node(self, entry: Entry, ending: Ending) -> Node:
        assert ending.digest is not None
        name = ending.response_id or ""
        return Node(
            place=self._tree.place_of(entry),
            number=entry.number,
            response_id=name,
            upstream_id=ending.upstream_id or name,
            profile=self._upstream.profile.name,
            model=self._create.model,
            digest=ending.digest,
        )

    def _failed(self, turn: RunningTurn, outcome: Failed, ending: Ending) -> Ending:
        error = outcome.error
        not_begun = (
            not self._dispatched
            or outcome.unread
            or (outcome.told and not turn.accepted)
        )
        if isinstance(error, ResponseCancelled):
            response = with_status(self.snapshot(turn), "cancelled")
            ending = replace(ending, state="cancelled")
        else:
            response = outcome.response or failed(self.snapshot(turn), error)
            if not (not_begun or outcome.told or turn.accepted):
                ending = replace(ending, state="unknown")
            elif isinstance(error, UpstreamOutcomeUnknown):
                ending = replace(ending, state="unknown")
        # What may have been begun is not begun again for the same key.
        ending = replace(ending, frees_key=not_begun, usage=outcome.usage)
        if turn.response_id is not None:
            ending = replace(ending, response=response)
        return ending

    async def _resolved(self, items: list[Item]) -> list[Item]:
        wanted = references(items)
        if not wanted:
            return items
        counts = Counter(wanted)
        if len(counts) > _MOST_REFERENCES:
            raise InvalidRequest(
                f"The input refers to more than {_MOST_REFERENCES} other items.",
                param="input",
            )
        # What may not be stored must not get into a turn that is.
        known = await self._tree.items(
            self._asker.owner, list(counts), stored=self.retrievable
        )
        sizes = {
            name: len(msgspec.json.encode(item)) * counts[name]
            for name, item in known.items()
        }
        if sum(sizes.values()) > _MOST_REFERRED:
            # Such pictures as the upstream may know itself stay named.
            known = {
                name: item
                for name, item in known.items()
                if item.get("type") != PICTURE
            }
        if sum(sizes[name] for name in known) > _MOST_REFERRED:
            raise BodyTooLarge(
                f"What the input refers to has more than {_MOST_REFERRED} bytes."
            )
        return resolved(items, known)

    async def _recognise(self) -> None:
        """Go on with the longest known path that the input begins with."""
        found = await recognised(
            self._tree,
            self._asker.owner,
            self._upstream.profile.name,
            self._create.model,
            self._items,
            stored=self._create.stores,
            is_idle_tip=self._upstream.is_idle_tip,
        )
        if found is not None:
            self._parent, count = found
            self._added = self._items[count:]

    async def _likeness_before(self) -> Likeness:
        """What was said before amounts to."""
        parent = self._parent
        if self._has_more:
            # Its items are not all that was said; it is like nothing else.
            return Likeness(secrets.token_bytes(DIGEST_SIZE))
        if parent is None:
            return Likeness()
        if self._create.marker is None or asks_first(self._added):
            return Likeness(parent.digest)
        return await likeness_of(self._tree, parent)

    def _continued(self, request_id: str) -> AnyLease | None:
        """The parent's own connection, if it is idle and has something to be asked."""
        if self._parent is None or not (self._added or self._create.marker):
            return None
        return self._upstream.lease_tip(self._parent.upstream_id, request_id)

    async def _rebuilt(self, marker: str) -> list[Item]:
        """The whole conversation, for an upstream that knows nothing of it."""
        assert self._parent is not None
        path = await self._tree.path(self._parent)
        if not path:
            raise PreviousResponseNotFound(marker)
        return [*replayed(path), *self._added]
