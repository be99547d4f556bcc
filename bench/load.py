"""The load client, a process of its own: one L{Plan} in, one L{Outcome} out.

It takes the contender's CPU time itself, right before and right after the load, so that
neither starting nor warming up is counted. Answers that are not right are reported, and
never counted.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.python.failure import Failure

from bench.caller import Caller
from bench.events import FRAMING_EVENTS, answer
from bench.loopback import clock, run, sleep, stop
from bench.matching import match
from bench.meter import cpu_s, rss_bytes
from bench.plan import Kind, Outcome, Plan

_SETTLE_S = 0.1
"""Given to a contender to end what it began, before it is measured."""

_TURNS = 10
"""Of a conversation, before another one begins."""

_LONGEST_S = 240.0
"""After this a load has hung."""


def all_of(work: list[Awaitable[None]]) -> Deferred[list[None]]:
    """Do all this at once."""
    return gatherResults([ensureDeferred(_awaited(one)) for one in work], True)


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def ask(
    plan: Plan, outcome: Outcome, caller: Caller, events: int | None = None
) -> None:
    """One question and its answer, which is counted if it is right."""
    expected = plan.events if events is None else events
    await asked(
        plan, outcome, caller, plan.question(caller.response_id, events), expected
    )


async def asked(
    plan: Plan,
    outcome: Outcome,
    caller: Caller,
    body: bytes,
    expected: int | None = None,
) -> None:
    """One request and its answer, which is counted if it is right."""
    got = await caller.ask(body, plan.events if expected is None else expected)
    fault = got.fault()
    outcome.note(fault)
    if fault is None:
        outcome.answers += 1
        outcome.events += got.events
        if caller.first_event_s is not None:
            outcome.first_event_ms.append(caller.first_event_s * 1000)


async def warmed_up(plan: Plan, outcome: Outcome, count: int) -> list[Caller]:
    """Connections that have asked once, so that all that can be retained is."""
    callers = [Caller(plan.port) for _ in range(count)]
    await all_of([ask(plan, outcome, one, FRAMING_EVENTS) for one in callers])
    await sleep(_SETTLE_S)
    outcome.answers = outcome.events = 0
    outcome.first_event_ms.clear()
    return callers


def cpu_of(plan: Plan) -> float:
    """CPU seconds of the contender so far."""
    return cpu_s(plan.pid) if plan.pid else 0.0


async def in_turn(plan: Plan, outcome: Outcome) -> None:
    """Every connection asks again as soon as it is answered."""
    callers = await warmed_up(plan, outcome, plan.connections)
    began, cpu_began = time.perf_counter(), cpu_of(plan)
    over = began + plan.seconds

    async def keep_asking(caller: Caller) -> None:
        while time.perf_counter() < over and not outcome.faults:
            await ask(plan, outcome, caller)
            if plan.gap_ms:
                await sleep(plan.gap_ms / 1000)

    await all_of([keep_asking(caller) for caller in callers])
    outcome.wall_s = time.perf_counter() - began
    outcome.cpu_s = cpu_of(plan) - cpu_began


async def at_pace(plan: Plan, outcome: Outcome) -> None:
    """Every connection reads one long answer; measured while all of them arrive."""
    callers = await warmed_up(plan, outcome, plan.connections)

    async def start(number: int, caller: Caller) -> None:
        await sleep(plan.pace_ms / 1000 * number / len(callers))
        await ask(plan, outcome, caller)

    started = all_of([start(*numbered) for numbered in enumerate(callers)])
    while not all(caller.events for caller in callers) and not outcome.faults:
        await sleep(0.02)
    began, cpu_began = time.perf_counter(), cpu_of(plan)
    events_before = sum(caller.events for caller in callers)
    over = began + plan.seconds
    while time.perf_counter() < over and not outcome.answers:
        await sleep(0.05)
    cpu, wall = cpu_of(plan) - cpu_began, time.perf_counter() - began
    events = sum(caller.events for caller in callers) - events_before
    if wall < plan.seconds / 2:
        outcome.note("an answer ended before all could be measured")
    await started
    outcome.events, outcome.cpu_s, outcome.wall_s = events, cpu, wall


async def fill(plan: Plan, outcome: Outcome) -> None:
    """Many first turns; then follow-ups on some of what is retained."""
    callers = await warmed_up(plan, outcome, plan.connections)
    outcome.rss_before = rss_bytes(plan.pid)
    left = plan.count
    kept: list[str] = []

    async def keep_beginning(caller: Caller) -> None:
        nonlocal left
        while left > 0 and not outcome.faults:
            left -= 1
            caller.response_id = None
            await ask(plan, outcome, caller)
            if caller.response_id is not None:
                kept.append(caller.response_id)

    await all_of([keep_beginning(caller) for caller in callers])
    await sleep(1.0)
    outcome.rss_after = rss_bytes(plan.pid)
    outcome.held = len(set(kept))
    # Spread over all of them, the oldest too: each must still be there.
    for marker in kept[:: max(1, len(kept) // 100)]:
        callers[0].response_id = marker
        await ask(plan, outcome, callers[0])


async def streams(plan: Plan, outcome: Outcome) -> None:
    """Many answers open at once, on a connection each."""
    await warmed_up(plan, outcome, 8)
    outcome.rss_before = rss_bytes(plan.pid)
    callers = [Caller(plan.port) for _ in range(plan.count)]
    began = time.perf_counter()

    async def start(number: int, caller: Caller) -> None:
        await sleep(number / 500)
        await ask(plan, outcome, caller)

    started = all_of([start(*numbered) for numbered in enumerate(callers)])
    while not all(caller.events for caller in callers) and not outcome.faults:
        await sleep(0.05)
    outcome.rss_after = rss_bytes(plan.pid)
    outcome.held = sum(0 < caller.events < plan.events for caller in callers)
    await started
    outcome.wall_s = time.perf_counter() - began


async def stall(plan: Plan, outcome: Outcome) -> None:
    """One client stops reading, and later reads it all."""
    (caller,) = await warmed_up(plan, outcome, 1)
    outcome.rss_before = outcome.rss_after = rss_bytes(plan.pid)
    caller.on_read = caller.stop_reading
    asked = all_of([ask(plan, outcome, caller)])
    over = time.perf_counter() + plan.seconds
    while time.perf_counter() < over:
        await sleep(0.05)
        outcome.rss_after = max(outcome.rss_after, rss_bytes(plan.pid))
    caller.on_read = None
    caller.read_again()
    await asked


async def history(plan: Plan, outcome: Outcome) -> None:
    """One long conversation is gone on with, in one of three ways."""
    caller = Caller(plan.port)
    said = conversation(plan.items)
    answered = json.loads(answer(plan.events, plan.size)[-1][1])["response"]["output"]
    await asked(plan, outcome, caller, plan.request(said, None))
    for number in range(1, plan.count):
        longer = said[-1] | {"content": f"And {number}? ".ljust(plan.size, "x")}
        await asked(plan, outcome, caller, plan.request([longer], caller.response_id))
    first = caller.response_id
    if plan.way == "rebuild":
        # Its connection moves on, and leaves it behind.
        await asked(plan, outcome, caller, plan.request(said[-1:], first))
    outcome.answers = outcome.events = 0
    outcome.first_event_ms.clear()
    began, cpu_began = time.perf_counter(), cpu_of(plan)
    while time.perf_counter() < began + plan.seconds and not outcome.faults:
        if plan.way == "resend":
            said += [*answered, said[-1] | {"content": f"And {len(said)}?"}]
            body = plan.request(said, None)
        else:
            marker = first if plan.way == "rebuild" else caller.response_id
            body = plan.request(said[-1:], marker)
        await asked(plan, outcome, caller, body)
        await sleep(plan.gap_ms / 1000)
    outcome.wall_s = time.perf_counter() - began
    outcome.cpu_s = cpu_of(plan) - cpu_began


async def talk(plan: Plan, outcome: Outcome) -> None:
    """Every connection has a conversation, and sends all of it each time."""
    callers = [Caller(plan.port, plan.api) for _ in range(plan.connections)]
    output = json.loads(answer(plan.events, plan.size)[-1][1])["response"]["output"]
    answered = output[0]["content"][0]["text"]
    # A chat has a chunk for each delta, one that begins it and one that ends it.
    chat = plan.api == "chat"
    expected = plan.events - FRAMING_EVENTS + 2 if chat else plan.events

    async def keep_talking(number: int, caller: Caller, over: float) -> None:
        begun = 0
        while time.perf_counter() < over and not outcome.faults:
            begun += 1
            said = [{"role": "user", "content": f"{plan.api} {number} {begun} {over}"}]
            for turn in range(_TURNS):
                await asked(plan, outcome, caller, plan.talking(said), expected)
                said.append({"role": "assistant", "content": answered})
                said.append({"role": "user", "content": f"And {turn}?"})

    def talked(seconds: float) -> Deferred[list[None]]:
        over = time.perf_counter() + seconds
        talking = [keep_talking(*one, over) for one in enumerate(callers)]
        return all_of(list(talking))

    await talked(0.3)
    await sleep(_SETTLE_S)
    outcome.answers = outcome.events = 0
    began, cpu_began = time.perf_counter(), cpu_of(plan)
    await talked(plan.seconds)
    outcome.wall_s = time.perf_counter() - began
    outcome.cpu_s = cpu_of(plan) - cpu_began


def conversation(items: int) -> list[dict[str, Any]]:
    """So many messages, of some 200 bytes each; the last is the user's."""
    said: list[dict[str, Any]] = []
    for number in range(items, 0, -1):
        role = "user" if number % 2 else "assistant"
        text = f"Message {number} says what messages say. " * 4
        said.append({"type": "message", "role": role, "content": text})
    return said


_LOADS: dict[Kind, Callable[[Plan, Outcome], Awaitable[None]]] = {
    "in turn": in_turn,
    "at pace": at_pace,
    "fill": fill,
    "streams": streams,
    "stall": stall,
    "history": history,
    "talk": talk,
    "match": match,
}


def main() -> None:
    """Read the plan from the command line, do it, print the outcome."""
    plan, outcome = Plan.from_json(sys.argv[1]), Outcome()

    def end(result: object) -> None:
        if isinstance(result, Failure):
            outcome.note(result.getErrorMessage() or repr(result.value))
        stop()

    def begin() -> None:
        load = _LOADS[plan.kind](plan, outcome)
        ensureDeferred(_awaited(load)).addTimeout(_LONGEST_S, clock).addBoth(end)

    run(begin)
    print(outcome.to_json())


if __name__ == "__main__":
    main()
