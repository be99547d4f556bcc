"""Dying on purpose: how tests see what a sudden death leaves behind."""

from __future__ import annotations

import os
import signal

# Where to die; read by nothing but the tests that kill the daemon.
_AT = os.environ.get("CHATMOCKD_TEST_DIES_AT", "")


def may_die(point: str) -> None:
    """
    Die here and now, as by C{kill -9}, if a test has asked for that.

    @param point: C{before journal}, C{journalled}, C{sent}, C{mid-stream}, C{before
        commit}, C{committed} or C{written}.
    """
    if point == _AT:
        os.kill(os.getpid(), signal.SIGKILL)
