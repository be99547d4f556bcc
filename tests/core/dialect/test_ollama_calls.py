"""Calls that come back without their ids."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.dialect.ollama_calls import (
    Call,
    Calls,
    UnreadableCall,
    arguments_in,
    id_for,
    made_call,
)
from tests.core.cases import case

CALL = Call("call_1", "f", '{"b": 1, "a": 2}')
ARGUMENTS = {"b": 1, "a": 2}


class CallsTests(SynchronousTestCase):
    """What is remembered, and of what."""

    def test_by_what_it_was(self) -> None:
        """In any order of its arguments, as Go's clients have their own."""
        calls = Calls()
        calls.remember(b"before", [(CALL, ARGUMENTS)])
        for before, place, name, arguments, known in (
            (b"before", 0, "f", ARGUMENTS, True),
            (b"before", 0, "f", {"a": 2, "b": 1}, True),
            (b"other", 0, "f", ARGUMENTS, False),
            (b"before", 1, "f", ARGUMENTS, False),
            (b"before", 0, "g", ARGUMENTS, False),
            (b"before", 0, "f", {"a": 2}, False),
        ):
            with case(before=before, place=place, name=name, arguments=arguments):
                recalled = calls.recall(before, place, name, arguments)
                self.assertEqual(recalled == CALL, known)

    def test_ids_for_calls_that_are_not_known(self) -> None:
        """The same each time, and no other call's."""
        first = id_for(b"before", 0, "f", ARGUMENTS)
        self.assertEqual(first, id_for(b"before", 0, "f", dict(ARGUMENTS)))
        self.assertTrue(first.startswith("call_"))
        others = {
            id_for(b"before", 1, "f", ARGUMENTS),
            id_for(b"after", 0, "f", ARGUMENTS),
            id_for(b"before", 0, "f", {}),
            id_for(b"before", 0, "g", ARGUMENTS),
        }
        self.assertEqual(len(others - {first}), 4)

    def test_the_same_question_asked_twice(self) -> None:
        """The newer answer counts."""
        calls = Calls()
        newer = Call("call_2", "f", CALL.arguments)
        calls.remember(b"before", [(CALL, ARGUMENTS)])
        calls.remember(b"before", [(newer, ARGUMENTS)])
        self.assertEqual(calls.recall(b"before", 0, "f", ARGUMENTS), newer)

    def test_the_longest_unused_is_forgotten(self) -> None:
        """There is an end to memory."""
        calls = Calls(3 * 300)
        made = [Call(f"call_{number}", "f", "x" * 50) for number in range(4)]
        for call in made[:3]:
            calls.remember(call.call_id.encode(), [(call, {})])
        self.assertEqual(calls.recall(b"call_0", 0, "f", {}), made[0])
        calls.remember(b"call_3", [(made[3], {})])
        known = [
            calls.recall(call.call_id.encode(), 0, "f", {}) == call for call in made
        ]
        self.assertEqual(known, [True, False, True, True])

    def test_one_that_is_too_large(self) -> None:
        """It is not kept, and nothing else is lost but what had to make room."""
        calls = Calls(1000)
        large = Call("call_9", "f", "x" * 2000)
        calls.remember(b"before", [(large, {})])
        self.assertIsNone(calls.recall(b"before", 0, "f", {}))
        calls.remember(b"before", [(CALL, ARGUMENTS)])
        self.assertEqual(calls.recall(b"before", 0, "f", ARGUMENTS), CALL)


class MadeTests(SynchronousTestCase):
    """Calls as the model makes them, with their arguments as an object."""

    def test_read(self) -> None:
        """No text, or nothing at all, is no arguments."""
        item = {"type": "function_call", "call_id": "c", "name": "f"}
        for arguments, decoded in (
            ('{"a": 1}', {"a": 1}),
            ("", {}),
            (" ", {}),
            (None, {}),
        ):
            with case(arguments=arguments):
                made = Call("c", "f", arguments or ""), decoded
                self.assertEqual(made_call(item | {"arguments": arguments}), made)

    def test_arguments_that_are_none(self) -> None:
        """The model wrote something else."""
        for arguments in ("{", "[]", "null", "5", '{"a": \ud83d}', "[" * 5000):
            with case(arguments=arguments):
                self.assertIsNone(arguments_in(arguments))
                with self.assertRaises(UnreadableCall) as caught:
                    made_call({"name": "f", "arguments": arguments})
                self.assertLess(len(str(caught.exception)), 400)
