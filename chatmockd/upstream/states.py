"""The states of one upstream connection, and what moves it from one to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from automat import TypeMachineBuilder

from chatmockd.errors import ChatmockdError


class Phase(Protocol):
    """
    The inputs; any of them may come at any time.

    Who uses an open connection is no state here: that changes twice a turn, means
    nothing to the transport, and an input costs as much as sending a message.
    """

    def opened(self) -> None:
        """The upgrade is through."""

    def refused(self, error: ChatmockdError) -> None:
        """The attempt failed; C{error} is what the client is told."""

    def close(self, abort: bool) -> None:
        """We want no more of it; with C{abort} without the closing handshake."""

    def ended(self, what: str) -> None:
        """The other side, or the way to it, ended it; C{what} says how."""

    def lost(self) -> None:
        """The transport is gone."""


@dataclass(frozen=True)
class Steps:
    """
    What the machine has a connection do.

    @ivar tell_opened: Somebody waits for it: it is open, and theirs.
    @ivar tell_refused: Somebody waits for it: it will not open.
    @ivar tell_ended: It is open, and whoever counts on it must not any more.
    @ivar tell_gone: There is nothing left of it.
    @ivar shut: Begin to close an open connection; C{True} aborts it.
    @ivar drop: Give up an attempt, however far it has come.
    """

    tell_opened: Callable[[], None]
    tell_refused: Callable[[ChatmockdError], None]
    tell_ended: Callable[[str], None]
    tell_gone: Callable[[], None]
    shut: Callable[[bool], None]
    drop: Callable[[], None]


def _machine() -> Callable[[Steps], Phase]:
    machine = TypeMachineBuilder(Phase, Steps)
    connecting, open_, closing, gone = map(
        machine.state, ["Connecting", "Open", "Closing", "Gone"]
    )

    @connecting.upon(Phase.opened).to(open_)
    def opened(phase: Phase, steps: Steps) -> None:
        steps.tell_opened()

    @connecting.upon(Phase.refused).to(closing)
    def refused(phase: Phase, steps: Steps, error: ChatmockdError) -> None:
        steps.drop()
        steps.tell_refused(error)

    @connecting.upon(Phase.close).to(closing)
    def give_up(phase: Phase, steps: Steps, abort: bool) -> None:
        steps.drop()

    @open_.upon(Phase.ended).to(closing)
    def ended(phase: Phase, steps: Steps, what: str) -> None:
        steps.tell_ended(what)

    @open_.upon(Phase.close).to(closing)
    def close(phase: Phase, steps: Steps, abort: bool) -> None:
        steps.shut(abort)

    @closing.upon(Phase.lost).to(gone)
    def lost(phase: Phase, steps: Steps) -> None:
        steps.tell_gone()

    # What means nothing in a state: two sides may end a connection at the same time,
    # and a turn may end on one that has just died.
    for state in (open_, closing, gone):
        state.upon(Phase.refused).loop().returns(None)
    for state in (connecting, closing, gone):
        state.upon(Phase.ended).loop().returns(None)
    for state in (closing, gone):
        state.upon(Phase.opened).loop().returns(None)
        state.upon(Phase.close).loop().returns(None)
    gone.upon(Phase.lost).loop().returns(None)
    return machine.build()


connection_phase = _machine()
