"""The states of one upstream connection, and what moves it from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from automat import TypeMachineBuilder

from chatmockd.errors import ChatmockdError


class Phase(Protocol):
    """The inputs; any of them may come at any time."""

    def opened(self) -> None:
        """The upgrade is through."""

    def refused(self, error: ChatmockdError) -> None:
        """The attempt failed; C{error} is what the client is told."""

    def lease(self) -> bool:
        """Take it for one turn; C{False} when it is not idle."""

    def release(self) -> None:
        """The turn is over and left it in order."""

    def close(self, abort: bool) -> None:
        """We want no more of it; with C{abort} without the closing handshake."""

    def ended(self, what: str) -> None:
        """The other side, or the way to it, ended it; C{what} says how."""

    def lost(self) -> None:
        """The transport is gone."""

    def stray(self, frames: Sequence[bytes]) -> None:
        """Frames came for which no turn waits."""


@dataclass(frozen=True)
class Steps:
    """
    What the machine has a connection do.

    @ivar tell_opened: Somebody waits for it: it is open, and theirs.
    @ivar tell_refused: Somebody waits for it: it will not open.
    @ivar tell_bearer: A turn runs on it and cannot go on.
    @ivar tell_unusable: It is retained, and must not be any more.
    @ivar tell_gone: There is nothing left of it.
    @ivar tell_stray: It is retained, and these frames came.
    @ivar shut: Begin to close an open connection; C{True} aborts it.
    @ivar drop: Give up an attempt, however far it has come.
    """

    tell_opened: Callable[[], None]
    tell_refused: Callable[[ChatmockdError], None]
    tell_bearer: Callable[[str], None]
    tell_unusable: Callable[[], None]
    tell_gone: Callable[[], None]
    tell_stray: Callable[[Sequence[bytes]], None]
    shut: Callable[[bool], None]
    drop: Callable[[], None]


def _machine() -> Callable[[Steps], Phase]:
    machine = TypeMachineBuilder(Phase, Steps)
    connecting, leased, idle, closing, gone = map(
        machine.state, ["Connecting", "Leased", "Idle", "Closing", "Gone"]
    )

    @connecting.upon(Phase.opened).to(leased)
    def opened(phase: Phase, steps: Steps) -> None:
        steps.tell_opened()

    @connecting.upon(Phase.refused).to(closing)
    def refused(phase: Phase, steps: Steps, error: ChatmockdError) -> None:
        steps.drop()
        steps.tell_refused(error)

    @connecting.upon(Phase.close).to(closing)
    def give_up(phase: Phase, steps: Steps, abort: bool) -> None:
        steps.drop()

    idle.upon(Phase.lease).to(leased).returns(True)
    leased.upon(Phase.release).to(idle).returns(None)

    @leased.upon(Phase.ended).to(closing)
    def ended_under_a_turn(phase: Phase, steps: Steps, what: str) -> None:
        steps.tell_bearer(what)

    @idle.upon(Phase.ended).to(closing)
    def ended_while_idle(phase: Phase, steps: Steps, what: str) -> None:
        steps.tell_unusable()

    @leased.upon(Phase.close).to(closing)
    def close_leased(phase: Phase, steps: Steps, abort: bool) -> None:
        steps.shut(abort)

    @idle.upon(Phase.close).to(closing)
    def close_idle(phase: Phase, steps: Steps, abort: bool) -> None:
        steps.shut(abort)

    @idle.upon(Phase.stray).loop()
    def stray(phase: Phase, steps: Steps, frames: Sequence[bytes]) -> None:
        steps.tell_stray(frames)

    @closing.upon(Phase.lost).to(gone)
    def lost(phase: Phase, steps: Steps) -> None:
        steps.tell_gone()

    # What means nothing in a state: two sides may end a connection at the same time,
    # and a turn may end on one that has just died.
    for state in (connecting, leased, closing, gone):
        state.upon(Phase.lease).loop().returns(False)
    for state in (leased, idle, closing, gone):
        state.upon(Phase.refused).loop().returns(None)
    for state in (connecting, closing, gone):
        state.upon(Phase.ended).loop().returns(None)
    for state in (closing, gone):
        state.upon(Phase.opened).loop().returns(None)
        state.upon(Phase.release).loop().returns(None)
        state.upon(Phase.close).loop().returns(None)
    gone.upon(Phase.lost).loop().returns(None)
    for state in (connecting, leased, closing, gone):
        state.upon(Phase.stray).loop().returns(None)
    return machine.build()


connection_phase = _machine()
