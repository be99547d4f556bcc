"""Which known conversation an input goes on with, and what that amounts to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chatmockd.core.likeness import Likeness
from chatmockd.core.transcript import Item, Node
from chatmockd.store.tree import Tree


async def recognised(
    tree: Tree,
    owner: str,
    profile: str,
    model: str,
    items: Sequence[Item],
    *,
    stored: bool,
    is_idle_tip: Callable[[str], bool],
) -> tuple[Node, int] | None:
    """
    Find the longest known path that C{items} begin with.

    @param stored: Only one that what is on disk can continue.
    @param is_idle_tip: Whether a connection waits that holds the state of this
        response, by the upstream's name for it. Of nodes that mean the same, one with
        a connection is taken.
    @return: The end of that path, and how many of the items lead up to it.
    """
    if len(items) < 2:
        return None
    ends = Likeness().take(items)
    if not ends:
        return None
    # Mostly all is known but the newest question, and its connection waits for that:
    # then the store has nothing better.
    digest, count = next(reversed(ends.items()))
    newest = tree.remembered(owner, profile, model, digest)
    if newest is not None and is_idle_tip(newest.upstream_id):
        if not (stored and newest.place == "memory"):
            return newest, count
    best: tuple[Node, int] | None = None
    best_rank = 0, False
    for node in await tree.match(owner, profile, model, list(ends)):
        rank = ends[node.digest], is_idle_tip(node.upstream_id)
        if rank > best_rank and not (stored and node.place == "memory"):
            best, best_rank = (node, rank[0]), rank
    return best


async def likeness_of(tree: Tree, node: Node) -> Likeness:
    """
    What the path of C{node} amounts to, so that an answer can be added to it.

    Its turn may have ended with what was asked (C{generate: false}), and an answer is
    hashed together with that. Its digest alone is too little then.
    """
    likeness = Likeness()
    for step in await tree.path(node):
        likeness.take([*step.input_items(), *step.output_items()])
    # It is another one where the upstream knows more, or the client heard less.
    return likeness if likeness.digest == node.digest else Likeness(node.digest)
