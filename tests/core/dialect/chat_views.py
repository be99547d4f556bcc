"""The view that a chat client has of an answer, and the calls in it."""

from __future__ import annotations

from typing import Any

from chatmockd.core.dialect.chat import AskedChat
from chatmockd.core.dialect.chat_stream import ChatView
from chatmockd.core.dialect.thoughts import Compat

F = {"name": "f", "arguments": '{"a": 1}'}


def view_of(compat: Compat = "think-tags", **fields: Any) -> ChatView:
    """The view of a request with these fields."""
    hi = {"role": "user", "content": "Hi"}
    asked = AskedChat({"model": "m", "messages": [hi], **fields}, thinks=True)
    return ChatView(asked, compat, 1)


def tool(inner: dict[str, Any], call_id: str = "call_1", kind: str = "function") -> Any:
    """A call in a message."""
    return {"id": call_id, "type": kind, kind: inner}
