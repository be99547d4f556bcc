"""Reading a client's JSON: what is not as it must be is refused by its path."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from chatmockd.errors import InvalidRequest

LONGEST_TEXT = 10_485_760
"""Characters; what api.openai.com takes in one string."""


def wrong_type(path: str, expected: str) -> InvalidRequest:
    """C{path} has a value of another type than C{expected}, C{"a boolean"}."""
    return InvalidRequest(
        f"Invalid type for '{path}': expected {expected}.",
        param=path,
        code="invalid_type",
    )


def wrong_value(path: str, problem: str) -> InvalidRequest:
    """C{path} has a value that cannot be; C{problem} is a clause."""
    return InvalidRequest(
        f"Invalid value for '{path}': {problem}.", param=path, code="invalid_value"
    )


def missing(path: str) -> InvalidRequest:
    """There must be something at C{path}."""
    return InvalidRequest(
        f"Missing required parameter: '{path}'.",
        param=path,
        code="missing_required_parameter",
    )


def unsupported(path: str, reason: str) -> InvalidRequest:
    """What stands at C{path} cannot be had; C{reason} is a clause."""
    return InvalidRequest(
        f"Unsupported parameter: '{path}': {reason}.",
        param=path,
        code="unsupported_parameter",
    )


def below(path: str, name: str) -> str:
    """The path of the member C{name} of what is at C{path}."""
    return f"{path}.{name}" if path else name


def text(holder: Mapping[str, Any], name: str, path: str = "") -> str | None:
    """The text that C{holder}, which is at C{path}, has as C{name}; or None."""
    value = holder.get(name)
    if value is None:
        return None
    return checked_text(value, below(path, name))


def checked_text(value: object, path: str) -> str:
    """C{value}, which must be a text of bearable length."""
    if not isinstance(value, str):
        raise wrong_type(path, "a string")
    if len(value) > LONGEST_TEXT:
        raise InvalidRequest(
            f"Invalid '{path}': string too long. Expected a string with maximum length "
            f"{LONGEST_TEXT}, but got one with length {len(value)} instead.",
            param=path,
            code="string_above_max_length",
        )
    return value


def needed_text(holder: Mapping[str, Any], name: str, path: str = "") -> str:
    """The same, where it must not be missing or empty."""
    value = text(holder, name, path)
    if not value:
        raise missing(below(path, name))
    return value


def boolean(holder: Mapping[str, Any], name: str, path: str = "") -> bool | None:
    """The truth value that C{holder} has as C{name}, or None."""
    value = holder.get(name)
    if value is not None and not isinstance(value, bool):
        raise wrong_type(below(path, name), "a boolean")
    return value


def number(holder: Mapping[str, Any], name: str, path: str = "") -> float | None:
    """The number that C{holder} has as C{name}, or None."""
    value = holder.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(below(path, name), "a number")
    return value


def whole_number(holder: Mapping[str, Any], name: str, path: str = "") -> int | None:
    """The whole number that C{holder} has as C{name}, or None."""
    value = number(holder, name, path)
    if value is None or isinstance(value, int):
        return value
    raise wrong_type(below(path, name), "an integer")


def mapping(
    holder: Mapping[str, Any], name: str, path: str = ""
) -> dict[str, Any] | None:
    """The object that C{holder} has as C{name}, or None."""
    value = holder.get(name)
    return None if value is None else checked_mapping(value, below(path, name))


def checked_mapping(value: object, path: str) -> dict[str, Any]:
    """C{value}, which must be an object."""
    if not isinstance(value, dict):
        raise wrong_type(path, "an object")
    return value


def sequence(holder: Mapping[str, Any], name: str, path: str = "") -> list[Any] | None:
    """The list that C{holder} has as C{name}, or None."""
    value = holder.get(name)
    if value is not None and not isinstance(value, list):
        raise wrong_type(below(path, name), "an array")
    return value


def one_of(
    holder: Mapping[str, Any], name: str, allowed: Container[str], path: str = ""
) -> str | None:
    """The text that C{holder} has as C{name}, one of C{allowed}; or None."""
    value = text(holder, name, path)
    if value is not None and value not in allowed:
        raise wrong_value(below(path, name), f"'{shortened(value)}' is not known")
    return value


def shortened(value: str) -> str:
    """C{value}, short enough to be repeated in an error."""
    return value if len(value) <= 64 else f"{value[:64]}…"


def present(**members: Any) -> dict[str, Any]:
    """Those of C{members} that are not None."""
    return {name: value for name, value in members.items() if value is not None}
