"""Conversations that outlive their connections: continued, rebuilt, forked, banked."""

from __future__ import annotations

from tests.bridge import completed, created, delta, message
from tests.turns.durable import DurableBridge, said, user


class FollowUpTests(DurableBridge):
    """A marker names a node, and any node can be continued."""

    def test_the_tip_of_an_idle_connection(self) -> None:
        """Only the new items go over it, as the client wrote them."""
        self.turn("resp_1")
        answer = self.turn("resp_2", "More?", previous_response_id="resp_1")
        self.assertEqual(self.dials, 1)
        self.assertEqual(self.asked["previous_response_id"], "resp_1")
        self.assertEqual(self.asked["input"], "More?")
        self.assertEqual(answer.json["id"], "resp_2")

    def test_a_socket_that_died(self) -> None:
        """The path goes over a new one, without ids, and the client sees its marker."""
        self.turn("resp_1", "One?", "1.")
        self.turn("resp_2", "Two?", "2.", previous_response_id="resp_1")
        self.socket.drop()
        answer = self.stream(input="Three?", previous_response_id="resp_2")
        progress = created("resp_3", 1) | {"type": "response.in_progress"}
        end = completed("resp_3", 2, output=[message("3.")])
        self.socket.say(created("resp_3"), progress, end)
        self.assertEqual(self.dials, 2)
        self.assertNotIn("previous_response_id", self.asked)
        self.assertEqual(
            self.asked["input"],
            [user("One?"), said("1."), user("Two?"), said("2."), user("Three?")],
        )
        for kind, event in answer.events:
            if "response" in event:
                shown = event["response"]["previous_response_id"]
                self.assertEqual((kind, shown), (kind, "resp_2"))
        self.assertEqual(len(answer.events), 3)

    def test_an_older_node(self) -> None:
        """A fork: another connection, and the path to that node only."""
        self.turn("resp_1", "One?", "1.")
        self.turn("resp_2", "Two?", "2.", previous_response_id="resp_1")
        self.turn("resp_3", "Other?", "3.", previous_response_id="resp_1")
        self.assertEqual(self.dials, 2)
        expected = [user("One?"), said("1."), user("Other?")]
        self.assertEqual(self.asked["input"], expected)

    def test_two_at_once(self) -> None:
        """Both answer; the second on a connection of its own."""
        self.turn("resp_1", "One?", "1.")
        first = self.post(input="A?", previous_response_id="resp_1")
        asked_first = self.busiest
        second = self.post(input="B?", previous_response_id="resp_1")
        self.assertEqual(self.dials, 2)
        self.answer("resp_b", "b")
        self.answer("resp_a", "a", asked_first)
        self.assertEqual((first.json["id"], second.json["id"]), ("resp_a", "resp_b"))

    def test_fifty_at_once(self) -> None:
        """Fifty answers and fifty children."""
        self.turn("resp_0")
        answers = [
            self.post(input=f"{number}?", previous_response_id="resp_0")
            for number in range(50)
        ]
        for number, socket in enumerate(self.sockets):
            self.answer(f"resp_x{number}", socket=socket)
        ids = {answer.json["id"] for answer in answers}
        self.assertEqual(len(ids), 50)
        for name in sorted(ids):
            self.turn(f"{name}_next", previous_response_id=name)

    def test_an_unknown_marker(self) -> None:
        """The same 400 as ever, and no connect."""
        answer = self.post(previous_response_id="resp_nobody")
        self.assert_error(answer, 400, "previous_response_not_found")
        self.assertEqual(self.dials, 0)

    def test_a_response_that_is_still_being_made(self) -> None:
        """It is no node yet."""
        self.stream()
        self.socket.say(created("resp_1"))
        answer = self.post(previous_response_id="resp_1")
        self.assert_error(answer, 409, "response_in_flight")

    def test_an_incomplete_response(self) -> None:
        """It is a node like any other."""
        self.post(input="One?")
        incomplete = completed("resp_1", status="incomplete", output=[message("1")])
        self.socket.say(created("resp_1"), incomplete | {"type": "response.incomplete"})
        self.socket.drop()
        self.turn("resp_2", "On?", previous_response_id="resp_1")
        self.assertEqual(self.asked["input"], [user("One?"), said("1"), user("On?")])

    def test_a_failed_turn_leaves_its_parent(self) -> None:
        """The socket is gone, the conversation is not."""
        self.turn("resp_1", "One?", "1.")
        answer = self.post(input="Two?", previous_response_id="resp_1")
        error = {"type": "error", "status": 500, "error": {"message": "Oh."}}
        self.socket.say(error)
        self.assertEqual(answer.status, 500)
        self.turn("resp_2", "Two?", "2.", previous_response_id="resp_1")
        self.assertEqual(self.asked["input"], [user("One?"), said("1."), user("Two?")])

    def test_settings_do_not_carry_over(self) -> None:
        """Instructions and tools come with each request, as in the API."""
        self.turn("resp_1", instructions="Be brief.", tools=[])
        self.socket.drop()
        self.turn("resp_2", previous_response_id="resp_1")
        self.assertNotIn("instructions", self.asked)
        self.assertNotIn("tools", self.asked)

    def test_reasoning_travels_encrypted_only(self) -> None:
        """The rest of it means nothing to another connection."""
        self.post(input="One?")
        plain = {"type": "reasoning", "id": "rs_1", "summary": []}
        locked = plain | {"id": "rs_2", "encrypted_content": "gAAA"}
        output = [plain, locked, message("1.")]
        self.socket.say(created("resp_1"), completed("resp_1", output=output))
        self.socket.drop()
        self.turn("resp_2", "Two?", previous_response_id="resp_1")
        self.assertEqual(
            self.asked["input"],
            [
                user("One?"),
                {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
                said("1."),
                user("Two?"),
            ],
        )

    def test_references_are_resolved(self) -> None:
        """An upstream that stores nothing could not."""
        self.turn("resp_1", "One?", "1.")
        self.turn("resp_9", [{"type": "item_reference", "id": "msg_1"}, user("And?")])
        self.assertEqual(self.asked["input"], [said("1."), user("And?")])

    def test_pictures_are_too(self) -> None:
        """A history that only names what was made is known, and can be sent again."""
        named = {"type": "image_generation_call", "id": "ig_1"}
        made = named | {"status": "completed", "result": "iVBOR"}
        self.post(input="Draw.")
        self.socket.say(
            created("resp_1"), completed("resp_1", output=[made, message("There.")])
        )
        again = [user("Draw."), named, said("There.")]
        self.turn("resp_2", [*again, user("Another?")])
        self.assertEqual(self.dials, 1)
        self.assertEqual(self.asked["previous_response_id"], "resp_1")
        self.assertEqual(self.asked["input"], [user("Another?")])
        self.socket.drop()
        self.turn("resp_3", [*again, user("A third?")])
        whole = {"type": "image_generation_call", "result": "iVBOR"}
        self.assertEqual(
            self.asked["input"],
            [user("Draw."), whole, said("There."), user("A third?")],
        )


class RefusedUnreadTests(DurableBridge):
    """The upstream did nothing about it; another connection will."""

    def refused(self, code: str) -> None:
        self.turn("resp_1", "One?", "1.")
        answer = self.stream(input="Two?", previous_response_id="resp_1")
        self.socket.say({"type": "error", "status": 400, "error": {"code": code}})
        self.assertEqual(self.dials, 2)
        self.answer("resp_2", "2.")
        self.assertEqual(answer.status, 200)
        self.assertNotIn("error", answer.kinds)
        self.assertEqual(self.asked["input"], [user("One?"), said("1."), user("Two?")])

    def test_it_has_lost_the_state(self) -> None:
        """Rebuilt once, unseen."""
        self.refused("previous_response_not_found")

    def test_it_is_too_old(self) -> None:
        """Rebuilt once, unseen."""
        self.refused("websocket_connection_limit_reached")

    def test_only_once(self) -> None:
        """An upstream that keeps refusing is believed."""
        self.turn("resp_1")
        answer = self.post(input="Two?", previous_response_id="resp_1")
        error = {"code": "websocket_connection_limit_reached", "message": "Old."}
        for _ in range(2):
            self.busiest.say({"type": "error", "status": 400, "error": error})
        self.assert_error(answer, 400, "websocket_connection_limit_reached")
        self.assertEqual(self.dials, 2)

    def test_what_was_sent_is_not_sent_again(self) -> None:
        """Whether the work was done is unknown, and the client is told so."""
        self.turn("resp_1")
        answer = self.post(input="Two?", previous_response_id="resp_1")
        self.socket.drop()
        self.assert_error(answer, 502, "upstream_outcome_unknown")
        self.assertEqual(answer.headers["x-should-retry"], "false")
        self.assertEqual(self.dials, 1)


class ClientGoneTests(DurableBridge):
    """The turn is read on for a while, and its result banked."""

    def test_a_turn_that_ends_within_the_grace_is_a_node(self) -> None:
        """Whoever comes back finds it."""
        answer = self.stream(input="One?")
        self.socket.say(created("resp_1"))
        answer.leave()
        self.wait(20)
        self.socket.say(completed("resp_1", output=[message("1.")]))
        self.assertEqual(self.ask("GET", "/v1/responses/resp_1").json["id"], "resp_1")
        self.turn("resp_2", "Two?", previous_response_id="resp_1")
        self.assertEqual(self.dials, 1)

    def test_a_longer_one_is_given_up(self) -> None:
        """Its connection closes."""
        answer = self.stream(input="One?")
        self.socket.say(created("resp_1"))
        answer.leave()
        self.wait(31)
        self.assertEqual(self.open_sockets, 0)
        stored = self.ask("GET", "/v1/responses/resp_1").json
        self.assertEqual(stored["status"], "cancelled")
        again = self.post(previous_response_id="resp_1")
        self.assert_error(again, 400, "previous_response_not_found")

    def test_a_stalled_client_that_leaves_holds_nothing_up(self) -> None:
        """What it did not read is read for it."""
        answer = self.stream(input="One?")
        answer.stall()
        self.socket.say(created("resp_1"))
        for number in range(1, 4):
            self.socket.say(delta("x" * 60_000, number))
        answer.leave()
        self.socket.say(completed("resp_1", 4))
        self.assertEqual(self.ask("GET", "/v1/responses/resp_1").status, 200)


class StoreFalseTests(DurableBridge):
    """What a client wants kept nowhere."""

    def test_it_can_be_continued_and_not_retrieved(self) -> None:
        """It is in memory, and never in the store on disk."""
        self.turn("resp_1", "One?", "1.", store=False)
        self.socket.drop()
        self.turn("resp_2", "Two?", "2.", previous_response_id="resp_1", store=False)
        self.assertEqual(self.asked["input"], [user("One?"), said("1."), user("Two?")])
        for name in ("resp_1", "resp_2"):
            answer = self.ask("GET", f"/v1/responses/{name}")
            self.assert_error(answer, 404, "response_not_found")

    def test_it_may_continue_what_is_stored(self) -> None:
        """Its path leads from one store into the other."""
        self.turn("resp_1", "One?", "1.")
        self.turn("resp_2", "Two?", "2.", previous_response_id="resp_1", store=False)
        self.socket.drop()
        self.turn("resp_3", "Three?", previous_response_id="resp_2")
        self.assertEqual(
            self.asked["input"],
            [user("One?"), said("1."), user("Two?"), said("2."), user("Three?")],
        )

    def test_what_continues_it_is_not_retrieved_either(self) -> None:
        """Not even while it runs."""
        self.turn("resp_1", store=False)
        self.stream(previous_response_id="resp_1")
        self.busiest.say(created("resp_2"))
        for _ in range(2):
            answer = self.ask("GET", "/v1/responses/resp_2")
            self.assert_error(answer, 404, "response_not_found")
            self.busiest.say(completed("resp_2", 1))

    def test_the_upstream_gets_what_its_profile_needs(self) -> None:
        """The ChatGPT backend stores nothing; we do."""
        self.configure(continuity__mode="durable", upstream__profile="chatgpt")
        answer = self.turn("resp_1", store=True)
        self.assertIs(self.asked["store"], False)
        self.assertNotIn("store", answer.headers.get("x-chatmockd-adjusted", ""))
        self.assertEqual(self.ask("GET", "/v1/responses/resp_1").status, 200)


class TwoStoresTests(DurableBridge):
    """What may be stored, beside what may not."""

    def test_what_may_not_be_stored_does_not_get_there(self) -> None:
        """Not by a reference from a turn that is."""
        self.turn("resp_1", "One?", "SECRET", store=False)
        self.turn("resp_2", [{"type": "item_reference", "id": "msg_1"}, user("And?")])
        self.assertEqual(self.asked["input"][0]["type"], "item_reference")
        items = self.ask("GET", "/v1/responses/resp_2/input_items")
        self.assertNotIn(b"SECRET", items.body)

    def test_what_may_be_is_although_its_history_is_not(self) -> None:
        """The client that sent it again never named the other."""
        self.turn("resp_1", "One?", "1.", store=False)
        self.turn("resp_2", [user("One?"), said("1."), user("Two?")])
        self.assertEqual(self.ask("GET", "/v1/responses/resp_2").status, 200)

    def test_deleting_what_is_continued_in_memory(self) -> None:
        """The history stays."""
        self.turn("resp_1", "One?", "1.")
        more = {"previous_response_id": "resp_1", "store": False}
        self.turn("resp_2", "Two?", "2.", **more)
        self.ask("DELETE", "/v1/responses/resp_1")
        self.socket.drop()
        self.turn("resp_3", "Three?", previous_response_id="resp_2", store=False)
        self.assertEqual(self.asked["input"][:2], [user("One?"), said("1.")])


class BoundsTests(DurableBridge):
    """Requests that would cost more than they should."""

    def test_many_references(self) -> None:
        """And few to much."""
        many = [{"type": "item_reference", "id": f"x_{n}"} for n in range(1001)]
        self.assert_error(self.post(input=many), 400, None)
        self.turn("resp_1", "One?", "x" * 1_000_000)
        same = [{"type": "item_reference", "id": "msg_1"}] * 40
        self.assert_error(self.post(input=same), 413, "body_too_large")

    def test_many_pictures(self) -> None:
        """They stay named where all of them would be too much."""
        named = {"type": "image_generation_call", "id": "ig_1"}
        self.post(input="Draw.")
        made = named | {"status": "completed", "result": "x" * 1_000_000}
        self.socket.say(created("resp_1"), completed("resp_1", output=[made]))
        self.turn("resp_2", [named] * 40)
        self.assertEqual(self.asked["input"], [named] * 40)

    def test_a_marker_that_cannot_be_one(self) -> None:
        """It is not said again in full."""
        answer = self.post(previous_response_id="x" * 1_000_000)
        self.assert_error(answer, 400, "previous_response_not_found")
        self.assertLess(len(answer.body), 1000)

    def test_store_is_true_or_false(self) -> None:
        """Nothing is kept of what was not meant to be."""
        for value in (0, "false", []):
            self.assert_error(self.post(store=value), 400, "invalid_type")


class GraceTests(DurableBridge):
    """How long a turn is read on."""

    def test_it_begins_anew_with_each_departure(self) -> None:
        """Whoever came back and left again has as long as before."""
        key = {"Idempotency-Key": "k"}
        first = self.stream(headers=key)
        self.socket.say(created("resp_1"))
        first.leave()
        self.wait(10)
        second = self.stream(headers=key)
        self.wait(18)
        second.leave()
        self.wait(20)
        self.assertEqual(self.open_sockets, 1)
        self.wait(11)
        self.assertEqual(self.open_sockets, 0)
