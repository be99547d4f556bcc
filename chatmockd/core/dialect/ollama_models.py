"""The models as Ollama lists and shows them."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec

from chatmockd.core.dialect.ollama_error import ModelNotFound
from chatmockd.core.dialect.reading import missing, text
from chatmockd.core.model import Model, find_model

# What clients believe to talk to. VS Code wants 0.6.4 at the least; thinking levels
# came with 0.11, ids of tool calls with 0.12.10 and /v1/responses with 0.13.3. From
# 0.14 on clients may ask for Anthropic's /v1/messages, which is not here.
OLLAMA_VERSION = "0.13.5"

# Tokens, where nobody knows: the least that these upstreams' models have by now.
# VS Code takes it for 4,096 where it is not told, and leaves no room for a question.
_CONTEXT_LENGTH = 128_000

_TAG = ":latest"
_FAMILY = "gpt"


def asked_model(fields: dict[str, Any]) -> str:
    """
    The model that a request names, as the client wrote it.

    @raise InvalidRequest: It names none.
    """
    name = text(fields, "model") or text(fields, "name") or ""
    if not name.strip():
        raise missing("model")
    return name


def bare(name: str) -> str:
    """C{name} without the tag that Ollama's clients add."""
    return name.strip().removesuffix(_TAG)


def find(models: Iterable[Model], name: str) -> Model:
    """
    The model of that name.

    @param name: It may have a tag, and an effort behind it.
    @raise ModelNotFound: There is none.
    """
    model = find_model(models, bare(name))
    if model is None:
        raise ModelNotFound(name)
    return model


def tags_json(models: Iterable[Model], since: str, *, with_efforts: bool) -> bytes:
    """
    The answer to C{GET /api/tags}.

    @param since: When the models have last changed, as RFC 3339 has it.
    @param with_efforts: List each once more with each of its efforts, for clients that
        let people choose nothing but a model.
    """
    listed = [
        {
            "name": name,
            "model": name,
            "modified_at": since,
            # Nothing of it is on this disk.
            "size": 0,
            # Apps tell models apart by it.
            "digest": sha256(name.encode()).hexdigest(),
            "details": _details(),
        }
        for model in models
        if model.listed
        for name in model.names(with_efforts=with_efforts)
    ]
    return msgspec.json.encode({"models": listed})


def show_json(model: Model, since: str) -> bytes:
    """The answer to C{POST /api/show}; see L{tags_json}."""
    facts: dict[str, Any] = {
        "general.architecture": _FAMILY,
        "general.basename": model.title or model.name,
        f"{_FAMILY}.context_length": model.context_window or _CONTEXT_LENGTH,
    }
    return msgspec.json.encode(
        {
            "modelfile": f"FROM {model.name}\n",
            "parameters": "",
            "template": "",
            "details": _details(),
            "model_info": facts,
            "capabilities": [
                "completion",
                "tools",
                "vision",
                *(["thinking"] if model.efforts else []),
            ],
            "modified_at": since,
        }
    )


def running_json() -> bytes:
    """The answer to C{GET /api/ps}: no model is in this machine's memory."""
    return b'{"models":[]}'


def version_json() -> bytes:
    """The answer to C{GET /api/version}."""
    return msgspec.json.encode({"version": OLLAMA_VERSION})


def _details() -> dict[str, Any]:
    """What is known of a file that is not here: hardly anything."""
    return {
        "parent_model": "",
        "format": "",
        "family": _FAMILY,
        "families": [_FAMILY],
        "parameter_size": "",
        "quantization_level": "",
    }
