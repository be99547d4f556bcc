"""What a client adds to a turn while it runs, and what becomes of it.

C{response.steer} goes to the upstream that runs the turn. When the turn has ended, the
upstream begins a successor by itself, which nobody asked for and no node stands for: it
is not followed. What was to be said is given back to the client instead, as the
protocol provides for input that could not be committed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from chatmockd.errors import InvalidRequest

_STEER = b"response.steer."


class _Said(msgspec.Struct, gc=False):
    """Which steer an event is about."""

    id: str | None = None


class _Event(msgspec.Struct, gc=False):
    """The fields of an event that may be about one."""

    type: str
    steer: _Said | None = None


_decode = msgspec.json.Decoder(_Event).decode


@dataclass
class _Steer:
    target: str
    given: Any
    name: str | None = None


def read_steer(fields: Mapping[str, Any]) -> tuple[str, Any]:
    """
    What a client's C{response.steer} is about, and what it adds.

    @return: The id of the response, and the input.
    @raise InvalidRequest: One of them is not there, or could be neither: what is not
        even an input cannot be given back.
    """
    target, given = fields.get("previous_response_id"), fields.get("input")
    for name, is_good, expected in (
        ("previous_response_id", isinstance(target, str), "the id of a response"),
        ("input", isinstance(given, str | list), "a string or a list of items"),
    ):
        if not is_good:
            raise InvalidRequest(
                f"Invalid type for '{name}': expected {expected}.",
                param=name,
                code="invalid_type",
            )
    return str(target), given


def refused_steer(target: str, given: object, code: str, reason: str) -> bytes:
    """
    The event that gives a client its input back, since it went nowhere.

    No C{error} event: that would pass for the end of a turn that runs.
    """
    return _failed(_Steer(target, given), None, code, reason)


def steer_message(target: str, given: object) -> bytes:
    """The upstream message that adds C{given} to the response C{target}."""
    return msgspec.json.encode(
        {"type": "response.steer", "previous_response_id": target, "input": given}
    )


class Steering:
    """The steers of one turn that nobody has answered for yet."""

    def __init__(self) -> None:
        self._open: list[_Steer] = []

    def sent(self, target: str, given: object) -> None:
        """One went to the upstream."""
        self._open.append(_Steer(target, given))

    def saw(self, messages: list[bytes]) -> None:
        """These events are on their way to the client; some may be about steers."""
        for message in messages:
            if self._open and _STEER in message:
                self._read(message)

    def _read(self, message: bytes) -> None:
        try:
            event = _decode(message)
        except (msgspec.DecodeError, RecursionError):
            return
        kind = event.type.removeprefix("response.steer.")
        name = None if event.steer is None else event.steer.id
        # It answers in the order it was told.
        steer = next((one for one in self._open if one.name in (name, None)), None)
        if steer is not None and kind == "accepted":
            steer.name = name
        elif steer is not None and kind == "failed":
            self._open.remove(steer)

    def given_back(self, stream_id: str | None) -> list[bytes]:
        """The turn has ended: a C{response.steer.failed} for each that is open."""
        given_back, self._open = self._open, []
        return [
            _failed(
                steer,
                stream_id,
                "successor_creation_failed",
                "The response has ended. Send the input as a response.create with "
                f"previous_response_id '{steer.target}'.",
            )
            for steer in given_back
        ]


def _failed(steer: _Steer, stream_id: str | None, code: str, reason: str) -> bytes:
    event: dict[str, Any] = {
        "type": "response.steer.failed",
        "sequence_number": 0,
        "steer": {"previous_response_id": steer.target, "input": steer.given},
        "error": {
            "type": "invalid_request_error",
            "code": code,
            "message": reason,
        },
    }
    if steer.name is not None:
        event["steer"]["id"] = steer.name
    if stream_id is not None:
        event["stream_id"] = stream_id
    return msgspec.json.encode(event)
