"""Before anything is measured: does a contender really answer as it should?

The load client only counts. Here answers of each contender are parsed, every event.
"""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import Any

from bench.contenders import Running

_EVENTS = 40


def _ask(port: int, body: dict[str, Any]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        kind = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/responses", json.dumps(body), kind)
        answer = connection.getresponse()
        return answer.status, answer.read()


def _question(stream: bool, marker: str | None) -> dict[str, Any]:
    content = [{"type": "input_text", "text": "What was the token?"}]
    item = {"type": "message", "role": "user", "content": content}
    body = {"model": f"bench-{_EVENTS}-0", "stream": stream, "input": [item]}
    return body if marker is None else {**body, "previous_response_id": marker}


def faults_in_stream(body: bytes) -> list[str]:
    """What is wrong with an event stream of C{_EVENTS} events."""
    events: list[dict[str, Any]] = []
    faults = []
    for block in body.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and line[0] != ":"]
        if not lines:
            continue
        fields = dict(line.split(": ", 1) for line in lines)
        event = json.loads(fields["data"])
        if event["type"] != fields["event"]:
            faults.append(f"{event['type']} is announced as {fields['event']}")
        events.append(event)
    numbers = [event["sequence_number"] for event in events]
    if numbers != list(range(_EVENTS)):
        faults.append(f"sequence numbers are {numbers}")
        return faults
    response = events[-1].get("response", {})
    text = "".join(e["delta"] for e in events if e["type"].endswith("text.delta"))
    if events[-1]["type"] != "response.completed":
        faults.append(f"it ends with {events[-1]['type']}")
    elif response["output"][0]["content"][0]["text"] != text or not text:
        faults.append("the text of the response is not that of its deltas")
    elif response["id"] != events[0]["response"]["id"]:
        faults.append("the response changes its id")
    return faults


def faults_of(running: Running) -> list[str]:
    """Ask for a stream, for a follow-up and, where it can, for JSON."""
    marker = None
    for stream in (True, True, False):
        if not stream and not running.contender.answers_json:
            continue
        status, body = _ask(running.port, _question(stream, marker))
        if status != 200:
            return [f"status {status}: {body[:200]!r}"]
        if stream:
            faults = faults_in_stream(body)
            if faults:
                return faults
            last = body.rstrip().rsplit(b"\n", 1)[1].removeprefix(b"data: ")
            response = json.loads(last)["response"]
        else:
            response = json.loads(body)
        if response["status"] != "completed" or not response["output"]:
            return [f"the response is {response['status']} and has no output"]
        marker = response["id"] if running.contender.follows_up else None
    return []
