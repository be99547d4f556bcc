"""What goes wrong in the words of Ollama: C{{"error": "a sentence"}}, and nothing more.

Before the answer has begun it is the body of a status; afterwards the last line.
"""

from __future__ import annotations

import msgspec

from chatmockd.errors import ChatmockdError, InvalidRequest


class ModelNotFound(InvalidRequest):
    """Nobody has told us of this model; the words are Ollama's, and apps read them."""

    status = 404
    code = "model_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"model '{name:.100}' not found", param="model")


class OnlyOllama(InvalidRequest):
    """What Ollama does with models on its own disk, of which there are none here."""

    code = "unsupported_operation"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path:.100} is not supported: chatmockd passes questions on to models "
            "elsewhere, and has none to load, change or embed with."
        )


def error_json(error: ChatmockdError) -> bytes:
    """The one object."""
    return msgspec.json.encode({"error": str(error)})
