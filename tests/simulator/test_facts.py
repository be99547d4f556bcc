"""Remembering and recalling."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.facts import Fact, facts_in, noun_asked_for, recalled


class FactsTests(SynchronousTestCase):
    """What we are told."""

    def test_told(self) -> None:
        """The usual ways to say it."""
        for text, fact in (
            ("Remember the token ALPHA-42.", Fact("token", "ALPHA-42")),
            ("Please remember this number: 42", Fact("number", "42")),
            ("remember that my dog is called Rex!", Fact("dog", "called Rex")),
            ("Remember 3.14", Fact("", "3.14")),
            ("Hello. My name is Ada.", Fact("name", "Ada")),
        ):
            with self.subTest(text=text):
                self.assertEqual(facts_in(text), [fact])

    def test_not_told(self) -> None:
        """Questions and idle talk tell nothing."""
        for text in (
            "What token did I ask you to remember?",
            "Do you remember my name?",
            "hello",
            "Is my name Ada?",
        ):
            with self.subTest(text=text):
                self.assertEqual(facts_in(text), [])

    def test_asked(self) -> None:
        """The usual ways to ask."""
        for text, noun in (
            ("What token did I ask you to remember?", "token"),
            ("What did I ask you to remember?", ""),
            ("Which number did I give you", "number"),
            ("Do you remember my name?", "name"),
            ("What's my name?", "name"),
            ("What was the token?", "token"),
            ("What is the weather in Paris?", None),
            ("Remember the token X.", None),
        ):
            with self.subTest(text=text):
                self.assertEqual(noun_asked_for(text), noun)

    def test_recalled(self) -> None:
        """The newest fact about what was asked for, and no other."""
        texts = [
            "Remember the token A-1.",
            "Remember the token B-2.",
            "My name is Ada.",
        ]
        self.assertEqual(recalled("token", texts), Fact("token", "B-2"))
        self.assertEqual(recalled("name", texts), Fact("name", "Ada"))
        self.assertEqual(recalled("", texts), Fact("name", "Ada"))
        self.assertIsNone(recalled("password", texts))
        self.assertIsNone(recalled("token", []))
