"""Every switch of the simulated upstream: its pace, and what it does wrong.

A switch has the same name here, in a directive inside a message (see L{directive}) and
on the command line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

SHAPES = ("nested", "flat", "detail", "status_code", "body")
MALFORMED = ("json", "array", "untyped", "utf8")
OUTPUTS = ("filled", "empty", "absent", "null")
WITHHELD = ("id", "usage", "usage_details", "sequence_number")
REASONS = ("max_output_tokens", "max_messages", "content_filter")

# RFC 6455, 7.4 and the IANA registry. 1005 stands for a close frame without a code.
# 1006 and 1015 may not be sent.
_CLOSE_CODES = {*range(1000, 1004), 1005, *range(1007, 1015), *range(3000, 5000)}

_T = TypeVar("_T")


def _text(written: str) -> str:
    return written


def _seconds(written: str) -> float:
    value = float(written)
    if not 0 <= value < 1e6:
        raise ValueError("seconds, from 0 to a million")
    return value


def _count(written: str) -> int:
    if not (written.isascii() and written.isdigit() and len(written) < 10):
        raise ValueError("a whole number")
    return int(written)


def _yes(written: str) -> bool:
    if written not in ("true", "false"):
        raise ValueError("true or false")
    return written == "true"


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def read(written: str) -> str:
        if written not in names:
            raise ValueError("one of " + ", ".join(names))
        return written

    return read


def _some_of(names: tuple[str, ...]) -> Callable[[str], frozenset[str]]:
    def read(written: str) -> frozenset[str]:
        chosen = frozenset(written.split(","))
        if not chosen <= set(names):
            raise ValueError("some of " + ",".join(names))
        return chosen

    return read


def _switch(
    default: _T,
    read: Callable[[str], Any],
    *,
    turn: bool = True,
    bare: object = None,
) -> _T:
    """
    Declare one switch.

    @param read: Makes the value from its written form, or raises C{ValueError} with
        what is allowed.
    @param turn: It concerns one turn, so a directive may set it.
    @param bare: The value when only the name is written; C{None} if there must be one.
    """
    chosen: _T = field(
        default=default, metadata={"read": read, "turn": turn, "bare": bare}
    )
    return chosen


def _flag(*, turn: bool = True) -> bool:
    return _switch(False, _yes, turn=turn, bare=True)


@dataclass(kw_only=True)
class Faults:
    """
    How the simulated upstream misbehaves; a fresh one behaves well.

    The switches of a turn are read when the turn starts. C{after} says when its fault
    strikes: after so many frames of the turn (C{codex.*} frames count, keepalives do
    not), or behind the last one where the turn has fewer.
    """

    # The connection.
    refuse: int | None = _switch(None, _count, turn=False)
    """Answer the upgrade with this HTTP status instead of 101."""
    refuse_headers: dict[str, str] = field(default_factory=dict)
    """More headers of that answer, C{retry-after} say."""
    refuse_body: str | None = _switch(None, _text, turn=False)
    """Its body; C{None} for an OpenAI-shaped JSON error."""
    never_answer: bool = _flag(turn=False)
    """Read the upgrade and say nothing, for ever."""
    max_age_s: float | None = _switch(None, _seconds, turn=False)
    """The connection limit: 3600 s upstream. Read when the connection opens."""
    idle_limit_s: float | None = _switch(None, _seconds, turn=False)
    """Report the connection limit so long after a turn, unless another one begins."""

    # When, and how.
    pace_s: float = _switch(0.0, _seconds)
    """Seconds between two events; 0 sends them as fast as the peer reads."""
    after: int = _switch(0, _count)
    """How many frames of the turn go out before the fault strikes."""

    # What happens then.
    silent: bool = _flag()
    """Say nothing more; the connection stays open."""
    close: int | None = _switch(None, _count, bare=1011)
    """Close with this code."""
    reason: str = _switch("", _text)
    """The reason that goes with C{close}."""
    drop: bool = _flag()
    """Lose the TCP connection without a close frame."""
    malformed: str | None = _switch(None, _one_of(MALFORMED), bare="json")
    """Send a text message that no client can use, and go on."""
    binary: bool = _flag()
    """Send a binary message, and go on."""
    error: str | None = _switch(None, _text, bare="server_error")
    """End the turn with an C{error} frame of this code."""
    status: int | None = _switch(None, _count)
    """The status in it; C{None} for the one which belongs to the code."""
    message: str | None = _switch(None, _text)
    """The message of C{error} or C{failed}."""
    shape: str = _switch("nested", _one_of(SHAPES))
    """Which of the shapes of an C{error} frame that clients must know."""
    error_headers: dict[str, str] = field(default_factory=dict)
    """Its C{headers}; left out when empty."""
    failed: str | None = _switch(None, _text, bare="server_error")
    """End the turn with C{response.failed} of this code."""

    # What is different about the whole turn.
    incomplete: str | None = _switch(None, _one_of(REASONS), bare=REASONS[0])
    """Stop halfway with C{response.incomplete} for this reason."""
    output: str = _switch("filled", _one_of(OUTPUTS))
    """The C{output} of the terminal event."""
    without: frozenset[str] = _switch(frozenset(), _some_of(WITHHELD))
    """What the events lack."""
    terminal_only: bool = _flag()
    """Send the terminal event and nothing before it."""
    trailing: int = _switch(0, _count)
    """So many more frames of the same response behind its terminal event."""
    keepalive: int = _switch(0, _count)
    """A C{keepalive} frame behind every so many events."""
    event_bytes: int = _switch(0, _count)
    """Make the answer one text delta of about this size, and what repeats it too."""
    fragment_bytes: int = _switch(0, _count)
    """Send each message in WebSocket frames of this size."""

    def __post_init__(self) -> None:
        """Fail where the mistake is made, not in the turn that meets it."""
        if self.close is not None and self.close not in _CLOSE_CODES:
            raise ValueError(f"close: {self.close} cannot be sent")
        if len(self.reason.encode()) > 123:
            raise ValueError("reason: at most 123 bytes fit into a close frame")
        if self.refuse is not None and not 300 <= self.refuse <= 599:
            raise ValueError("refuse: a status from 300 to 599")
        if self.status is not None and not 100 <= self.status <= 599:
            raise ValueError("status: an HTTP status")
        for name, allowed in (
            ("malformed", (None, *MALFORMED)),
            ("shape", SHAPES),
            ("output", OUTPUTS),
            ("incomplete", (None, *REASONS)),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}: one of {allowed}")
        if not self.without <= set(WITHHELD):
            raise ValueError(f"without: some of {WITHHELD}")


def names(*, turn_only: bool) -> list[str]:
    """The switches that can be written, in their order; C{turn_only} for directives."""
    return [
        each.name
        for each in fields(Faults)
        if "read" in each.metadata and (each.metadata["turn"] or not turn_only)
    ]


def read(name: str, written: str | None) -> object:
    """
    The value of the switch C{name} from its written form.

    @param written: C{None} when only the name was written.
    @raise ValueError: With what is allowed.
    """
    switch = next(each for each in fields(Faults) if each.name == name).metadata
    if written is None:
        if switch["bare"] is None:
            raise ValueError("a value is needed")
        return switch["bare"]
    return switch["read"](written)
