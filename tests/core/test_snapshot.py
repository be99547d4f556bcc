"""Response objects of turns that have not completed."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.create import read_create
from chatmockd.core.profile import CHATGPT, OPENAI, Profile
from chatmockd.core.snapshot import queued
from tests.core.cases import case
from tests.sdk_types import check_response


def waiting(profile: Profile = OPENAI, **fields: Any) -> Any:
    """What is said of a background turn with these fields before it has begun."""
    body = json.dumps({"model": "gpt-5.5", "background": True} | fields).encode()
    create = read_create(body, profile, keeps=True)
    return json.loads(queued(create, "resp_1", 1_800_000_000.5))


class QueuedTests(SynchronousTestCase):
    """Nobody upstream has said anything yet."""

    def test_it_is_whole(self) -> None:
        """It has all that a response has to have, whatever was asked for."""
        nulls: dict[str, Any] = dict.fromkeys(
            ("instructions", "metadata", "parallel_tool_calls", "tool_choice", "tools")
        )
        said = {"temperature": 0.5, "top_p": 1, "user": "me", "top_logprobs": 2}
        for profile in (OPENAI, CHATGPT):
            for fields in ({}, nulls, said):
                with case(profile=profile.name, fields=fields):
                    response = waiting(profile, **fields)
                    check_response(response)
                    self.assertEqual(response["status"], "queued")

    def test_it_repeats_what_was_asked_for(self) -> None:
        """As the upstream's own objects will."""
        asked = {"instructions": "Be brief.", "tool_choice": "none", "top_p": 0.5}
        asked |= {"service_tier": "flex", "metadata": {"a": "b"}}
        response = waiting(**asked, previous_response_id="resp_0")
        self.assertEqual(response["previous_response_id"], "resp_0")
        self.assertEqual({name: response[name] for name in asked}, asked)
