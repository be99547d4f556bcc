"""The official C{openai} client, with a daemon that can be killed behind its back."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar

from openai import OpenAI
from openai.types.responses import Response

from tests.end_to_end.lasting import lasting, store_of
from tests.end_to_end.openai_sdk import MODEL, client_of
from tests.end_to_end.place import Daemon, Place, wait_for

SLOW = "[[simulate: pace_s=0.005]] Count to 30."
COUNTED = ", ".join(str(number) for number in range(1, 31))
ENDLESS = "[[simulate: pace_s=0.05]] Count to 2000."


class TalkingTests(unittest.TestCase):
    """All tests of a class have one store, and one daemon at a time."""

    profile: ClassVar[str] = "openai"
    place: ClassVar[Place]
    daemon: ClassVar[Daemon]
    client: ClassVar[OpenAI]

    @classmethod
    def setUpClass(cls) -> None:
        cls.place = cls.enterClassContext(Place())
        cls.start()

    @classmethod
    def start(cls) -> None:
        """Start a daemon, and a client for it."""
        cls.daemon = cls.place.start(
            *lasting(store_of(cls.place)), f"upstream.profile={cls.profile}"
        )
        cls.client = cls.enterClassContext(client_of(cls.daemon))

    @classmethod
    def restart(cls) -> None:
        """C{kill -9}, and a daemon that knows what the one before it wrote down."""
        cls.daemon.popen.kill()
        cls.daemon.exit_status()
        cls.start()

    @classmethod
    def say(cls, text: str | list[Any], **more: Any) -> Any:
        """One turn."""
        return cls.client.responses.create(model=MODEL, input=text, **more)

    @classmethod
    def begin(cls, text: str, **more: Any) -> Response:
        """One turn in the background."""
        begun: Response = cls.say(text, background=True, **more)
        assert begun.status in ("queued", "in_progress"), begun
        assert begun.background, begun
        return begun

    @classmethod
    def when_over(cls, response_id: str) -> Response:
        """Poll until it runs no more."""

        def over() -> Response | None:
            response = cls.client.responses.retrieve(response_id)
            running = response.status in ("queued", "in_progress")
            return None if running else response

        return wait_for(f"{response_id} to end", over)
