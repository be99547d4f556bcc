"""The whole transcript: what is kept on disk, and what clients want kept nowhere."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from chatmockd.core.transcript import Item, Node, Step
from chatmockd.core.usage import Spent
from chatmockd.store.aside import Aside
from chatmockd.store.contract import Ending, Opening, Record, Store

# Nodes that are remembered so that a follow-up need not ask the store; 1 kB each.
_REMEMBERED = 10_000


class Entry(msgspec.Struct, frozen=True):
    """A journalled turn: its number, and the store that has it."""

    store: Store
    number: int


class Tree:
    """
    Two stores as one tree.

    A turn that may not be stored is kept in memory, and so is all that continues it:
    without its parent it would be of no use.
    """

    def __init__(self, kept: Store, fleeting: Store) -> None:
        """
        @param kept: For turns that may be stored; its place is C{"disk"}.
        @param fleeting: For those that may not; its place is C{"memory"}.
        """
        self._kept = kept
        self._fleeting = fleeting
        self._aside = Aside(kept)
        self._late: list[tuple[Entry, Ending]] = []
        self._known: OrderedDict[tuple[str, str], Node] = OrderedDict()
        self._by_digest: dict[tuple[str, str, str, bytes], Node] = {}

    @property
    def stores(self) -> tuple[Store, Store]:
        """Both, the one on disk first."""
        return self._kept, self._fleeting

    async def begin(
        self, opening: Opening, parent: Node | None, *, stored: bool
    ) -> Entry:
        """
        Journal a turn.

        @param opening: Without parents; those follow from C{parent}.
        """
        within, outer = None, None
        store = self._kept
        if not stored or (parent is not None and parent.place == "memory"):
            store = self._fleeting
        if parent is not None and (parent.place == "memory") == (
            store is self._fleeting
        ):
            within = parent.number
        elif parent is not None:
            outer = parent.number
        opening = replace(opening, parent=within, outer_parent=outer)
        return Entry(store, await store.journal(opening))

    def place_of(self, entry: Entry) -> str:
        """What L{Node.place} says of it."""
        return "disk" if entry.store is self._kept else "memory"

    async def end(
        self, owner: str, entry: Entry, ending: Ending, *, model: str
    ) -> None:
        """The turn is over."""
        if ending.usage is not None and entry.store is self._fleeting:
            # What was said may not be on disk; how much it was, may.
            self._aside.add(owner, model, ending.ended, ending.usage)
            ending = replace(ending, usage=None)
        await entry.store.end(entry.number, ending)
        if ending.response_id is not None:
            self._forget(owner, ending.response_id)

    def end_later(self, entry: Entry, ending: Ending) -> None:
        """The turn is over, and that could not be written."""
        self._late.append((entry, ending))

    def remember(self, owner: str, node: Node) -> None:
        """A follow-up on this node is likely."""
        self._forget(owner, node.response_id)
        self._known[owner, node.response_id] = node
        self._by_digest[owner, node.profile, node.model, node.digest] = node
        if len(self._known) > _REMEMBERED:
            self._forget(*next(iter(self._known)))

    def remembered(
        self, owner: str, profile: str, model: str, digest: bytes
    ) -> Node | None:
        """Of the nodes that amount to this, the one that was remembered last."""
        return self._by_digest.get((owner, profile, model, digest))

    async def node(self, owner: str, response_id: str) -> Node | None:
        """The node of this name, if it is one that can be followed up on."""
        node = self._known.get((owner, response_id))
        if node is not None:
            return node
        for store in (self._fleeting, self._kept):
            record = await store.find(owner, response_id)
            if record is not None and record.node is not None:
                self.remember(owner, record.node)
                return record.node
        return None

    async def record(self, owner: str, response_id: str) -> Record | None:
        """What is stored under this name: nothing that a client wanted kept nowhere."""
        return await self._kept.find(owner, response_id)

    async def keyed(self, owner: str, key: str) -> Record | None:
        """The turn of this idempotency key."""
        for store in (self._fleeting, self._kept):
            record = await store.keyed(owner, key)
            if record is not None:
                return record
        return None

    async def path(self, node: Node | Record) -> list[Step]:
        """
        The steps from the root to C{node}, which may be a turn that is none.

        @return: None of them when they are not whole any more.
        """
        if node.place == "disk":
            steps, _ = await self._kept.path(node.number)
            return steps
        inner, outer = await self._fleeting.path(node.number)
        if outer is None:
            return inner
        steps, _ = await self._kept.path(outer)
        return [*steps, *inner] if steps and inner else []

    async def match(
        self, owner: str, profile: str, model: str, digests: Sequence[bytes]
    ) -> list[Node]:
        """
        Of each store, the nodes with the last of these digests that any node in it has,
        the newest first.
        """
        found = await self._fleeting.match(owner, profile, model, digests)
        return found + await self._kept.match(owner, profile, model, digests)

    async def items(
        self, owner: str, ids: Sequence[str], *, stored: bool
    ) -> Mapping[str, Item]:
        """
        The items of these ids that are known.

        @param stored: Without those that may not be stored.
        """
        found = await self._kept.items(owner, ids)
        return found if stored else {**found, **await self._fleeting.items(owner, ids)}

    async def events(self, owner: str, response_id: str) -> bytes | None:
        """The events of a stored turn that has ended."""
        return await self._kept.events(owner, response_id)

    async def replayed(self, owner: str, record: Record) -> bytes | None:
        """The events of a turn that has ended, wherever it is kept."""
        if record.response_id is None:
            return None
        store = self._fleeting if record.place == "memory" else self._kept
        return await store.events(owner, record.response_id)

    async def delete(self, owner: str, response_id: str) -> bool:
        """Make a stored turn unreachable by its name."""
        record = await self._kept.find(owner, response_id)
        if record is None:
            return False
        continued = await self._fleeting.continues(record.number)
        deleted = await self._kept.delete(owner, response_id, continued=continued)
        # A look-up may have been under way.
        self._forget(owner, response_id)
        return deleted

    async def usage(self, owner: str, since: float) -> list[Spent]:
        """What was used on the day of C{since} and later, oldest first."""
        return await self._kept.usage(owner, since)

    async def size(self) -> tuple[int, int]:
        """The bytes that the store on disk takes, and how many nodes both have."""
        nodes = await self._kept.count() + await self._fleeting.count()
        return await self._kept.size(), nodes

    def is_in_place(self) -> bool:
        """Whether what is kept on disk would be found there again."""
        return self._kept.is_in_place()

    async def bury(self) -> None:
        """End, on record, what has ended without that."""
        await self._kept.bury()
        while self._late:
            entry, ending = self._late[0]
            await entry.store.end(entry.number, ending)
            self._late.pop(0)

    def forget(self) -> None:
        """Some nodes may have been swept away."""
        self._known.clear()
        self._by_digest.clear()

    async def close(self) -> None:
        """Let go of both stores."""
        await self._aside.when_written()
        for store in self.stores:
            await store.close()

    def _forget(self, owner: str, response_id: str) -> None:
        """The node of this name may not be what it was."""
        node = self._known.pop((owner, response_id), None)
        if node is not None:
            meaning = owner, node.profile, node.model, node.digest
            if self._by_digest.get(meaning) is node:
                del self._by_digest[meaning]
