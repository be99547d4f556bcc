"""Has the system notice that somebody is gone who did not say so.

A client that loses its power or its network sends nothing to tell by. Who waits for an
answer is never found out, and with an event on its way it takes Linux 15 minutes;
meanwhile a turn goes on that nobody hears.
"""

from __future__ import annotations

import socket
from typing import Any

_ASK_AFTER = 60  # seconds of silence, and between one question and the next
_ASK_TIMES = 4


def notice_the_dead(port: Any, patience: float) -> None:
    """
    Have the connections that C{port} will accept end when their client is gone.

    They take these options over from it, so that none of them costs anything.

    @param port: Where clients connect; one that is not TCP is left as it is.
    @param patience: Seconds for which a client may take nothing of what is sent, alive
        or not; 0 leaves that to the system.
    """
    listening: Any = getattr(port, "socket", None)
    if getattr(listening, "family", None) not in (socket.AF_INET, socket.AF_INET6):
        return
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", _ASK_AFTER),
        ("TCP_KEEPALIVE", _ASK_AFTER),  # what macOS calls it
        ("TCP_KEEPINTVL", _ASK_AFTER),
        ("TCP_KEEPCNT", _ASK_TIMES),
        # Where there is this one, it counts for the questions as well.
        ("TCP_USER_TIMEOUT", min(int(patience * 1000), 2**31 - 1)),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            listening.setsockopt(socket.IPPROTO_TCP, option, value)
