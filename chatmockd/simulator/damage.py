"""Faults laid over the events of a turn: what goes out, and what happens then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from chatmockd.simulator.faults import Faults
from chatmockd.simulator.refusal import LIMIT_REACHED, Refused, message_for, refused_as
from chatmockd.simulator.script import Event
from chatmockd.simulator.snapshot import Snapshot

TERMINAL = frozenset(("response.completed", "response.incomplete", "response.failed"))

# Text messages that no client can use: cut off, no object, no type, and no UTF-8.
_MALFORMED = {
    "json": b'{"type":"response.output_text.delta","delta":"cut of',
    "array": b'["response.output_text.delta"]',
    "untyped": b'{"delta":"no type"}',
    "utf8": b'{"type":"response.output_text.delta","delta":"\xff\xfe"}',
}
_BINARY = b'{"type":"response.output_text.delta","delta":"binary"}'


@dataclass(frozen=True)
class Send:
    """A message goes out."""

    payload: bytes
    binary: bool = False
    fragment: int = 0
    """The size of its WebSocket frames; 0 for one frame."""
    pace_s: float = 0.0
    """Seconds before the next act of the turn."""


@dataclass(frozen=True)
class Refuse:
    """The turn ends with an C{error} frame."""

    refused: Refused


@dataclass(frozen=True)
class Close:
    """A close frame goes out."""

    code: int
    reason: str = ""


@dataclass(frozen=True)
class Drop:
    """The TCP connection ends without a close frame."""


@dataclass(frozen=True)
class Hang:
    """Nothing more is said in this turn, and it never ends."""


Act = Send | Refuse | Close | Drop | Hang


def damaged(
    events: Iterable[Event], faults: Faults, snapshot: Snapshot, now: float
) -> Iterator[Event | Act]:
    """
    C{events} with C{faults} laid over them.

    An act that ends the turn is the last thing that comes.

    @param snapshot: The response, for the fault which lets it fail.
    @param now: Unix seconds.
    """
    sent = 0
    struck = False
    for event in events:
        if sent >= faults.after and not struck:
            struck = True
            blows = list(_blows(faults, snapshot, now))
            yield from blows
            if _ends(blows):
                return
        terminal = event["type"] in TERMINAL
        if terminal or not faults.terminal_only:
            yield _altered(event, faults) if terminal else _withheld(event, faults)
            sent += 1
            if faults.keepalive and not terminal and sent % faults.keepalive == 0:
                # Whether its number comes from the response's count is not known;
                # this one counts for itself.
                number = sent // faults.keepalive - 1
                yield {"type": "keepalive", "sequence_number": number}
    yield from _trailing(faults)
    if not struck:
        yield from _blows(faults, snapshot, now)


def _blows(faults: Faults, snapshot: Snapshot, now: float) -> Iterator[Event | Act]:
    if faults.malformed is not None:
        yield Send(_MALFORMED[faults.malformed])
    if faults.binary:
        yield Send(_BINARY, binary=True)
    if faults.error is not None:
        refused = refused_as(
            faults.error,
            now=now,
            status=faults.status,
            message=faults.message,
            shape=faults.shape,
            headers=faults.error_headers,
        )
        yield Refuse(refused)
    if faults.failed is not None:
        message = faults.message or message_for(faults.failed)
        response = snapshot.failed(faults.failed, message)
        yield _withheld({"type": "response.failed", "response": response}, faults)
    if faults.close is not None:
        yield Close(faults.close, faults.reason)
    if faults.drop:
        yield Drop()
    if faults.silent:
        yield Hang()


def _ends(blows: list[Event | Act]) -> bool:
    return any(isinstance(blow, dict) or not isinstance(blow, Send) for blow in blows)


def _altered(event: Event, faults: Faults) -> Event:
    """A terminal event as C{faults} want it."""
    response: dict[str, Any] = dict(event["response"])
    if faults.output == "empty":
        response["output"] = []
    elif faults.output == "null":
        response["output"] = None
    elif faults.output == "absent":
        del response["output"]
    if "usage" in faults.without:
        response.pop("usage", None)
    elif "usage_details" in faults.without and response.get("usage"):
        response["usage"] = {
            name: value
            for name, value in response["usage"].items()
            if not name.endswith("_details")
        }
    return _withheld({**event, "response": response}, faults)


def _withheld(event: Event, faults: Faults) -> Event:
    """C{event} without the id of its response, when it is to lack that."""
    if "id" in faults.without and "response" in event:
        response = {
            name: value for name, value in event["response"].items() if name != "id"
        }
        return {**event, "response": response}
    return event


def _trailing(faults: Faults) -> Iterator[Event]:
    for number in range(faults.trailing):
        yield {
            "type": "response.output_text.delta",
            "content_index": 0,
            "delta": f"too late {number}",
            "item_id": "msg_too_late",
            "logprobs": [],
            "output_index": 0,
        }


def closes_afterwards(refused: Refused) -> bool:
    """Whether the server closes behind this error on either profile."""
    return refused.code == LIMIT_REACHED
