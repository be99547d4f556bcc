"""What a text offers for the fields of a schema."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.hints import Hints, places_in


class HintsTests(SynchronousTestCase):
    """Values by the names of their fields."""

    def test_texts(self) -> None:
        """Each kind of name looks for its kind of value."""
        for text, name, value in (
            ("What is the weather in Paris?", "city", "Paris"),
            ("the weather for New York today", "location", "New York"),
            ("the weather for New York today", "date", "today"),
            ("city=Rome, please", "city", "Rome"),
            ('Look for "blue shoes" now', "query", "blue shoes"),
            ("Read src/main.py and stop", "file_path", "src/main.py"),
            ("see https://example.com/a?b=1 there", "url", "https://example.com/a?b=1"),
            ("write to ada@example.com", "email", "ada@example.com"),
            ("Please greet Ada Lovelace", "name", "Ada Lovelace"),
            ("nothing here", "city", None),
        ):
            with self.subTest(text=text, name=name):
                self.assertEqual(Hints(text).text_for(name), value)

    def test_each_once(self) -> None:
        """The second field gets the second number."""
        hints = Hints("add 2 and -3.5")
        self.assertEqual([hints.number_for(name) for name in "abc"], [2.0, -3.5, None])

    def test_numbers_by_name(self) -> None:
        """A number that is named goes where it belongs."""
        hints = Hints("use b=7 a=5")
        self.assertEqual([hints.number_for("a"), hints.number_for("b")], [5.0, 7.0])

    def test_places(self) -> None:
        """A list of places is several places."""
        self.assertEqual(
            places_in("the weather in Paris, New York and Rome"),
            ["Paris", "New York", "Rome"],
        )
