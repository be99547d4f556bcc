"""The lists of models that the upstreams publish.

ChatGPT's is what Codex chooses from, and says what each model can; OpenAI's says hardly
more than names, so that what is known of them comes from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from chatmockd.core.model import Model, in_order
from chatmockd.core.shipped import SHIPPED

# ChatGPT's has some dozens of models with 20 kB of instructions each.
_MOST_BYTES = 4_194_304
_MOST_MODELS = 1000
_LONGEST_NAME = 200
_LAST = 1_000_000  # a place in the order that no list gives

# A dated snapshot is the same model as the name without the date.
_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$")

# OpenAI lists everything under one roof; these do something else than answer.
_OTHER = re.compile(
    r"embedding|whisper|tts|dall-e|image|moderation|realtime|audio|transcribe|sora"
    r"|babbage|davinci|search-api"
)


class BadList(Exception):
    """This is no list of models; the message says what is wrong with it."""


def read_list(profile: str, body: bytes) -> list[Model]:
    """
    The models in an answer from L{chatmockd.core.page_urls.list_url}, best first.

    @raise BadList: It is something else, or lists none that could be offered.
    """
    if len(body) > _MOST_BYTES:
        raise BadList(f"it has more than {_MOST_BYTES} bytes")
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadList("it is not JSON") from None
    member = "models" if profile == "chatgpt" else "data"
    entries = said.get(member) if isinstance(said, dict) else None
    if not isinstance(entries, list):
        raise BadList(f"it has no list '{member}'")
    read = _codex_models if profile == "chatgpt" else _openai_models
    models = read([entry for entry in entries[:_MOST_MODELS] if _is_named(entry)])
    if not any(model.listed for model in models):
        raise BadList("it has no model that could be offered")
    return models


def _is_named(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    name = entry.get("slug", entry.get("id"))
    return (
        isinstance(name, str)
        and 0 < len(name) <= _LONGEST_NAME
        and name.isprintable()
        and name == name.strip()
    )


def _codex_models(entries: Sequence[dict[str, Any]]) -> list[Model]:
    placed: list[tuple[int, Model]] = []
    for entry in entries:
        if not isinstance(entry.get("slug"), str):
            continue
        tiers = entry.get("service_tiers")
        model = Model(
            name=entry["slug"],
            title=_text(entry, "display_name"),
            description=_text(entry, "description"),
            efforts=in_order(_names(entry.get("supported_reasoning_levels"), "effort")),
            context_window=_count(entry, "context_window"),
            listed=entry.get("visibility") == "list",
            has_priority="priority" in _names(tiers, "id")
            if isinstance(tiers, list)
            else None,
        )
        placed.append((_count(entry, "priority", _LAST), model))
    placed.sort(key=lambda pair: pair[0])
    return list({model.name: model for _, model in reversed(placed)}.values())[::-1]


def _openai_models(entries: Sequence[dict[str, Any]]) -> list[Model]:
    known = {model.name: (place, model) for place, model in enumerate(SHIPPED)}
    placed: list[tuple[int, int, Model]] = []
    for entry in entries:
        name = entry.get("id")
        if not isinstance(name, str):
            continue
        place, model = known.get(_DATE.sub("", name), (_LAST, Model(name)))
        created = _count(entry, "created")
        model = replace(
            model,
            name=name,
            listed=_OTHER.search(name) is None,
            created=created,
            owner=_text(entry, "owned_by") or model.owner,
        )
        placed.append((place, -created, model))
    placed.sort(key=lambda triple: triple[:2])
    return list({model.name: model for _, _, model in placed}.values())


def _names(values: object, member: str) -> list[str]:
    """The names in a list, which may be written as objects with more to them."""
    if not isinstance(values, list):
        return []
    names = (v.get(member) if isinstance(v, dict) else v for v in values)
    return [name.strip() for name in names if isinstance(name, str) and name.strip()]


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _count(entry: dict[str, Any], name: str, default: int = 0) -> int:
    value = entry.get(name)
    return value if type(value) is int and 0 <= value < 2**53 else default
