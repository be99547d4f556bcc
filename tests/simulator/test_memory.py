"""What is remembered, where, and for how long."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.memory import Memory, Remembered, Storage


def _response(name: str) -> Remembered:
    return Remembered(name, (), 0)


class MemoryTests(SynchronousTestCase):
    """The memory of a connection."""

    def setUp(self) -> None:
        self.storage = Storage()
        self.memory = Memory(self.storage)

    def _knows(self, *names: str) -> list[bool]:
        return [self.memory.recall(name) is not None for name in names]

    def test_newest_of_each_lane(self) -> None:
        """An older response of the same lane is forgotten."""
        for lane, name in ((None, "a"), (None, "b"), ("x", "c")):
            self.memory.remember(lane, _response(name), stored=False)
        self.assertEqual(self._knows("a", "b", "c"), [False, True, True])

    def test_stored(self) -> None:
        """Stored responses are known everywhere, and for longer."""
        for name in ("a", "b"):
            self.memory.remember(None, _response(name), stored=True)
        self.assertEqual(self._knows("a", "b"), [True, True])
        self.assertIsNotNone(Memory(self.storage).recall("a"))

    def test_storage_is_bounded(self) -> None:
        """The oldest makes room."""
        for number in range(4097):
            self.storage.keep(_response(str(number)))
        self.assertIsNone(self.storage.find("0"))
        self.assertIsNotNone(self.storage.find("1"))

    def test_forget(self) -> None:
        """A failed turn takes along what it referred to, on its own lane only."""
        self.memory.remember(None, _response("a"), stored=False)
        self.memory.forget("fork", "a")
        self.memory.forget(None, "b")
        self.assertEqual(self._knows("a"), [True])
        self.memory.forget(None, "a")
        self.assertEqual(self._knows("a"), [False])
