"""Chat requests, and the items that their messages become."""

from __future__ import annotations

import base64
import json
from typing import Any

from chatmockd.core.dialect.chat import AskedChat

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\nrest").decode()
HI = {"role": "user", "content": "Hi"}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "f", "arguments": "{}"},
}


def asked(thinks: bool = True, **fields: Any) -> AskedChat:
    """What becomes of a request, by default one that says hi."""
    given = {"model": "gpt-5.5", "messages": [HI], **fields}
    return AskedChat(json.loads(json.dumps(given)), thinks=thinks)


def fields_besides(**said: Any) -> dict[str, Any]:
    """The fields of a request that says hi, besides its model and that."""
    fields = dict(asked(**said).fields)
    assert fields.pop("model") == "gpt-5.5"
    assert fields.pop("input") == [message("user", "Hi")]
    return fields


def message(role: str, *parts: dict[str, Any] | str) -> dict[str, Any]:
    """An item; a text is a part that says so."""
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": p} if isinstance(p, str) else p for p in parts]
    return {"type": "message", "role": role, "content": content}


def says(role: str, content: Any, **more: Any) -> dict[str, Any]:
    """A chat message."""
    return {"role": role, "content": content, **more}


CALLS = says("assistant", None, tool_calls=[CALL])
CALLED_OLD = says("assistant", None, function_call={"name": "f", "arguments": "{}"})
