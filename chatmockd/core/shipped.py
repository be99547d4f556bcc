"""The models that are known without asking: what is offered until a list has come.

Efforts, and which of them can be had with priority, are as ChatMock 1.40 knows them.
"""

from __future__ import annotations

from chatmockd.core.model import Model

_LOW, _MEDIUM, _HIGH = "low", "medium", "high"
_THREE = (_LOW, _MEDIUM, _HIGH)
_FOUR = (*_THREE, "xhigh")

SHIPPED = (
    Model("gpt-5.6-sol", efforts=(*_FOUR, "max", "ultra"), has_priority=True),
    Model("gpt-5.6-terra", efforts=(*_FOUR, "max", "ultra"), has_priority=True),
    Model("gpt-5.6-luna", efforts=(*_FOUR, "max"), has_priority=True),
    Model("gpt-5.5", efforts=("none", *_FOUR), has_priority=False),
    Model("gpt-5.4", efforts=("none", *_FOUR), has_priority=True),
    Model("gpt-5.4-mini", efforts=_FOUR, has_priority=False),
    Model("gpt-5.3-codex", efforts=_FOUR, has_priority=False),
    Model("gpt-5.3-codex-spark", efforts=_FOUR, has_priority=False),
    Model("gpt-5.2", efforts=_FOUR, has_priority=True),
    Model("gpt-5.2-codex", efforts=_FOUR, has_priority=False),
    Model("gpt-5.1", efforts=_THREE, has_priority=True),
    Model("gpt-5.1-codex-max", efforts=_FOUR, has_priority=False),
    Model("gpt-5.1-codex", efforts=_THREE, has_priority=True),
    Model("gpt-5.1-codex-mini", efforts=_THREE, has_priority=False),
    Model("gpt-5", efforts=("minimal", *_THREE), has_priority=True),
    Model("gpt-5-codex", efforts=_THREE, has_priority=True),
    Model("codex-mini-latest", has_priority=False),
)
"""Best first."""
