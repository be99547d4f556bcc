"""The switches: what they take, and what they refuse before any turn meets it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.faults import Faults, names, read


class FaultsTests(SynchronousTestCase):
    """Setting switches in code."""

    def test_a_fresh_one_behaves_well(self) -> None:
        """Nothing is wrong unless somebody asks for it."""
        faults = Faults()
        self.assertEqual((faults.after, faults.pace_s, faults.output), (0, 0, "filled"))
        self.assertFalse(faults.silent or faults.drop or faults.never_answer)

    def test_impossible_values(self) -> None:
        """What cannot be sent is refused where it is written."""
        for wrong in (
            {"close": 1006},
            {"close": 99},
            {"reason": "x" * 124},
            {"refuse": 200},
            {"status": 42},
            {"shape": "round"},
            {"output": "some"},
            {"malformed": "xml"},
            {"incomplete": "tired"},
            {"without": frozenset(["everything"])},
        ):
            with self.subTest(**wrong):
                self.assertRaises(ValueError, lambda wrong=wrong: Faults(**wrong))


class ReadTests(SynchronousTestCase):
    """Switches as they are written in a directive or on a command line."""

    def test_forms(self) -> None:
        """Each kind of value has one written form."""
        for name, written, value in (
            ("close", "4001", 4001),
            ("close", None, 1011),
            ("drop", None, True),
            ("drop", "false", False),
            ("pace_s", "0.25", 0.25),
            ("without", "id,usage", frozenset({"id", "usage"})),
            ("output", "null", "null"),
            ("error", None, "server_error"),
            ("incomplete", None, "max_output_tokens"),
            ("message", "slow down", "slow down"),
        ):
            with self.subTest(name=name, written=written):
                self.assertEqual(read(name, written), value)

    def test_wrong_forms(self) -> None:
        """Anything else is refused with what is allowed."""
        for name, written in (
            ("close", "soon"),
            ("after", "-1"),
            ("after", None),
            ("after", "1.5"),
            ("after", "9" * 30),
            ("drop", "yes"),
            ("pace_s", "nan"),
            ("pace_s", "-1"),
            ("without", "id,shame"),
            ("output", "some"),
        ):
            with self.subTest(name=name, written=written):
                self.assertRaises(ValueError, read, name, written)

    def test_a_turn_cannot_change_its_connection(self) -> None:
        """Switches of the upgrade and of the connection's age are not for a turn."""
        everything, of_a_turn = set(names(turn_only=False)), set(names(turn_only=True))
        self.assertEqual(
            everything - of_a_turn,
            {"refuse", "refuse_body", "never_answer", "max_age_s", "idle_limit_s"},
        )
