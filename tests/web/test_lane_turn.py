"""Turns over a WebSocket: the same tree, the same errors and ends as over HTTP."""

from __future__ import annotations

import json
from typing import Any

from tests.bridge import Answer, Socket, completed, created, delta, message
from tests.core.cases import case
from tests.http_bridge import HttpBridge
from tests.sdk_types import check_message
from tests.turns.durable import DurableBridge, said, user
from tests.web.socket_client import SocketBridge, SocketClient


class MovingTests(SocketBridge, DurableBridge):
    """A conversation may go on over another transport."""

    settings = DurableBridge.settings

    def over_socket(
        self, client: SocketClient, response_id: str, text: str, **more: Any
    ) -> dict[str, Any]:
        """One whole turn; return the response object."""
        client.say(input=text, **more)
        self.answer(response_id, text.replace("?", "."))
        self.assertEqual(client.kinds[-1], "response.completed")
        response: dict[str, Any] = client.events[-1]["response"]
        return response

    def test_to_and_fro(self) -> None:
        """Over the same upstream socket, with the new input only."""
        client = self.open()
        self.over_socket(client, "resp_1", "One?")
        self.turn("resp_2", "Two?", "Two.", previous_response_id="resp_1")
        response = self.over_socket(
            client, "resp_3", "Three?", previous_response_id="resp_2"
        )
        self.assertEqual(response["id"], "resp_3")
        self.assertEqual(self.dials, 1)
        self.assertEqual(self.asked["input"], "Three?")
        stored = self.ask("GET", "/v1/responses/resp_3/input_items").json
        self.assertEqual(len(stored["data"]), 5)

    def test_to_and_fro_without_a_tree(self) -> None:
        """In mode retained as well, as long as the upstream socket lives."""
        self.configure(**self.settings | {"continuity__mode": "retained"})
        client = self.open()
        self.over_socket(client, "resp_1", "One?")
        self.turn("resp_2", "Two?", "Two.", previous_response_id="resp_1")
        self.over_socket(client, "resp_3", "Three?", previous_response_id="resp_2")
        self.assertEqual(self.dials, 1)
        self.assertEqual(self.asked["previous_response_id"], "resp_2")

    def test_mode_off(self) -> None:
        """Each turn has a connection of its own, and no state."""
        self.configure(**self.settings | {"continuity__mode": "off"})
        client = self.open()
        self.over_socket(client, "resp_1", "One?")
        self.over_socket(client, "resp_2", "Two?")
        self.assertEqual(self.dials, 2)
        self.assertEqual(self.open_sockets, 0)

    def test_after_both_sockets_died(self) -> None:
        """The path is rebuilt, and the client sees its own marker."""
        client = self.open()
        self.over_socket(client, "resp_1", "One?")
        client.leave()
        self.socket.drop()
        client = self.open()
        response = self.over_socket(
            client, "resp_2", "Two?", previous_response_id="resp_1"
        )
        self.assertEqual(
            self.asked["input"], [user("One?"), said("One."), user("Two?")]
        )
        self.assertEqual(response["previous_response_id"], "resp_1")

    def test_a_prepared_turn(self) -> None:
        """C{generate: false}, as Codex sends it before the real request."""
        client = self.open()
        client.say(input=[user("One?")], generate=False, store=False)
        self.socket.say(completed("resp_0", 0))
        self.assertIs(self.asked["generate"], False)
        client.say(input=[], previous_response_id="resp_0", store=False)
        self.assertEqual(self.dials, 1)
        self.assertEqual(self.asked["previous_response_id"], "resp_0")
        self.assertEqual(self.asked["input"], [])

    def test_a_stored_response(self) -> None:
        """It can be had over HTTP, events and all."""
        client = self.open()
        self.over_socket(client, "resp_1", "One?", stream_id="a")
        answer = self.ask("GET", "/v1/responses/resp_1?stream=true")
        self.assertEqual(len(answer.events), 3)
        self.assertNotIn(b"stream_id", answer.body)


class ErrorTests(SocketBridge):
    """The codes of HTTP, as events."""

    def test_unknown_markers(self) -> None:
        """In every mode that has any."""
        for mode in ("retained", "durable"):
            with case(mode=mode):
                self.configure(**self.settings, continuity__mode=mode)
                client = self.open()
                client.say(previous_response_id="resp_no")
                (event,) = client.events
                self.assert_error_event(event, 400, "previous_response_not_found")
                self.assertEqual(event["param"], "previous_response_id")

    def test_a_marker_in_flight(self) -> None:
        """In another lane; in its own it would wait."""
        client = self.open()
        client.say(stream_id="a")
        self.socket.say(created("resp_1"))
        client.say(stream_id="b", previous_response_id="resp_1")
        event = client.events[-1]
        self.assert_error_event(event, 409, "response_in_flight", "b")
        self.assertEqual(event["headers"], {"retry-after": "1"})

    def test_a_refusal_of_the_upstreams(self) -> None:
        """With all that it said."""
        client = self.open()
        client.say(stream_id="a")
        self.socket.say(
            {
                "type": "error",
                "status": 429,
                "error": {
                    "type": "usage_limit_reached",
                    "message": "The usage limit has been reached",
                    "resets_in_seconds": 99,
                },
            }
        )
        (event,) = client.events
        self.assertEqual(event["status"], 429)
        self.assertEqual(event["error"]["resets_in_seconds"], 99)
        self.assertEqual(event["stream_id"], "a")

    def test_an_unreachable_upstream(self) -> None:
        """Nothing was sent."""
        client = self.open()
        self.refuse_connections()
        client.say()
        self.assert_error_event(client.events[0], 502, "upstream_unreachable")

    def test_an_error_in_the_middle(self) -> None:
        """It ends the turn, and only the turn."""
        client = self.open()
        client.say(stream_id="a")
        self.socket.say(created("resp_1"), delta("H", 1))
        self.socket.close(1011)
        event = client.events[-1]
        self.assert_error_event(event, 502, "upstream_disconnected", "a")
        self.assertEqual(event["sequence_number"], 2)
        client.say()
        self.answer_socket(1, "resp_2")
        self.assertEqual(client.kinds[-1], "response.completed")

    def test_a_failure_in_the_middle(self) -> None:
        """The upstream's own last word."""
        client = self.open()
        client.say(stream_id="a")
        failed = {
            "type": "response.failed",
            "response": {
                "id": "resp_1",
                "status": "failed",
                "output": [],
                "error": {"code": "server_error", "message": "Oh."},
            },
            "sequence_number": 1,
        }
        self.socket.say(created("resp_1"), failed)
        self.assertEqual(client.events[-1], failed | {"stream_id": "a"})

    def test_a_large_event(self) -> None:
        """As it is, in a lane or not."""
        client = self.open()
        for lane in (None, "a"):
            client.say(stream_id=lane)
            self.socket.say(created(f"resp_{lane}"), delta("x" * 1_000_000, 1))
            self.socket.say(completed(f"resp_{lane}", 2))
            large = client.events[-2]
            self.assertEqual(len(large["delta"]), 1_000_000)
            self.assertEqual(large.get("stream_id"), lane)


class LogTests(SocketBridge):
    """One line per turn, as over HTTP."""

    settings = {"upstream__profile": "chatgpt", "server__log_requests": "true"}

    def test_the_lines(self) -> None:
        """The number behind the request's id tells the turns apart."""
        client = self.open()
        assert client.response is not None
        request_id = client.response.headers["x-request-id"]
        client.say(stream_id="a", temperature=1)
        self.answer_socket(0, "resp_1")
        client.say(previous_response_id="resp_no")
        client.close()
        lines = [line for line in self.log if line.startswith(request_id)]
        self.assertEqual(
            lines,
            [
                f"{request_id}: WebSocket opened",
                f"{request_id}.1: response.create in lane a 200 (in 0.000 s, profile "
                "changed instructions, temperature, new, connection 1, 3 events, "
                "resp_1)",
                f"{request_id}.2: response.create 400 (in 0.000 s, profile changed "
                "instructions, 0 events, previous_response_not_found: Previous "
                "response with id 'resp_no' not found.)",
                f"{request_id}: WebSocket closed (1000, 2 requests)",
            ],
        )


class SteerTests(SocketBridge):
    """C{response.steer}."""

    settings = {"upstream__profile": "openai", "continuity__mode": "durable"}

    def steer(self, client: SocketClient, target: str, text: str = "Shorter!") -> None:
        client.say(
            {"type": "response.steer", "previous_response_id": target, "input": text}
        )

    def accepted(self, socket: Socket) -> None:
        steer = {"id": "steer_1", "previous_response_id": "resp_1"}
        socket.say(
            {"type": "response.steer.accepted", "steer": steer, "sequence_number": 5}
        )

    def running(self) -> SocketClient:
        client = self.open()
        client.say(stream_id="a")
        self.socket.say(created("resp_1"))
        return client

    def test_it_goes_where_the_target_runs(self) -> None:
        """And what comes of it comes in the target's lane."""
        client = self.running()
        client.say(stream_id="b")
        self.sockets[1].say(created("resp_2"))
        self.steer(client, "resp_1")
        self.assertEqual(
            self.sockets[0].received[1],
            {
                "type": "response.steer",
                "previous_response_id": "resp_1",
                "input": "Shorter!",
            },
        )
        self.accepted(self.sockets[0])
        self.assertEqual(client.lane("a")[-1], "response.steer.accepted")

    def test_what_was_refused_is_over(self) -> None:
        """The upstream said so; the turn goes on."""
        client = self.running()
        self.steer(client, "resp_1")
        steer = {"previous_response_id": "resp_1", "input": "Shorter!"}
        error = {"code": "steering_not_supported", "message": "No."}
        failed = {"type": "response.steer.failed", "steer": steer, "error": error}
        self.socket.say(failed | {"sequence_number": 0})
        self.socket.say(completed("resp_1", 3))
        self.assertEqual(
            client.lane("a"),
            ["response.created", "response.steer.failed", "response.completed"],
        )

    def test_the_input_is_given_back_at_the_end(self) -> None:
        """The successor is nobody's turn; its connection is closed before it speaks."""
        client = self.running()
        self.steer(client, "resp_1")
        self.accepted(self.socket)
        end = completed("resp_1", 3)
        end["type"], end["response"]["status"] = "response.incomplete", "incomplete"
        end["response"]["incomplete_details"] = {"reason": "steered"}
        self.socket.say(end)
        *_, given_back, last = client.events
        self.assertEqual(last["type"], "response.incomplete")
        self.assertEqual(given_back["type"], "response.steer.failed")
        self.assertEqual(given_back["error"]["code"], "successor_creation_failed")
        self.assertEqual(given_back["steer"]["input"], "Shorter!")
        self.assertEqual(given_back["steer"]["id"], "steer_1")
        self.assertEqual(self.open_sockets, 0)
        client.say(input="Shorter!", previous_response_id="resp_1", stream_id="a")
        self.assertEqual(self.dials, 2)

    def test_targets_that_do_not_run(self) -> None:
        """Unknown, ended, another client's, or nothing at all."""
        client = self.running()
        self.socket.say(completed("resp_1"))
        other = self.open()
        other.say()
        self.socket.say(created("resp_2"))
        for target in ("resp_1", "resp_2", "resp_no", ""):
            with case(target=target):
                client.forget()
                self.steer(client, target)
                self.assert_given_back(client, target, "response_not_found")
        self.assertEqual(self.messages, 2)

    def assert_given_back(self, client: SocketClient, target: str, code: str) -> None:
        """The last event gives the input back, and ends nothing."""
        event = client.events[-1]
        check_message(event)
        self.assertEqual(event["type"], "response.steer.failed")
        steer = {"previous_response_id": target, "input": "Shorter!"}
        self.assertEqual((event["steer"], event["error"]["code"]), (steer, code))

    def test_what_is_no_steer(self) -> None:
        """An error, which waits until it cannot be taken for a turn's end."""
        client = self.open()
        client.say()
        self.socket.say(created("resp_1"))
        steer = {"type": "response.steer", "previous_response_id": "resp_1"}
        client.say(steer)
        client.say({**steer, "input": "Shorter!", "previous_response_id": 7})
        self.assertEqual(client.kinds, ["response.created"])
        self.socket.say(completed("resp_1"))
        for event, param in zip(
            client.events[-2:], ("input", "previous_response_id"), strict=True
        ):
            self.assert_error_event(event, 400, "invalid_type")
            self.assertEqual(event["param"], param)

    def test_a_target_whose_connection_closes(self) -> None:
        """It can be told nothing any more."""
        client = self.running()
        self.patch(self.socket.protocol, "dataReceived", lambda data: None)
        for connection in self.upstream._connections:
            assert connection._protocol is not None
            self.patch(connection._protocol, "is_usable", lambda: False)
        self.steer(client, "resp_1")
        self.assert_given_back(client, "resp_1", "response_not_found")


class SteeringOverHttpTests(SocketBridge, HttpBridge):
    """The upstream is called over HTTP."""

    def test_nothing_can_be_added(self) -> None:
        """It has no way to be told, and the client gets its input back."""
        client = self.open()
        client.say()
        self.request.say(created("resp_1"))
        steer = {"previous_response_id": "resp_1", "input": "Shorter!"}
        client.say({"type": "response.steer", **steer})
        event = client.events[-1]
        check_message(event)
        self.assertEqual(event["type"], "response.steer.failed")
        self.assertEqual(event["error"]["code"], "steering_not_supported")
        self.assertEqual(event["steer"], steer)


class OverviewTests(SocketBridge):
    """A WebSocket client and an HTTP client see the same turn."""

    def test_the_same_events(self) -> None:
        """But for the framing."""
        self.configure(**self.settings, continuity__mode="durable")
        client = self.open()
        events = [created("resp_1"), delta("Hi.", 1)]
        end = completed("resp_1", 2, output=[message("Hi.")])
        client.say()
        self.socket.say(*events, end)
        answer: Answer = self.ask("GET", "/v1/responses/resp_1?stream=true")
        self.assertEqual([event for _, event in answer.events], client.events)
        self.assertEqual(json.loads(json.dumps(client.events)), [*events, end])
