"""Ending a text where a stop sequence begins, which the Responses API cannot."""

from __future__ import annotations

from collections.abc import Sequence


class Stops:
    """
    Cuts one text, however it is cut into deltas.

    @ivar found: A stop sequence has come; what follows is not said any more.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._longest = max((len(stop) for stop in stops), default=0)
        self._held = ""
        self.found = False

    def feed(self, text: str) -> str:
        """What of C{text}, and of what was held back before it, can be said now."""
        if self.found:
            return ""
        text = self._held + text
        # As the model writes, the one that is complete first ends the text.
        ends = [
            (place + len(stop), place)
            for stop in self._stops
            if (place := text.find(stop)) >= 0
        ]
        if ends:
            self.found = True
            self._held = ""
            return text[: min(ends)[1]]
        place = len(text) - self._beginning_at_end_of(text)
        self._held = text[place:]
        return text[:place]

    def rest(self) -> str:
        """What was held back in vain; the text has ended."""
        held, self._held = self._held, ""
        return held

    def _beginning_at_end_of(self, text: str) -> int:
        """How many characters at the end may be the beginning of a stop sequence."""
        for count in range(min(self._longest - 1, len(text)), 0, -1):
            end = text[-count:]
            if any(stop.startswith(end) for stop in self._stops):
                return count
        return 0
