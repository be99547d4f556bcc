"""What a store does, whatever it is made of, and what it is given and gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec
from twisted.internet.defer import Deferred

from chatmockd.core.transcript import Item, Node, Step
from chatmockd.core.usage import Spent, Usage

State = Literal[
    "pending",  # journalled; nothing is known to have been sent
    "sent",  # about to be sent, or sent
    "completed",  # a node; incomplete responses are, too
    "failed",  # the upstream, or the way to it, ended it
    "cancelled",  # we ended it: asked to, or nobody waited any more
    "abandoned",  # the daemon died before anything was sent
    "unknown",  # the daemon died after something may have been sent
]


class ParentGone(Exception):
    """The node that a turn continues was deleted a moment ago."""


class Opening(msgspec.Struct, frozen=True):
    """
    A turn as it is journalled, before a byte of it goes upstream.

    @ivar parent: The number of the node it continues, in the same store.
    @ivar outer_parent: The number of that node in the store on disk, where this one is
        in memory.
    @ivar input: The JSON list of the items it adds.
    @ivar began: Unix time, seconds.
    @ivar response_id: Its id, where that does not come from the upstream.
    @ivar background: It was asked for with C{background: true}.
    @ivar response: What can be said of its response before it runs.
    @ivar idempotency_key: What the client will repeat the request under, if it does,
        and C{body_hash} by which a repetition is told from another request.
    """

    owner: str
    profile: str
    model: str
    parent: int | None
    outer_parent: int | None
    input: bytes
    began: float
    response_id: str | None = None
    background: bool = False
    response: bytes | None = None
    idempotency_key: str | None = None
    body_hash: bytes | None = None


class Ending(msgspec.Struct, frozen=True):
    """
    How a turn ended.

    @ivar digest: What the path amounts to with it; None unless it completed.
    @ivar response: The JSON of the response object as its client saw it, if any.
    @ivar events: The server-sent events its client saw or would have seen, packed.
    @ivar items: The ids of the items of input and output that have one.
    @ivar frees_key: Nothing was done about it; its idempotency key may be used again.
    @ivar usage: What it has used, where the upstream said so; counted with its end.
    """

    state: State
    ended: float
    response_id: str | None = None
    upstream_id: str | None = None
    digest: bytes | None = None
    response: bytes | None = None
    events: bytes | None = None
    items: Sequence[str] = ()
    frees_key: bool = False
    usage: Usage | None = None


class Record(msgspec.Struct, frozen=True):
    """
    A turn as it is kept.

    @ivar node: What follow-ups need; None unless it completed.
    @ivar place: Which of the stores has it.
    """

    place: str
    number: int
    state: State
    response_id: str | None
    node: Node | None
    response: bytes | None
    background: bool
    body_hash: bytes | None
    began: float


class Store(Protocol):
    """
    Keeps turns. Every look-up takes an owner and finds only what is his.

    Each method raises L{chatmockd.errors.StoreError} through its Deferred when the
    store cannot do it; what was committed before stays.
    """

    def journal(self, opening: Opening) -> Deferred[int]:
        """
        Begin a turn; returns its number once it is durable.

        @raise IdempotencyUnknown: The owner's key stands for another turn already.
        @raise ParentGone: Its parent has been deleted since it was looked up.
        """

    def mark_sent(self, number: int) -> Deferred[None]:
        """From now on the upstream may have it."""

    def end(self, number: int, ending: Ending) -> Deferred[None]:
        """The turn is over; returns once that is durable."""

    def find(self, owner: str, response_id: str) -> Deferred[Record | None]:
        """The turn of this id, whatever became of it."""

    def keyed(self, owner: str, key: str) -> Deferred[Record | None]:
        """The turn that was asked for with this idempotency key."""

    def path(self, number: int) -> Deferred[tuple[list[Step], int | None]]:
        """
        The steps from the root to this turn, whatever became of it.

        @return: The steps, and the number of the node in the store on disk that the
            first of them continues, if it does. No steps when the turn is gone.
        """

    def match(
        self, owner: str, profile: str, model: str, digests: Sequence[bytes]
    ) -> Deferred[list[Node]]:
        """
        The nodes with the last of these digests that any node has, newest first.

        @param digests: Each of L{chatmockd.core.likeness.DIGEST_SIZE} bytes.
        """

    def events(self, owner: str, response_id: str) -> Deferred[bytes | None]:
        """The events of a turn that has ended, as they were given to L{end}."""

    def items(self, owner: str, ids: Sequence[str]) -> Deferred[Mapping[str, Item]]:
        """Those of these items that are known, by id."""

    def delete(
        self, owner: str, response_id: str, *, continued: bool = False
    ) -> Deferred[bool]:
        """
        Make a turn unreachable by its id; tell whether it was there.

        What continues it keeps its history.

        @param continued: A turn in another store continues it.
        """

    def continues(self, outer_parent: int) -> Deferred[bool]:
        """Whether a turn continues this one of the store on disk."""

    def add_usage(
        self, owner: str, model: str, ended: float, usage: Usage
    ) -> Deferred[None]:
        """Count what was used by a turn that another store has."""

    def usage(self, owner: str, since: float) -> Deferred[list[Spent]]:
        """What was used on the day of C{since} (Unix time) and later, oldest first."""

    def count(self) -> Deferred[int]:
        """How many nodes it has that can be found, whosever they are."""

    def size(self) -> Deferred[int]:
        """Bytes it takes."""

    def sweep(self, oldest: float, keys_before: float, max_bytes: int) -> Deferred[int]:
        """
        Make room: delete whole trees, those first in which nothing happened for longest
        and none with a turn in flight.

        @param oldest: Trees in which nothing happened since then (Unix time) go.
        @param keys_before: Idempotency keys from before then are forgotten.
        @param max_bytes: More trees go until no more than this is taken.
        @return: How many turns were deleted.
        """

    def bury(self) -> Deferred[None]:
        """
        Say what became of turns that an earlier run of the daemon left behind.

        Those that may have been sent become C{unknown}, those that certainly were not
        C{abandoned}, and their keys may be used again.
        """

    def is_in_place(self) -> bool:
        """Whether it is where it was opened, and would be found there again."""

    def close(self) -> Deferred[None]:
        """Let go of everything; nothing may be asked after this."""
