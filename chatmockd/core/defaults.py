"""What a request gets that does not say, and what ChatMock's clients may say besides.

It works on the fields of a request for a response, whatever API it came by, and before
they are checked: what has a wrong type is left for the check to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from chatmockd.core.model import EFFORTS, Catalog, Model
from chatmockd.core.profile import Profile
from chatmockd.errors import InvalidRequest

# Efforts which end no model's real name. "gpt-5.1-codex-max" is one.
_CLEAR = frozenset({"minimal", "low", "medium", "high", "xhigh"})

# Clients offer it, and no upstream takes it.
_ULTRA, _BELOW_ULTRA = "ultra", "xhigh"

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})

_LONGEST_KEY = 64  # characters that a `prompt_cache_key` may have

Fields = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """
    The operator's wishes; see C{[defaults]} in the configuration.

    @ivar model: Ask this one, whatever the client wants.
    @ivar effort: C{reasoning.effort}, and C{summary} its summary; C{""} leaves them to
        the upstream.
    @ivar fast_mode: Ask for priority.
    @ivar web_search: Let the model search the web.
    """

    model: str = ""
    effort: str = ""
    summary: str = ""
    fast_mode: bool = False
    web_search: bool = False


class RequestDefaults:
    """Completes requests, in place."""

    def __init__(self, wanted: Wanted, profile: Profile, catalog: Catalog) -> None:
        self._wanted = wanted
        self._profile = profile
        self._catalog = catalog
        self._models: Sequence[Model] = ()
        self._by_name: Mapping[str, Model] = {}
        self._is_plain = wanted == Wanted()

    def complete(self, fields: Fields, session: str | None = None) -> list[str]:
        """
        Complete a request that came in the words of the Responses API.

        @param session: What the client calls the conversation, in a header.
        @return: What the log shall say of it.
        @raise InvalidRequest: It wants what its model has not.
        """
        known = self._known()
        model = fields.get("model")
        if (
            self._is_plain
            and session is None
            and isinstance(model, str)
            and model in known
            and "fast_mode" not in fields
            and "reasoning" not in fields
        ):
            return []
        return self._complete(fields, session, known, self._wanted.summary)

    def complete_dialect(
        self, fields: Fields, session: str | None = None, *, searches: bool = True
    ) -> list[str]:
        """
        Complete one that a dialect has translated; see L{complete}.

        @param searches: Whether the web may be searched.
        """
        summary = self._wanted.summary or self._profile.dialect_summary
        remarks = self._complete(fields, session, self._known(), summary, searches)
        if fields.get("prompt_cache_key") is None:
            fields["prompt_cache_key"] = _conversation(fields)
        if self._profile.dialect_include:
            included = [*(fields.get("include") or ())]
            wanted = self._profile.dialect_include
            fields["include"] = included + [i for i in wanted if i not in included]
        return remarks

    def _known(self) -> Mapping[str, Model]:
        models = self._catalog.models()
        if models is not self._models:
            self._models = models
            self._by_name = {model.name: model for model in models}
        return self._by_name

    def _complete(
        self,
        fields: Fields,
        session: str | None,
        known: Mapping[str, Model],
        summary: str,
        searches: bool = True,
    ) -> list[str]:
        effort = self._choose_model(fields, known)
        name = fields.get("model")
        model = known.get(name) if isinstance(name, str) else None
        self._reason(fields, model, effort, summary)
        remarks = self._hurry(fields, model)
        if self._wanted.web_search and searches and not fields.get("tools"):
            if fields.get("tool_choice") != "none":
                fields["tools"] = [{"type": "web_search"}]
        if session and fields.get("prompt_cache_key") is None:
            fields["prompt_cache_key"] = (
                session if len(session) <= _LONGEST_KEY else _hash(session.encode())
            )
        return remarks

    def _choose_model(self, fields: Fields, known: Mapping[str, Model]) -> str | None:
        """Put the model's own name there; return the effort that is in the other."""
        effort = None
        for name in (fields.get("model"), self._wanted.model):
            if isinstance(name, str) and name:
                fields["model"], suffix = without_effort(name, known)
                effort = effort or suffix
        return effort

    def _reason(
        self, fields: Fields, model: Model | None, suffix: str | None, summary: str
    ) -> None:
        given = fields.get("reasoning")
        if given is not None and not isinstance(given, dict):
            return
        reasoning = dict(given or ())
        does = model is None or bool(model.efforts)
        if reasoning.get("effort") is None:
            effort = suffix or (self._wanted.effort if does else "")
            if effort:
                reasoning["effort"] = effort
        if reasoning.get("effort") == _ULTRA:
            reasoning["effort"] = _highest(model)
        if reasoning.get("summary") is None and does and summary:
            reasoning["summary"] = summary
        if reasoning.get("summary") == "none":
            # The API knows no such summary, ChatMock's clients do.
            del reasoning["summary"]
        if reasoning or given is not None:
            fields["reasoning"] = reasoning

    def _hurry(self, fields: Fields, model: Model | None) -> list[str]:
        """Choose the service tier."""
        wish = fields.pop("fast_mode", None)
        lacks = model is not None and model.has_priority is False
        if wish is not None:
            if not _is_true(wish):
                fields.pop("service_tier", None)
            elif lacks:
                raise InvalidRequest(
                    f"Fast mode is not supported for model '{fields.get('model')}'.",
                    param="fast_mode",
                    code="unsupported_value",
                )
            else:
                fields["service_tier"] = "priority"
        elif self._wanted.fast_mode and fields.get("service_tier") is None:
            if lacks:
                return ["no fast mode for this model"]
            fields["service_tier"] = "priority"
        return []


def without_effort(name: str, known: Mapping[str, Model]) -> tuple[str, str | None]:
    """
    A model's name without the effort that a client may have put behind it.

    C{gpt-5.5-high}, C{gpt-5.5_high} and C{gpt-5.5:high} are C{gpt-5.5}, as long as no
    model is known by that very name.

    @return: The name, and the effort if there is one.
    """
    if name in known or name.startswith("ft:"):
        return name, None
    for separator in ":-_":
        base, found, effort = name.rpartition(separator)
        if not (found and base and effort in EFFORTS):
            continue
        model = known.get(base)
        if model is not None and (separator == ":" or effort in model.efforts):
            return base, effort
        if separator == ":" or effort in _CLEAR:
            return base, effort
    return name, None


def _highest(model: Model | None) -> str:
    efforts = [] if model is None else [e for e in model.efforts if e != _ULTRA]
    return efforts[-1] if efforts else _BELOW_ULTRA


def _is_true(wish: object) -> bool:
    if isinstance(wish, bool):
        return wish
    word = wish.strip().lower() if isinstance(wish, str) else ""
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise InvalidRequest(
        "Invalid type for 'fast_mode': expected a boolean.",
        param="fast_mode",
        code="invalid_type",
    )


def _conversation(fields: Fields) -> str:
    """
    A name for the conversation that is the same in each of its turns.

    It is made of what all of them begin with; what it names shares a cache, no more.
    """
    items = fields.get("input")
    first = next(
        (
            item
            for item in (items if isinstance(items, list) else ())
            if isinstance(item, dict) and item.get("role") == "user"
        ),
        None,
    )
    return _hash(msgspec.json.encode([fields.get("instructions"), first]))


def _hash(what: bytes) -> str:
    return sha256(what).hexdigest()[:32]
