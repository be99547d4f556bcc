"""Death and resurrection: how long a killed daemon takes until it serves again."""

from __future__ import annotations

import contextlib
import http.client
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.children import Child, ChildFailed, free_port
from bench.contenders import Contender, Loopback, Running
from bench.plan import Outcome, Plan

_UNFINISHED = 8  # turns that each death interrupts


def restarts(
    plan: Plan,
    contender: Contender,
    loopback: Loopback,
    drive: Callable[[Plan, Running], Outcome],
) -> Outcome:
    """
    Kill C{contender} under load, C{plan.count} times, and start it again each time.

    Its store grows from one time to the next, and each time there are turns in it that
    had not ended.

    @param drive: Puts a load on it; what that comes to does not matter.
    @return: C{first_event_ms} are the times from the start of the process to the answer
        of its health page; after that a response from before its death is followed up.
    """
    outcome = Outcome()
    port = free_port()
    assert contender.launch is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        launch = contender.launch(loopback, port, folder, False)
        marker: str | None = None
        for number in range(plan.count + 1):
            began = time.perf_counter()
            log = folder / f"{contender.name}-{number}.log"
            with Child(launch.command, log, launch.environment) as child:
                child.wait_for_port(port, launch.health)
                took = time.perf_counter() - began
                if marker is not None:
                    outcome.first_event_ms.append(took * 1000)
                    _ask(port, "bench-8-0", marker)
                load = replace(plan, kind="in turn")
                outcome.faults += drive(
                    load, Running(contender, port, child.pid)
                ).faults
                marker = _ask(port, "bench-8-0", None)
                with _unfinished(port):
                    child.kill()
    outcome.answers = plan.count
    return outcome


def _ask(port: int, model: str, marker: str | None) -> str:
    """
    One turn; the id of its response.

    @raise ChildFailed: It was not answered as it should be.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        _send(connection, model, marker)
        answer = connection.getresponse()
        body = json.load(answer)
    if answer.status != 200:
        raise ChildFailed(f"status {answer.status}: {body}")
    return str(body["id"])


@contextlib.contextmanager
def _unfinished(port: int) -> Iterator[None]:
    """Some turns that go on as long as the block runs."""
    with contextlib.ExitStack() as stack:
        for _ in range(_UNFINISHED):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            stack.enter_context(contextlib.closing(connection))
            _send(connection, "bench-5000-100", None, stream=True)
            connection.getresponse()
        yield


def _send(
    connection: http.client.HTTPConnection,
    model: str,
    marker: str | None,
    *,
    stream: bool = False,
) -> None:
    body: dict[str, Any] = {"model": model, "input": "And now?", "stream": stream}
    if marker is not None:
        body["previous_response_id"] = marker
    kind = {"Content-Type": "application/json"}
    connection.request("POST", "/v1/responses", json.dumps(body), kind)
