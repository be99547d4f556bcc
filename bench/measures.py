"""What is measured: loads, the figures taken from them, and who takes part."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from bench.contenders import (
    CHATMOCK,
    CHATMOCKD,
    DIRECT,
    DURABLE,
    NAIVE,
    RELAY,
    Contender,
)
from bench.events import FRAMING_EVENTS
from bench.plan import Outcome, Plan

Figure = Callable[[Outcome], float]


@dataclass(frozen=True)
class Measure:
    """
    One load, and what is read from its outcome.

    @ivar figures: By name, with the unit in it, how to get them.
    @ivar fresh: Each contender starts anew for it, and it is done once, not in every
        round: memory has no noise to take medians of, but it does have a past.
    """

    name: str
    title: str
    plan: Plan
    figures: Mapping[str, Figure]
    contenders: tuple[Contender, ...]
    fresh: bool = False
    tls: bool = False


def _percentile(share: float) -> Figure:
    def figure(outcome: Outcome) -> float:
        times = sorted(outcome.first_event_ms)
        return times[min(len(times) - 1, int(len(times) * share))]

    return figure


def _cpu_us_per_event(outcome: Outcome) -> float:
    return outcome.cpu_s * 1e6 / outcome.events


def _cpu_us_per_request(outcome: Outcome) -> float:
    return outcome.cpu_s * 1e6 / outcome.answers


def _cpu_ms_each(outcome: Outcome) -> float:
    return outcome.cpu_s * 1e3 / outcome.answers


def _events_per_s(outcome: Outcome) -> float:
    return outcome.events / outcome.wall_s


def _median_ms(outcome: Outcome) -> float:
    return statistics.median(outcome.first_event_ms)


def _longest_ms(outcome: Outcome) -> float:
    return max(outcome.first_event_ms)


def _held(outcome: Outcome) -> float:
    return outcome.held


def _growth(outcome: Outcome) -> float:
    return outcome.rss_after - outcome.rss_before


def _kb_each(outcome: Outcome) -> float:
    return _growth(outcome) / 1000 / outcome.held


def _growth_mb(outcome: Outcome) -> float:
    return _growth(outcome) / 1e6


_PER_EVENT = {"cpu_us_per_event": _cpu_us_per_event, "events_per_s": _events_per_s}
_EACH = {"kb_each": _kb_each, "held": _held}
_BRIDGES = (CHATMOCKD, DURABLE, NAIVE, RELAY, CHATMOCK)
_HELD_EVENTS = 32


def measures(quick: bool) -> tuple[Measure, ...]:
    """Everything, in full or, to try it out, in little."""
    burst = Plan("in turn", 0, seconds=0.8 if quick else 1.5)
    short = replace(burst, events=FRAMING_EVENTS)
    paced_s = 1.5 if quick else 3.0
    # Two seconds more, since threads may take one until all of them stream.
    paced = Plan("at pace", 0, pace_ms=20, seconds=paced_s, connections=100)
    paced = replace(paced, events=int((paced_s + 2) * 1000 / paced.pace_ms))
    some, many = (200, 500) if quick else (1000, 5000)
    fill = Plan("fill", 0, events=FRAMING_EVENTS, connections=20)
    held = Plan("streams", 0, events=_HELD_EVENTS, pace_ms=250, count=some)
    stalled = Plan("stall", 0, events=6000, size=10_000, seconds=3.0)
    only_daemon = (CHATMOCKD,)
    return (
        Measure(
            "burst-200",
            "burst, 200 events per response",
            burst,
            _PER_EVENT,
            _BRIDGES,
        ),
        Measure(
            "burst-2000",
            "burst, 2,000 events per response",
            replace(burst, events=2000),
            _PER_EVENT,
            _BRIDGES,
        ),
        Measure(
            "model-speed",
            "model speed, 100 streams, one event per segment",
            paced,
            _PER_EVENT,
            _BRIDGES,
        ),
        Measure(
            "request",
            "requests of 8 events",
            short,
            {"cpu_us_per_request": _cpu_us_per_request},
            _BRIDGES,
        ),
        Measure(
            "first-event",
            "time to first event, one request at a time",
            # Paced: a model never sends its first event together with all the others.
            replace(short, connections=1, gap_ms=1.0, pace_ms=2),
            {"p50_ms": _median_ms, "p99_ms": _percentile(0.99)},
            (*_BRIDGES, DIRECT),
        ),
        Measure(
            "retained-tls",
            f"{some:,} idle retained connections, TLS",
            replace(fill, count=some),
            _EACH,
            (CHATMOCKD, NAIVE),
            fresh=True,
            tls=True,
        ),
        Measure(
            "retained-many",
            f"{many:,} idle retained connections",
            replace(fill, count=many),
            _EACH,
            (CHATMOCKD, NAIVE),
            fresh=True,
        ),
        Measure(
            "retained-many-tls",
            f"{many:,} idle retained connections, TLS",
            replace(fill, count=many),
            _EACH,
            only_daemon,
            fresh=True,
            tls=True,
        ),
        Measure(
            "streams",
            f"{some:,} concurrent streams",
            held,
            _EACH,
            (CHATMOCKD, NAIVE, RELAY),
            fresh=True,
        ),
        Measure(
            "stalled",
            "one client reads nothing of 60 MB",
            stalled,
            {"growth_mb": _growth_mb},
            (CHATMOCKD, DURABLE, NAIVE, RELAY),
            fresh=True,
        ),
        Measure(
            "restart",
            "killed under load: start until it serves again",
            replace(burst, kind="restart", count=2 if quick else 5),
            {"p50_ms": _median_ms, "longest_ms": _longest_ms},
            (DURABLE,),
            fresh=True,
        ),
        *_histories(quick),
        *_matches(quick),
        *_talks(burst),
    )


def _talks(burst: Plan) -> Iterator[Measure]:
    """What another API's words cost: the same conversations in both."""
    for events in (FRAMING_EVENTS + 4, 200, 2000):
        for api, words in (("responses", "Responses"), ("chat", "Chat Completions")):
            plan = replace(burst, kind="talk", events=events)
            yield Measure(
                f"talk-{api}-{events}",
                f"conversations sent whole, {events:,} events, {words}",
                replace(plan, api="chat") if api == "chat" else plan,
                {"cpu_us_per_request": _cpu_us_per_request},
                (DURABLE,),
            )


def _matches(quick: bool) -> Iterator[Measure]:
    """What it takes to recognise a history, by its length and that of its texts."""
    plan = Plan("match", 0, seconds=0.3 if quick else 0.5)
    for size, length in (("1 MB", 1_000_000), ("100 kB", 100_000)):
        for text in (20, 100, 1000):
            yield Measure(
                f"match-{size.replace(' ', '').lower()}-{text}",
                f"{size} of history in texts of {text:,} characters, recognised",
                replace(plan, count=length, size=text),
                {"cpu_ms_each": _cpu_ms_each},
                (DURABLE,),
            )
        yield Measure(
            f"match-{size.replace(' ', '').lower()}-stored",
            f"{size} in texts of 1,000, recognised by the store",
            replace(plan, count=length, size=1000, way="stored"),
            {"cpu_ms_each": _cpu_ms_each},
            (DURABLE,),
        )


def _histories(quick: bool) -> Iterator[Measure]:
    """What it takes to go on with a conversation, by its length and by how."""
    seconds = 0.4 if quick else 0.8
    events = FRAMING_EVENTS + 4
    for items in (10, 100, 1000):
        for way, words in (
            ("follow up", "followed up on its connection"),
            ("rebuild", "rebuilt on a new one"),
            ("resend", "sent again and recognised"),
        ):
            plan = Plan("history", 0, events=events, seconds=seconds, gap_ms=1.0)
            yield Measure(
                f"{way.replace(' ', '-')}-{items}",
                f"{items:,} items of history, {words}",
                # A rebuilt one opens a connection each time.
                replace(plan, items=items, way=way, pace_ms=2, connections=100_000),
                {"p50_ms": _median_ms, "p99_ms": _percentile(0.99)},
                (DURABLE,),
            )
    yield Measure(
        "rebuild-long",
        "200 turns of 20 kB, rebuilt on a new connection",
        Plan(
            "history",
            0,
            events=FRAMING_EVENTS + 1,
            size=20_000,
            count=200,
            seconds=1.0 if quick else 3.0,
            gap_ms=1.0,
            items=1,
            way="rebuild",
            pace_ms=1,
            connections=100_000,
        ),
        {
            "p50_ms": _median_ms,
            "p99_ms": _percentile(0.99),
            "cpu_ms_each": _cpu_ms_each,
        },
        (DURABLE,),
    )
