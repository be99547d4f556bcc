"""Writing to a TCP transport without the detour through the reactor.

A transport has the reactor watch for writability, sends when that is reported, and has
it watch no more: three system calls and a turn of the loop for what one would do, as
long as the socket has room. At a model's pace, where each event is a write of its own,
that is a third of what an event costs.

Only a bare TCP connection is treated so. One under TLS passes every method on to the
connection below, and what is sent there past TLS leaves in the clear.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.tcp import Connection

_SMALL = 131_072  # bytes; a TCP transport passes on no more at once


def unsent(transport: Any) -> int:
    """
    How many bytes wait for the other side to read on.

    A transport that has its producer resume has sent them all, which a slow reader may
    take minutes to allow; this shows that it reads at all.
    """
    # Under TLS the bytes wait in the transport below.
    buffers = getattr(transport, "transport", None) or transport
    waiting = len(getattr(buffers, "dataBuffer", b"")) - getattr(buffers, "offset", 0)
    return int(waiting + getattr(buffers, "_tempDataLen", 0))


def send_now(transport: Any, data: bytes) -> None:
    """
    Write C{data}, at once if nothing waits and the socket takes it.

    Only to an open TCP connection with nothing between it and us. One that is closing
    is the reactor's: only the reactor ends it when all is sent.
    """
    if (
        isinstance(transport, Connection)
        and not transport.TLS
        and transport.connected
        and not transport.disconnecting
        and transport.offset == len(transport.dataBuffer)
        and not transport._tempDataLen
        and len(data) <= _SMALL
    ):
        sent = transport.writeSomeData(data)
        if isinstance(sent, int) and sent > 0:
            if sent == len(data):
                return
            data = data[sent:]
        # An error the reactor will find as well, and end the connection its own way.
    transport.write(data)
