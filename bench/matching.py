"""What it takes to recognise a history: the daemon's own code on a store of its own.

Inside a running daemon this cannot be told from reading and checking the same request,
so here it runs by itself, in the load client's process.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from twisted.internet.defer import ensureDeferred, gatherResults

from bench.loopback import clock
from bench.plan import Outcome, Plan
from chatmockd.core.likeness import NOTHING, digest_after
from chatmockd.store.contract import Ending, Opening
from chatmockd.store.memory import memory_store
from chatmockd.store.sqlite import sqlite_store
from chatmockd.store.tree import Tree
from chatmockd.turns.recognising import recognised

_OWNER, _PROFILE, _MODEL = "default", "openai", "bench"
_OTHERS = 5000
"""Turns of other conversations in the store, so that its index has some depth."""


def messages(size: int, text: int) -> list[dict[str, Any]]:
    """So many bytes of JSON in messages of C{text} characters, the last the user's."""
    said: list[dict[str, Any]] = []
    left = size
    while left > 0 or len(said) % 2 == 0:
        asked = len(said) % 2 == 0
        words = f"Message {len(said)} says what messages say. " * (text // 30 + 1)
        item = {
            "type": "message",
            "role": "user" if asked else "assistant",
            "content": [
                {"type": "input_text" if asked else "output_text", "text": words[:text]}
            ],
        }
        said.append(item)
        left -= len(json.dumps(item)) + 2
    return said


async def match(plan: Plan, outcome: Outcome) -> None:
    """
    Recognise a history all of which is known but its newest question, again and again.

    As a rule its connection waits for that; C{plan.way} C{"stored"} is after a restart.
    """
    said = messages(plan.count, plan.size)
    async with _tree() as tree:
        others = (
            digest_after(NOTHING, [{"type": "other", "at": number}])
            for number in range(_OTHERS)
        )
        kept = {f"other_{number}": digest for number, digest in enumerate(others)}
        kept["wanted"] = digest_after(NOTHING, said[:-1])
        await gatherResults([ensureDeferred(_keep(tree, *one)) for one in kept.items()])
        if plan.way == "stored":
            tree.forget()
        else:
            await tree.node(_OWNER, "wanted")
        over = time.perf_counter() + plan.seconds
        cpu_began, began = time.process_time(), time.perf_counter()
        while time.perf_counter() < over:
            found = await recognised(
                tree,
                _OWNER,
                _PROFILE,
                _MODEL,
                said,
                stored=True,
                is_idle_tip=lambda name: True,
            )
            if found is None or found[1] != len(said) - 1:
                outcome.note("the history was not recognised")
                return
            outcome.answers += 1
        outcome.cpu_s = time.process_time() - cpu_began
        outcome.wall_s = time.perf_counter() - began


@asynccontextmanager
async def _tree() -> AsyncIterator[Tree]:
    with tempfile.TemporaryDirectory() as folder:
        kept = sqlite_store(clock, Path(folder) / "turns.sqlite")
        tree = Tree(kept, memory_store())
        try:
            yield tree
        finally:
            await tree.close()


async def _keep(tree: Tree, name: str, digest: bytes) -> None:
    opening = Opening(
        owner=_OWNER,
        profile=_PROFILE,
        model=_MODEL,
        parent=None,
        outer_parent=None,
        input=b"[]",
        began=1.0,
    )
    entry = await tree.begin(opening, None, stored=True)
    ending = Ending(state="completed", ended=2.0, response_id=name, digest=digest)
    await tree.end(_OWNER, entry, ending, model=_MODEL)
