"""Upstream connections that die between turns, and conversations that do not."""

from __future__ import annotations

import itertools
import signal
import socket
import sqlite3
from typing import Any

from tests.end_to_end.client import Client, ask, text_of
from tests.end_to_end.lasting import asking, check, start_on, store_of, stored
from tests.end_to_end.place import PlacedTests, wait_for
from tests.end_to_end.recording import (
    Dispatch,
    Item,
    RecordingUpstream,
    answered,
    digest,
    said,
)
from tests.end_to_end.upstream import Wire

TURNS = 200


def end_quietly(wire: Wire) -> None:
    """TCP's FIN, without a close frame."""
    wire.socket.shutdown(socket.SHUT_WR)


def close_orderly(wire: Wire) -> None:
    """A close frame with code 1000."""
    wire.socket.sendall(b"\x88\x02\x03\xe8")


def close_broken(wire: Wire) -> None:
    """A close frame with code 1011."""
    wire.socket.sendall(b"\x88\x02\x03\xf3")


class SocketDeathTests(PlacedTests):
    """The upstream hangs up whenever it has answered."""

    def setUp(self) -> None:
        super().setUp()
        self.upstream = self.enterContext(RecordingUpstream())
        self.daemon = start_on(self.upstream, self.place)

    def room_taken(self) -> int:
        """The bytes of the store that are in use, its journal's included."""
        connection = sqlite3.connect(f"file:{store_of(self.place)}?mode=ro", uri=True)
        try:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            (free,) = connection.execute("PRAGMA freelist_count").fetchone()
            (size,) = connection.execute("PRAGMA page_size").fetchone()
        finally:
            connection.close()
        return int((pages - free) * size)

    def test_one_after_the_other(self) -> None:
        """200 turns over 200 connections: each is told all that was said before."""
        ways = itertools.cycle([end_quietly, close_orderly, close_broken])
        self.upstream.leave = lambda wire: next(ways)(wire)
        transcript: list[Item] = []
        marker: str | None = None
        sizes = [self.room_taken()]
        with Client(self.daemon.port) as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for number in range(1, TURNS + 1):
                text = f"Question {number}: {'why and ' * 20}how?"
                transcript.append(said(text))
                more = {} if marker is None else {"previous_response_id": marker}
                response = client.post(asking(text, **more)).json()
                self.assertEqual(client.status, 200, response)
                dispatch = self.upstream.dispatches[-1]
                self.assertEqual(dispatch.connection, number)
                self.assertNotIn("previous_response_id", dispatch.message)
                self.assertEqual(digest(dispatch.transcript), digest(transcript))
                transcript.append(answered(text_of(response)))
                marker = response["id"]
                # What has not been noticed yet is another story.
                wait_for("the end to be noticed", lambda: not self.upstream.open)
                if number % (TURNS // 2) == 0:
                    sizes.append(self.room_taken())
        self.assertEqual(len(self.upstream.dispatches), TURNS)
        empty, half, whole = sizes
        self.assertLess(whole - half, 1.25 * (half - empty), sizes)

    def test_one_that_lives(self) -> None:
        """Over a connection that lives, a follow-up is its new input and no more."""
        transcript: list[Item] = []
        marker: str | None = None
        for number in range(1, 6):
            text = f"Question {number}?"
            transcript.append(said(text))
            more = {} if marker is None else {"previous_response_id": marker}
            response = ask(self.daemon.port, asking(text, **more))
            dispatch = self.upstream.dispatches[-1]
            self.assertEqual(dispatch.connection, 1)
            self.assertEqual(dispatch.message["input"], [said(text)])
            self.assertEqual(digest(dispatch.transcript), digest(transcript))
            transcript.append(answered(text_of(response)))
            marker = response["id"]

    def test_forks(self) -> None:
        """50 follow-ups on one response, all at once, and one more on each of them."""
        parent = ask(self.daemon.port, asking("Once upon a time."))
        trunk = [said("Once upon a time."), answered(text_of(parent))]
        children = self.all_at_once(
            {f"Branch {number}" for number in range(50)},
            lambda text: asking(text, previous_response_id=parent["id"]),
            lambda text: [*trunk, said(text)],
        )
        self.assertEqual(len({child["id"] for child in children.values()}), 50)
        self.all_at_once(
            {f"Leaf of {text}" for text in children},
            lambda text: asking(
                text,
                previous_response_id=children[text.removeprefix("Leaf of ")]["id"],
            ),
            lambda text: [
                *trunk,
                said(text.removeprefix("Leaf of ")),
                answered(text_of(children[text.removeprefix("Leaf of ")])),
                said(text),
            ],
        )

    def all_at_once(self, texts: set[str], body: Any, transcript: Any) -> Any:
        """Ask all of this at the same time; the upstream must see these transcripts."""
        asked = {
            text: self.enterContext(Client(self.daemon.port)).post(body(text))
            for text in texts
        }
        answers = {}
        for text, client in asked.items():
            answers[text] = client.json()
            self.assertEqual(client.status, 200, answers[text])
            (dispatch,) = self.upstream.asked(text)
            self.assertEqual(digest(dispatch.transcript), digest(transcript(text)))
        return answers


class StoppingTests(PlacedTests):
    """SIGTERM while a response is made in the background."""

    def setUp(self) -> None:
        super().setUp()
        self.upstream = self.enterContext(RecordingUpstream())

    def stop(self, pieces: int, *sets: str) -> Any:
        """
        Stop a daemon in the middle of a response of so many pieces.

        @return: What the next daemon knows of it.
        """

        def words(dispatch: Dispatch) -> list[str]:
            return [f"{piece} " for piece in range(pieces)]

        self.upstream.words, self.upstream.pace = words, 0.01
        daemon = start_on(self.upstream, self.place, *sets)
        begun = ask(daemon.port, asking("Go on.", background=True))
        wait_for("it to run", lambda: self.upstream.asked("Go on."))
        daemon.send(signal.SIGTERM)
        daemon.log_line("stopping;")
        self.assertEqual(daemon.exit_status(), 0)
        self.assertEqual(check(store_of(self.place)), "ok")
        self.assertFalse(self.upstream.open)
        return stored(start_on(self.upstream, self.place), begun["id"])

    def test_time_enough(self) -> None:
        """It comes to its end, and the next daemon has it."""
        response = self.stop(40)
        self.assertEqual(response["status"], "completed")
        self.assertEqual(text_of(response).split(), [str(n) for n in range(40)])

    def test_too_little_time(self) -> None:
        """After server.drain_s it has failed, for a reason that can be read."""
        response = self.stop(2000, "server.drain_s=0.2")
        self.assertEqual(response["status"], "failed")
        self.assertEqual(response["error"]["code"], "shutting_down")
