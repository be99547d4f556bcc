"""The ids of one response and its items, built as in recordings of api.openai.com.

Behind the prefix stand 50 hexadecimal digits: 16 which the response shares with its
items, C{00}, 8 for the Unix second of its creation, and 24 of its own.
"""

from __future__ import annotations

import base64
import secrets
import string

_ALPHANUMERIC = string.ascii_letters + string.digits

# Obfuscation hides how long a delta is; what it says never matters.
_NOISE = "".join(secrets.choice(_ALPHANUMERIC) for _ in range(4096))


class Identity:
    """Makes the ids of one response."""

    def __init__(self, created_at: int) -> None:
        """
        @param created_at: Unix seconds, as in the response object.
        """
        self._middle = f"{secrets.token_hex(8)}00{created_at & 0xFFFFFFFF:08x}"
        self.response_id = self.item_id("resp")

    def item_id(self, prefix: str) -> str:
        """A new id; C{prefix} is C{msg}, C{fc}, C{rs} or C{ctc}."""
        return f"{prefix}_{self._middle}{secrets.token_hex(12)}"


def call_id() -> str:
    """What joins a tool call to its output: C{call_} and 24 letters or digits."""
    return "call_" + "".join(secrets.choice(_ALPHANUMERIC) for _ in range(24))


def obfuscation(delta: str, position: int) -> str:
    """
    What pads C{delta} to 16 characters, as in all recorded frames.

    No recorded delta was longer; this pads those to the next multiple of 16.

    @param position: The event's place in its turn, so that neighbours differ.
    """
    start = (position * 16) % (len(_NOISE) - 16)
    return _NOISE[start : start + (-len(delta) % 16)]


def sealed(thought: str) -> str:
    """An opaque C{encrypted_content} which is as long as C{thought} would make it."""
    body = secrets.token_bytes(96 + len(thought))
    return "gAAAAA" + base64.urlsafe_b64encode(body).decode("ascii")
