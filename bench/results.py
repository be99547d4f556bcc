"""What a run has found: every round, medians of them, and ratios between contenders."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

OURS = "chatmockd"
OPTIONAL = "chatmock"


@dataclass(frozen=True)
class Round:
    """One measure of one contender in one round; no figures where there are faults."""

    measure: str
    contender: str
    number: int
    figures: dict[str, float]
    faults: list[str]


@dataclass
class Results:
    """All rounds of a run, and which contenders were left out of it, and why."""

    rounds: list[Round] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def _values(self, measure: str, figure: str, contender: str) -> dict[int, float]:
        return {
            one.number: one.figures[figure]
            for one in self.rounds
            if one.measure == measure
            and one.contender == contender
            and figure in one.figures
        }

    def median(self, measure: str, figure: str, contender: str) -> float | None:
        """The median over the rounds; None where nothing was measured."""
        values = self._values(measure, figure, contender)
        return statistics.median(values.values()) if values else None

    def ratio(self, measure: str, figure: str, over: str, under: str) -> float | None:
        """
        The median, over the rounds, of C{over}'s figure divided by that of C{under}.

        Both figures of one round are taken within seconds of each other, so that a
        machine which slows down for a while does not change it.
        """
        above = self._values(measure, figure, over)
        below = self._values(measure, figure, under)
        ratios = [above[n] / below[n] for n in above if below.get(n)]
        return statistics.median(ratios) if ratios else None

    def note_added(self, measure: str, nothing: str) -> None:
        """
        Beside each figure of C{measure}, note how much of it a contender adds.

        @param nothing: The contender that is no bridge at all, whose figure of the same
            round is what the benchmark itself needs.
        """
        mine = [one for one in self.rounds if one.measure == measure]
        bare = {one.number: one.figures for one in mine if one.contender == nothing}
        for one in mine:
            for name, value in list(one.figures.items()):
                base = bare.get(one.number, {}).get(name)
                if base is not None and one.contender != nothing:
                    one.figures[f"added_{name}"] = value - base

    def note_commits(self, measure: str, figure: str, durable: str) -> None:
        """
        Beside C{figure} of C{durable}, note what it has more than ours.

        That is what a turn costs to journal and to commit.
        """
        for one in self.rounds:
            if one.measure == measure and one.contender == durable:
                ours = self._values(measure, figure, OURS).get(one.number)
                if ours is not None and figure in one.figures:
                    one.figures["commit_cpu_us"] = one.figures[figure] - ours

    def faults(self) -> Iterator[str]:
        """Every fault that was seen, with where."""
        for one in self.rounds:
            for fault in one.faults:
                yield f"{one.measure}, {one.contender}, round {one.number}: {fault}"

    def failed(self) -> bool:
        """Whether anything is missing or wrong; what only ChatMock lacks is not."""
        faulty = {one.contender for one in self.rounds if one.faults}
        return bool((faulty | set(self.left_out)) - {OPTIONAL})

    def contenders(self) -> list[str]:
        """Who took part, in order of appearance."""
        return list(dict.fromkeys(one.contender for one in self.rounds))

    def figures(self) -> list[tuple[str, str]]:
        """Each measure with each of its figures."""
        return list(
            dict.fromkeys((r.measure, name) for r in self.rounds for name in r.figures)
        )
