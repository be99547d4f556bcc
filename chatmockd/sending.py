"""Writing to TCP transports without the detour through the reactor.

A transport has the reactor watch for writability, sends when that is reported, and has
it watch no more: three system calls and a turn of the loop for what one would do, as
long as the socket has room. At a model's pace, where each event is a write of its own,
that is a third of what an event costs.

To send at once is not best either. When a hundred streams have an event each, a read
and a send in turn chase each other's code and tables out of the caches; all sends
behind all reads of a turn of the loop cost a tenth less, and what is written to one
transport in several pieces is one send.

Only a bare TCP connection is treated so. One under TLS passes every method on to the
connection below, and what is sent there past TLS leaves in the clear.
"""

from __future__ import annotations

import sys
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any

from twisted.internet.tcp import Connection

_SMALL = 131_072  # bytes; a TCP transport passes on no more at once

# Transports with something to send when their reactor's loop has come round. What that
# is waits in the transport: it is in order with whatever else is written there, and is
# not lost when it is told to end.
_due: dict[Any, dict[Connection, None]] = {}


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


def unacknowledged(transport: Any) -> int:
    """
    How many bytes the other side has not confirmed.

    On a slow line the system's own buffer holds megabytes that it has taken from us at
    once. Where it does not tell how many, only what L{unsent} sees is counted.
    """
    taken = 0
    handle = getattr(getattr(transport, "transport", None) or transport, "socket", None)
    if handle is not None:
        try:
            told = ioctl(handle.fileno(), TIOCOUTQ, bytes(4))
        except (OSError, ValueError):
            # Not on this system, or the socket is closed.
            told = b""
        taken = int.from_bytes(told, sys.byteorder)
    return unsent(transport) + taken


def send_soon(transport: Any, data: bytes) -> None:
    """
    Write C{data}; it leaves before the reactor waits again, if the socket takes it.

    Only to an open TCP connection with nothing between it and us. One that is closing
    is the reactor's: only the reactor ends it when all is sent.
    """
    if (
        isinstance(transport, Connection)
        and not transport.TLS
        and transport.connected
        and not transport.disconnecting
        and len(data) <= _SMALL
    ):
        reactor: Any = transport.reactor
        due = _due.get(reactor)
        if not transport._tempDataLen and transport.offset == len(transport.dataBuffer):
            if due is None:
                due = _due[reactor] = {}
                reactor.callLater(0, _send_all, reactor)
            due[transport] = None
            transport._tempDataBuffer.append(data)
            transport._tempDataLen = len(data)
            return
        if due is not None and transport in due:
            if transport._tempDataLen + len(data) <= _SMALL:
                transport._tempDataBuffer.append(data)
                transport._tempDataLen += len(data)
                return
    transport.write(data)


def _send_all(reactor: Any) -> None:
    for transport in _due.pop(reactor):
        # Unless the reactor was quicker, or there is nobody left to send it to.
        if (
            transport.connected
            and transport._tempDataLen
            and transport.offset == len(transport.dataBuffer)
        ):
            data = b"".join(transport._tempDataBuffer)
            transport._tempDataBuffer = []
            transport._tempDataLen = 0
            sent = transport.writeSomeData(data)
            if isinstance(sent, int) and sent > 0:
                data = data[sent:]
            if data:
                # An error the reactor will find as well, and end the connection its
                # own way.
                transport.write(data)
