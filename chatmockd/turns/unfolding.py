"""A conversation as a list of items, for an upstream that does not know its marker."""

from __future__ import annotations

from chatmockd.core.create import Create
from chatmockd.core.transcript import Item, as_items, references, replayed, resolved
from chatmockd.errors import PreviousResponseNotFound
from chatmockd.store.tree import Tree

_MOST_REFERENCES = 1000  # more are left to the upstream to refuse


async def unfolded(tree: Tree, owner: str, create: Create) -> list[Item]:
    """
    What was said up to the marker, and what C{create} adds to it.

    @raise PreviousResponseNotFound: Its marker names no node.
    """
    said: list[Item] = []
    if create.marker is not None:
        node = await tree.node(owner, create.marker)
        path = [] if node is None else await tree.path(node)
        if not path:
            raise PreviousResponseNotFound(create.marker)
        said += replayed(path)
    given = as_items(create.given)
    wanted = references(given)
    if 0 < len(wanted) <= _MOST_REFERENCES:
        # Nothing of this is kept, so that it may be what must not be.
        given = resolved(given, await tree.items(owner, wanted, stored=False))
    return [*said, *given]
