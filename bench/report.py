"""A run as a table to read and as JSON to keep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.measures import Measure
from bench.results import OURS, Results
from bench.targets import Target

_UNITS = {
    "cpu_us_per_event": "CPU µs/event",
    "cpu_us_per_request": "CPU µs/request",
    "cpu_ms_each": "CPU ms each",
    "commit_cpu_us": "to keep a turn, CPU µs",
    "events_per_s": "events/s",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "longest_ms": "longest ms",
    "added_p50_ms": "added p50 ms",
    "added_p99_ms": "added p99 ms",
    "kb_each": "kB each",
    "held": "held",
    "growth_mb": "RSS growth MB",
}


def _number(value: float) -> str:
    """Three digits that matter."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _cell(results: Results, measure: str, figure: str, contender: str) -> str:
    value = results.median(measure, figure, contender)
    if value is None:
        return "-"
    ratio = results.ratio(measure, figure, contender, OURS)
    if contender == OURS or ratio is None or ratio < 0:
        return _number(value)
    return f"{_number(value)} ({_number(ratio)}x)"


def table(results: Results, measures: Sequence[Measure]) -> str:
    """Medians of every figure; in brackets, as a multiple of the daemon's."""
    contenders = results.contenders()
    rows = [["median (multiple of chatmockd)", "", *contenders]]
    for measure in measures:
        title = measure.title
        for name, figure in results.figures():
            if name == measure.name:
                cells = [_cell(results, name, figure, c) for c in contenders]
                rows.append([title, _UNITS[figure], *cells])
                title = ""
    return "\n".join(_columns(rows))


def _bound(target: Target) -> str:
    limit = f"{target.limit:,.4g}"
    if target.bound == "times less":
        return f"{limit} times less than {target.theirs}"
    if target.theirs is None:
        return f"{target.bound} {limit}"
    return f"{target.bound} {limit} times {target.theirs}"


def _verdict(target: Target, results: Results) -> str:
    met = target.met(results)
    if met is not None:
        return "met" if met else "MISSED"
    reason = results.left_out.get(target.theirs or target.ours)
    return reason.partition(":")[0] if reason else "not measured"


def target_table(results: Results, targets: Sequence[Target]) -> str:
    """Each target beside what was measured."""
    rows = [["target", "", "measured", ""]]
    for target in targets:
        measured = target.measured(results)
        value = "-" if measured is None else _number(measured)
        verdict = _verdict(target, results)
        rows.append([target.title, _bound(target), value, verdict])
    return "\n".join(_columns(rows))


def write_json(
    path: Path,
    results: Results,
    targets: Sequence[Target],
    run: dict[str, Any],
) -> None:
    """Keep machine facts, all rounds, medians, ratios and targets."""
    contenders = results.contenders()
    medians: dict[str, dict[str, dict[str, float]]] = {}
    ratios: dict[str, dict[str, dict[str, float]]] = {}
    for measure, figure in results.figures():
        for contender in contenders:
            value = results.median(measure, figure, contender)
            ratio = results.ratio(measure, figure, contender, OURS)
            for kept, number in ((medians, value), (ratios, ratio)):
                if number is not None:
                    row = kept.setdefault(measure, {}).setdefault(figure, {})
                    row[contender] = round(number, 4)
    document = {
        **run,
        "left_out": results.left_out,
        "medians": medians,
        "multiples_of_chatmockd": ratios,
        "targets": [
            {
                **asdict(target),
                "measured": target.measured(results),
                "met": target.met(results),
            }
            for target in targets
        ],
        "rounds": [asdict(one) for one in results.rounds],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
