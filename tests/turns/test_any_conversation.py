"""Random trees of turns: what the upstream knows is always what was said."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.bridge import Socket
from tests.turns.durable import DurableBridge, said, user

Said = list[dict[str, Any]]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["new", "marker", "resend", "edit", "drop", "ephemeral"]),
        st.integers(0, 2**16),
    ),
    max_size=25,
)


class Conversations:
    """
    Some conversations, and an upstream that remembers as the real one does.

    @ivar nodes: By response id: all that was said up to there, as it should be.
    @ivar held: By socket: the response whose state it holds, and that state.
    """

    def __init__(self, bridge: DurableBridge) -> None:
        self.bridge = bridge
        self.nodes: dict[str, Said] = {}
        self.held: dict[Socket, tuple[str, Said]] = {}
        self.recognised = 0

    def step(self, what: str, seed: int) -> None:
        """One thing that a client, or the network, may do."""
        number = len(self.nodes)
        # Few texts, so that histories resemble each other.
        question = user(f"Question {seed % 3}?")
        answer = f"Answer {seed % 2}."
        names = list(self.nodes)
        name = names[seed % len(names)] if names else None
        if what == "drop":
            for socket in self.bridge.sockets[-3:]:
                if socket.is_open:
                    socket.drop()
        elif what in ("marker", "ephemeral") and name is not None:
            more: dict[str, Any] = {"previous_response_id": name}
            if what == "ephemeral":
                more["store"] = False
            self.turn(f"resp_{number}", self.nodes[name], [question], answer, **more)
        elif what in ("resend", "edit") and name is not None:
            history = [dict(item) for item in self.nodes[name]]
            if what == "edit":
                place = seed % len(history)
                role = history[place]["role"]
                other = user("Edited?") if role == "user" else said("Edited.")
                history[place] = other
            self.turn(f"resp_{number}", [], [*history, question], answer)
        else:
            self.turn(f"resp_{number}", [], [question], answer)

    def turn(
        self, name: str, before: Said, added: Said, answer: str, **more: Any
    ) -> None:
        """One turn; what the upstream then knows must be what was said."""
        got = self.bridge.post(input=added, **more)
        socket, asked = self.bridge.busiest, self.bridge.asked
        known: Said = []
        if "previous_response_id" in asked:
            tip, known = self.held[socket]
            self.bridge.assertEqual(asked["previous_response_id"], tip)
            self.recognised += "previous_response_id" not in more
        whole = [*known, *asked["input"]]
        self.bridge.assertEqual(whole, [*before, *added])
        self.bridge.answer(name, answer)
        self.bridge.assertEqual(got.status, 200, got.body)
        marker = more.get("previous_response_id")
        self.bridge.assertEqual(got.json["previous_response_id"], marker)
        self.nodes[name] = [*whole, said(answer)]
        self.held[socket] = name, self.nodes[name]


class AnyConversationTests(SynchronousTestCase):
    """Whatever is followed up, forked, edited and sent again."""

    def played(self, steps: list[tuple[str, int]]) -> Conversations:
        bridge = DurableBridge("run")
        bridge.setUp()
        try:
            conversations = Conversations(bridge)
            for what, seed in steps:
                conversations.step(what, seed)
            return conversations
        finally:
            bridge.doCleanups()

    @settings(max_examples=40, deadline=None)
    @given(STEPS)
    def test_the_upstream_knows_what_was_said(
        self, steps: list[tuple[str, int]]
    ) -> None:
        """No less, no more and nothing else, over whichever connection."""
        self.played(steps)

    def test_histories_are_recognised_on_the_way(self) -> None:
        """Or the test above would have nothing to find."""
        chance = random.Random(7)
        kinds = ["new", "resend", "resend", "marker"]
        steps = [(chance.choice(kinds), chance.randrange(2**16)) for _ in range(60)]
        self.assertGreater(self.played(steps).recognised, 5)
