"""Clients that are gone without a word."""

from __future__ import annotations

import socket
from contextlib import closing
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.lifeline import notice_the_dead
from tests.core.cases import case


def listening(patience: float, family: int = socket.AF_INET) -> socket.socket:
    """A socket of which clients are to be watched."""
    made = socket.socket(family, socket.SOCK_STREAM)
    notice_the_dead(SimpleNamespace(socket=made), patience)
    return made


def keeps_asking(of: socket.socket) -> bool:
    """Whether the system asks who is silent."""
    return bool(of.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))


class NoticeTheDeadTests(SynchronousTestCase):
    """What the system is told; it does not tell what it does with it."""

    def test_clients_take_over_what_the_port_was_told(self) -> None:
        """Accepted connections are those that matter."""
        with closing(listening(300)) as port:
            port.bind(("127.0.0.1", 0))
            port.listen()
            with closing(socket.create_connection(port.getsockname())):
                accepted, _ = port.accept()
                with closing(accepted):
                    self.assertTrue(keeps_asking(accepted))
                    for name, value in (
                        ("TCP_KEEPINTVL", 60),
                        ("TCP_USER_TIMEOUT", 300_000),
                    ):
                        option = getattr(socket, name, None)
                        if option is not None:
                            with case(option=name):
                                self.assertEqual(
                                    accepted.getsockopt(socket.IPPROTO_TCP, option),
                                    value,
                                )

    def test_any_patience(self) -> None:
        """None at all is the system's own; years of it are, nearly, endless."""
        option = getattr(socket, "TCP_USER_TIMEOUT", None)
        for patience, told in ((0, 0), (0.5, 500), (1e8, 2**31 - 1)):
            with case(patience=patience), closing(listening(patience)) as port:
                self.assertTrue(keeps_asking(port))
                if option is not None:
                    self.assertEqual(port.getsockopt(socket.IPPROTO_TCP, option), told)

    def test_ports_of_other_kinds(self) -> None:
        """Whoever is at the other end of a file is on this machine."""
        listening(300, socket.AF_UNIX).close()
        port: Any = object()
        notice_the_dead(port, 300)
