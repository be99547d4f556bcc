"""Tables of cases whose failures say which case it was, under every runner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def case(**values: Any) -> Iterator[None]:
    """
    Name the case that is being looked at.

    C{subTest} would do, but trial ignores it.
    """
    try:
        yield
    except AssertionError as problem:
        words = ", ".join(f"{name}={value!r:.300}" for name, value in values.items())
        raise type(problem)(f"{words}: {problem}") from problem
    except Exception as problem:
        problem.add_note(f"case: {values!r:.600}")
        raise
