"""Values which a user's text offers for the fields of a JSON schema."""

from __future__ import annotations

import re

_PLACE_NAMES = ("city", "location", "place", "town", "country", "region", "address")
_PERSON_NAMES = ("name", "person", "participant", "attendee", "author", "user")
_DATE_NAMES = ("date", "day", "when")

_CAPITALISED = r"[A-Z\u00c0-\u00de][\w'\u2019-]*"
_PROPER = rf"{_CAPITALISED}(?: {_CAPITALISED})*"
_PLACES = re.compile(
    rf"\b(?:in|at|for|from|to|near)\s+({_PROPER}(?:(?:, and |, | and ){_PROPER})*)"
)
_BETWEEN = re.compile(r", and |, | and ")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?!\w)")
_QUOTED = re.compile(r"\"([^\"]+)\"|\u201c([^\u201d]+)\u201d|`([^`]+)`|'([^']{2,})'")
_PAIR = re.compile(r"\b(\w+)\s*[=:]\s*(?:\"([^\"]*)\"|([^\s,;]+))")
_DATE = re.compile(
    r"\b(\d{4}-\d{2}-\d{2}|today|tomorrow|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b",
    re.IGNORECASE,
)
_URL = re.compile(r"\bhttps?://[^\s\"'<>)]+")
_EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_PATH = re.compile(
    r"(?<![\w/])(?:/|\./|~/)?(?:[\w.-]+/)+[\w.-]+|\b[\w-]+\.[a-z]{1,4}\b"
)

# Capitalised because they begin a sentence, not because they are names.
_OPENERS = frozenset(
    "A An And Ask Book Call Can Compute Could Create Do Does Extract Find For From Get "
    "Give How I If In Is It List Look Make My No Of On Please Remember Run Say Search "
    "Show Tell That The Then There This To Use Was We What When Where Which Who Why "
    "Will With Write Yes You".split()
)


def places_in(text: str) -> list[str]:
    """The place names behind C{in}, C{for} and the like, in order."""
    return [place for found in _PLACES.findall(text) for place in _BETWEEN.split(found)]


def is_place(name: str) -> bool:
    """Whether a field called C{name} wants a place."""
    return any(part in name.lower() for part in _PLACE_NAMES)


class Hints:
    """Hands out what C{text} offers; each number, quotation or name once."""

    def __init__(self, text: str, places: list[str] | None = None) -> None:
        """
        @param places: The place names to use instead of those in the text.
        """
        self.text = text.strip()
        self._pairs: dict[str, str] = {
            name.lower(): quoted or plain for name, quoted, plain in _PAIR.findall(text)
        }
        self._places = places_in(text) if places is None else list(places)
        self._numbers: list[str] = _NUMBER.findall(text)
        self._quoted: list[str] = ["".join(groups) for groups in _QUOTED.findall(text)]
        self._people: list[str] = [
            word
            for word in re.findall(_PROPER, text)
            if word not in _OPENERS and not _DATE.fullmatch(word)
        ]

    def text_for(self, name: str, format_name: str | None = None) -> str | None:
        """A text for the field C{name}, or C{None} when nothing fits it."""
        asked = name.lower()
        if asked in self._pairs:
            return self._pairs[asked]
        if format_name in ("uri", "url") or "url" in asked or "uri" in asked:
            return self._first(_URL)
        if format_name == "email" or "email" in asked:
            return self._first(_EMAIL)
        if is_place(asked):
            return self._places.pop(0) if self._places else None
        if format_name in ("date", "date-time", "time") or asked in _DATE_NAMES:
            return self._first(_DATE)
        if self._quoted:
            return self._quoted.pop(0)
        if "path" in asked or "file" in asked:
            return self._first(_PATH)
        if any(part in asked for part in _PERSON_NAMES) and self._people:
            return self._people.pop(0)
        return None

    def number_for(self, name: str) -> float | None:
        """A number for the field C{name}, or C{None}."""
        written = self._pairs.get(name.lower())
        if written is None or not _NUMBER.fullmatch(written):
            written = self._numbers.pop(0) if self._numbers else None
        else:
            self._numbers = [each for each in self._numbers if each != written]
        return None if written is None else float(written)

    def people(self) -> list[str]:
        """The names that are left; a list field takes them all."""
        people, self._people = self._people, []
        return people

    def _first(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.search(self.text)
        return found[0] if found else None
