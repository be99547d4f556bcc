"""What the daemon must reach, as ratios to its peers where that is possible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from bench.contenders import DURABLE
from bench.measures import Measure
from bench.results import OURS, Results


@dataclass(frozen=True)
class Target:
    """
    One bound on one figure.

    @ivar ours: The contender that is the daemon.
    @ivar theirs: The contender to compare with; None for a bound on the figure itself.
    @ivar bound: C{at most} bounds ours divided by theirs, C{times less} theirs divided
        by ours, C{at least} the figure itself from below.
    """

    title: str
    measure: str
    figure: str
    theirs: str | None
    bound: Literal["at most", "times less", "at least"]
    limit: float
    ours: str = OURS

    def measured(self, results: Results) -> float | None:
        """What to hold against the limit; None where it was not measured."""
        if self.theirs is None:
            return results.median(self.measure, self.figure, self.ours)
        over, under = self.ours, self.theirs
        if self.bound == "times less":
            over, under = under, over
        return results.ratio(self.measure, self.figure, over, under)

    def met(self, results: Results) -> bool | None:
        """Whether it is met; None where it was not measured."""
        measured = self.measured(results)
        if measured is None:
            return None
        if self.bound == "at most":
            return measured <= self.limit
        return measured >= self.limit


def targets(measures: Iterable[Measure]) -> list[Target]:
    """The targets for these measures."""
    cpu, request, first = "cpu_us_per_event", "cpu_us_per_request", "added_p50_ms"
    wanted: list[Target] = []
    for name in ("burst-200", "burst-2000"):
        events = name.partition("-")[2]
        title = f"CPU per event in burst of {events}"
        wanted += [
            Target(title, name, cpu, "naive", "times less", 10),
            Target(title, name, cpu, "relay", "at most", 8),
            Target(title, name, cpu, "chatmock", "times less", 20),
        ]
    paced = "CPU per event at model speed"
    wanted += [
        Target(paced, "model-speed", cpu, "naive", "at most", 0.5),
        Target(paced, "model-speed", cpu, "relay", "at most", 1.3),
        Target("CPU per request", "request", request, "naive", "at most", 0.4),
        Target("CPU per request", "request", request, "chatmock", "times less", 10),
        Target(
            "added to first event", "first-event", first, "chatmock", "at most", 0.125
        ),
        Target("kB per idle, TLS", "retained-tls", "kb_each", None, "at most", 64),
    ]
    by_name = {measure.name: measure for measure in measures}
    for name in ("retained-many", "retained-many-tls", "streams"):
        if name in by_name:
            count = by_name[name].plan.count
            title = f"{by_name[name].title}, no errors"
            wanted.append(Target(title, name, "held", None, "at least", count))
    wanted += _kept(by_name.values())
    flat = "MB more with a stalled client"
    wanted.append(Target(flat, "stalled", "growth_mb", None, "at most", 1.05))
    return [target for target in wanted if target.measure in by_name]


def _kept(measures: Iterable[Measure]) -> Iterator[Target]:
    """What is asked of mode durable, where conversations are kept."""

    def at_most(
        limit: float, title: str, measure: str, figure: str, theirs: str | None = None
    ) -> Target:
        return Target(
            title, measure, figure, theirs, "at most", limit, ours=DURABLE.name
        )

    for measure in measures:
        if measure.plan.kind == "match":
            limit = measure.plan.count / 100_000  # ms
            title = f"CPU ms, {measure.title}"
            yield at_most(limit, title, measure.name, "cpu_ms_each")
    title = "CPU per event at model speed, mode durable"
    yield at_most(1.05, title, "model-speed", "cpu_us_per_event", OURS)
    title = "ms to rebuild 200 turns of 20 kB, upstream included"
    yield at_most(250, title, "rebuild-long", "p50_ms")
    title = "ms from start to serving, killed under load"
    yield at_most(3000, title, "restart", "longest_ms")
