"""Daemons whose conversations outlast them, and what is in their store."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from tests.end_to_end.client import Client
from tests.end_to_end.place import Daemon, Place
from tests.end_to_end.recording import RecordingUpstream, said

MODEL = "gpt-5.5"
ANSWERED = b"event: response.completed\n"  # in a stream that has come to a good end


def store_of(place: Place) -> Path:
    """Where the daemons of a place have their store."""
    return place.folder / "store" / "turns.sqlite"


def lasting(path: Path) -> tuple[str, str]:
    """The settings of a daemon with its store there."""
    return "continuity.mode=durable", f"store.path={path}"


def start_on(
    upstream: RecordingUpstream, place: Place, *sets: str, dies_at: str = ""
) -> Daemon:
    """
    A daemon in front of this upstream, on the place's store.

    @param dies_at: The point at which it shall die.
    """
    return place.start(
        *lasting(store_of(place)),
        "upstream.profile=openai",
        f"upstream.url={upstream.url}",
        *sets,
        simulate=False,
        environ={"OPENAI_API_KEY": "sk-1", "CHATMOCKD_TEST_DIES_AT": dies_at},
    )


def asking(text: str, **more: Any) -> dict[str, Any]:
    """The body of a request."""
    return {"model": MODEL, "input": [said(text)], **more}


def stored(daemon: Daemon, response_id: str) -> Any:
    """The answer to C{GET /v1/responses/{id}}, which must be there."""
    with Client(daemon.port) as client:
        answer = client.ask("GET", f"/v1/responses/{response_id}").json()
        assert client.status == 200, answer
        return answer


def check(database: Path) -> str:
    """What SQLite has to say of a database, which need not have been closed."""
    connection = sqlite3.connect(database)
    try:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
    finally:
        connection.close()
    return str(verdict)
