"""One run: every contender beside the others, round by round, in changing order."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench import chatmock_package
from bench.authority import make_authority
from bench.children import ROOT, ChildFailed, module
from bench.contenders import (
    ALL,
    CHATMOCK,
    DIRECT,
    DURABLE,
    Contender,
    Loopback,
    Running,
    loopback_upstream,
    running,
)
from bench.measures import Measure
from bench.plan import Outcome, Plan
from bench.restarts import restarts
from bench.results import Results, Round
from bench.verify import faults_of

_LOAD_TIMEOUT_S = 300.0


def _upgrades(loopback: Loopback) -> int:
    """How many WebSockets the loopback upstream has accepted."""
    connection = http.client.HTTPConnection("127.0.0.1", loopback.http, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/counts")
        return int(json.load(connection.getresponse())["upgrades"])


def _drive(plan: Plan, target: Running) -> Outcome:
    """Run the load client as a process of its own."""
    plan = replace(
        plan,
        port=target.port,
        pid=target.pid,
        follow_up=target.contender.follows_up,
    )
    client = subprocess.run(
        module("bench.load", plan.to_json()),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_LOAD_TIMEOUT_S,
        check=False,
    )
    lines = client.stdout.splitlines()
    if not lines:
        words = client.stderr.strip().splitlines()[-1:]
        raise ChildFailed(f"the load client ended: {words}")
    return Outcome.from_json(lines[-1])


def _measure(
    measure: Measure, target: Running, loopback: Loopback, number: int
) -> Round:
    """One measure of one contender; what fails is a fault, not the end of the run."""
    before = _upgrades(loopback)
    try:
        outcome = _drive(measure.plan, target)
    except (ChildFailed, subprocess.TimeoutExpired) as problem:
        outcome = Outcome(faults=[str(problem)])
    opened = _upgrades(loopback) - before
    # Warming up opens one socket per connection; every turn after it must reuse them.
    allowed = measure.plan.connections
    if measure.plan.kind == "talk":
        # Where conversations begin anew, one in ten turns does, and some before that.
        allowed += 50 + outcome.answers // 5
    if not measure.fresh and opened > allowed:
        outcome.note(f"{opened} upstream sockets opened")
    return _round(measure, target, number, outcome)


def _restarts(measure: Measure, contender: Contender, loopback: Loopback) -> Round:
    """What it takes to start anew after a sudden death."""
    try:
        outcome = restarts(measure.plan, contender, loopback, _drive)
    except (ChildFailed, subprocess.TimeoutExpired, OSError, ValueError) as problem:
        outcome = Outcome(faults=[str(problem)])
    return _round(measure, Running(contender, 0, 0), 0, outcome)


def _round(measure: Measure, target: Running, number: int, outcome: Outcome) -> Round:
    """The figures of one outcome, or what was wrong with it."""
    figures = {}
    if not outcome.faults:
        read = measure.figures.items()
        figures = {
            name: figure(outcome)
            for name, figure in read
            if target.pid or not name.startswith("cpu")
        }
    said = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
    name = target.contender.name
    print(
        f"  {number} {measure.name:18} {name:10} {said or outcome.faults}",
        file=sys.stderr,
    )
    return Round(measure.name, name, number, figures, outcome.faults)


class Run:
    """Collects the results of one run; whatever it starts, it ends."""

    def __init__(self, measures: Sequence[Measure], rounds: int) -> None:
        self._measures = measures
        self._rounds = rounds
        self.results = Results()

    def go(self) -> Results:
        """Measure everything."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with loopback_upstream(make_authority(folder), folder) as loopback:
                self._side_by_side(loopback)
                self._one_by_one(loopback)
        return self.results

    def _takes_part(self, contender: Contender) -> bool:
        if contender.name in self.results.left_out:
            return False
        if contender is CHATMOCK and chatmock_package.installed_version() is None:
            self.results.left_out[contender.name] = "not installed"
            return False
        return True

    def _leave_out(self, contender: Contender, reason: str) -> None:
        print(f"  {contender.name}: {reason}", file=sys.stderr)
        self.results.left_out[contender.name] = reason

    def _side_by_side(self, loopback: Loopback) -> None:
        """What is measured in rounds, with all contenders running all the time."""
        measures = [measure for measure in self._measures if not measure.fresh]
        wanted = {c.name for measure in measures for c in measure.contenders}
        with contextlib.ExitStack() as stack:
            serving: list[Running] = []
            for contender in ALL:
                if contender.name in wanted and self._takes_part(contender):
                    try:
                        one = stack.enter_context(running(contender, loopback))
                        faults = faults_of(one)
                    except (ChildFailed, OSError, ValueError, LookupError) as problem:
                        faults = [f"did not start: {problem}"]
                    if faults:
                        self._leave_out(contender, faults[0])
                    else:
                        serving.append(one)
            for number in range(self._rounds):
                turned = number % max(1, len(serving))
                order = serving[turned:] + serving[:turned]
                for measure in measures:
                    for one in order:
                        if one.contender in measure.contenders:
                            result = _measure(measure, one, loopback, number)
                            self.results.rounds.append(result)
        self.results.note_added("first-event", DIRECT.name)
        self.results.note_commits("request", "cpu_us_per_request", DURABLE.name)
        order_of = [contender.name for contender in ALL]
        self.results.rounds.sort(key=lambda r: (r.number, order_of.index(r.contender)))

    def _one_by_one(self, loopback: Loopback) -> None:
        """What is measured once, on a contender that was just started."""
        for measure in self._measures:
            for contender in measure.contenders if measure.fresh else ():
                if not self._takes_part(contender):
                    continue
                if measure.plan.kind == "restart":
                    result = _restarts(measure, contender, loopback)
                    self.results.rounds.append(result)
                    continue
                try:
                    with running(contender, loopback, measure.tls) as one:
                        result = _measure(measure, one, loopback, 0)
                except ChildFailed as problem:
                    self._leave_out(contender, f"did not start: {problem}")
                    continue
                self.results.rounds.append(result)
