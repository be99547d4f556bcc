"""Requests of the Ollama API, and the items that their messages become."""

from __future__ import annotations

import base64
from typing import Any

from chatmockd.core.dialect.ollama import AskedOllama, read_chat, read_generate
from chatmockd.core.dialect.ollama_calls import Calls
from chatmockd.core.dialect.ollama_models import find
from chatmockd.core.model import Model

MODELS = (Model("gpt-5.5", efforts=("none", "low", "high")), Model("plain"))
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def known(name: str) -> Model | None:
    """The model of a name."""
    return find(MODELS, name)


def chat(messages: Any, calls: Calls | None = None, **more: Any) -> AskedOllama:
    """A chat request, read."""
    asked = {"model": "gpt-5.5", "messages": messages, **more}
    return read_chat(asked, known, calls or Calls())


def generate(**more: Any) -> AskedOllama:
    """A generate request, read."""
    return read_generate({"model": "gpt-5.5", "prompt": "Hello?", **more}, known)


def user(text: str, *images: dict[str, Any]) -> dict[str, Any]:
    """What a user's message becomes."""
    content: list[dict[str, Any]] = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": [*content, *images]}


def said(text: str) -> dict[str, Any]:
    """What an assistant's message becomes."""
    content = [{"type": "output_text", "text": text}]
    return {"type": "message", "role": "assistant", "content": content}


def asks(text: str, **more: Any) -> dict[str, Any]:
    """A message of the user's."""
    return {"role": "user", "content": text, **more}


def calling(*cities: str, **more: Any) -> dict[str, Any]:
    """A message that calls the tool for each of these."""
    calls = [
        {"function": {"name": "weather", "arguments": {"city": city}}, **more}
        for city in cities
    ]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def result(text: str, **more: Any) -> dict[str, Any]:
    """What a tool says."""
    return {"role": "tool", "content": text, **more}


IMAGE = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}
