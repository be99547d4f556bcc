"""Items of conversations, as clients and upstreams write them."""

from __future__ import annotations

from typing import Any

from chatmockd.core.likeness import NOTHING, digest_after

Item = dict[str, Any]


def amounts_to(*items: Item) -> bytes:
    """The digest of a history of these items."""
    return digest_after(NOTHING, items)


def message(content: Any, role: str = "user", **more: Any) -> Item:
    """A message, with the members that it has to have."""
    return {"type": "message", "role": role, "content": content, **more}


def part(text: str, kind: str = "input_text", **more: Any) -> Item:
    """A part of a message."""
    return {"type": kind, "text": text, **more}


CALL = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "42"}
CUSTOM = {"type": "custom_tool_call", "call_id": "call_1", "name": "f", "input": "x"}
CUSTOM_RESULT = RESULT | {"type": "custom_tool_call_output"}
SEARCH = {"type": "file_search_call", "action": {"query": "weather"}}
WEB_SEARCH = {"type": "web_search_call", "action": {"query": "weather"}}
LISTED = {
    "type": "mcp_list_tools",
    "server_label": "s",
    "tools": [{"name": "f", "input_schema": {"type": "x"}}],
}
REASONING = {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
