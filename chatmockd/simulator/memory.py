"""What the upstream remembers: the newest response of each lane, and what is stored.

Rules of the current guide: a connection keeps the latest response per lane (the ChatGPT
backend knows one lane only), closing the socket drops all of them, and only responses
with C{store: true} can be continued from elsewhere.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from chatmockd.simulator.items import Item

# A simulator may run for days; the oldest stored responses go first.
_MOST_STORED = 4096

Lane = str | None
"""A C{stream_id}; C{None} is the default lane."""


@dataclass(frozen=True)
class Remembered:
    """A finished response and the whole conversation up to its end."""

    response_id: str
    items: tuple[Item, ...]
    tokens: int
    """How many tokens C{items} count for: they are read from the cache."""


class Storage:
    """The stored responses: every connection of one simulator may continue them."""

    def __init__(self) -> None:
        self._responses: OrderedDict[str, Remembered] = OrderedDict()

    def keep(self, response: Remembered) -> None:
        """Store a response; the oldest makes room for it."""
        self._responses[response.response_id] = response
        while len(self._responses) > _MOST_STORED:
            self._responses.popitem(last=False)

    def find(self, response_id: str) -> Remembered | None:
        """The stored response of this id."""
        return self._responses.get(response_id)


@dataclass
class Memory:
    """What one connection remembers."""

    storage: Storage
    _newest: dict[Lane, Remembered] = field(default_factory=dict)

    def recall(self, response_id: str) -> Remembered | None:
        """The response of this id: the newest of any lane, or a stored one."""
        for response in self._newest.values():
            if response.response_id == response_id:
                return response
        return self.storage.find(response_id)

    def remember(self, lane: Lane, response: Remembered, *, stored: bool) -> None:
        """C{response} is the newest of its lane now; the one before it is forgotten."""
        self._newest[lane] = response
        if stored:
            self.storage.keep(response)

    def forget(self, lane: Lane, response_id: object) -> None:
        """
        A turn that continued C{response_id} failed on C{lane}.

        Only the lane's own entry goes: a failed fork leaves its parent alone.
        """
        newest = self._newest.get(lane)
        if newest is not None and newest.response_id == response_id:
            del self._newest[lane]
