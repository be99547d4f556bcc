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
from chatmockd.core.likeness import NOTHING, Likeness, digest_after
from chatmockd.store.contract import Ending, Opening, Store
from chatmockd.store.sqlite import sqlite_store

_WHOSE = {"owner": "bench", "profile": "openai", "model": "bench"}
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
    """Look a history up whose beginning is known, again and again."""
    said = messages(plan.count, plan.size)
    async with _store() as store:
        kept = {
            f"other_{number}": digest_after(NOTHING, [{"type": "other", "at": number}])
            for number in range(_OTHERS)
        }
        # All but the newest question: what a client sends again.
        kept["wanted"] = digest_after(NOTHING, said[:-1])
        await gatherResults(
            [ensureDeferred(_keep(store, *one)) for one in kept.items()]
        )
        over = time.perf_counter() + plan.seconds
        cpu_began, began = time.process_time(), time.perf_counter()
        while time.perf_counter() < over:
            ends = {digest: count for count, digest in Likeness().ends(said)}
            nodes = await store.match(**_WHOSE, digests=list(ends))
            if [ends[node.digest] for node in nodes] != [len(said) - 1]:
                outcome.note("the history was not recognised")
                return
            outcome.answers += 1
        outcome.cpu_s = time.process_time() - cpu_began
        outcome.wall_s = time.perf_counter() - began


@asynccontextmanager
async def _store() -> AsyncIterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = sqlite_store(clock, Path(folder) / "turns.sqlite")
        try:
            yield store
        finally:
            await store.close()


async def _keep(store: Store, name: str, digest: bytes) -> None:
    opening = Opening(**_WHOSE, parent=None, outer_parent=None, input=b"[]", began=1.0)
    ending = Ending(state="completed", ended=2.0, response_id=name, digest=digest)
    await store.end(await store.journal(opening), ending)
