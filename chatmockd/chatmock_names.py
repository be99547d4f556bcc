"""ChatMock's own names for settings, for people who come from there."""

from __future__ import annotations

from collections.abc import Mapping

from chatmockd.settings import FALSE, TRUE, ConfigError

_WEBSOCKET = "CHATGPT_LOCAL_RESPONSES_WEBSOCKET_UPSTREAM"
_STATEFUL = "CHATGPT_LOCAL_RESPONSES_WEBSOCKET_UPSTREAM_STATEFUL"

# The variables that say the same as one of our keys, in the same words.
_SAME = {
    "CHATGPT_LOCAL_CLIENT_ID": ("account", "client_id"),
    "CHATGPT_LOCAL_DEBUG_MODEL": ("defaults", "model"),
    "CHATGPT_LOCAL_ENABLE_WEB_SEARCH": ("defaults", "web_search"),
    "CHATGPT_LOCAL_EXPOSE_REASONING_MODELS": ("models", "expose_efforts"),
    "CHATGPT_LOCAL_FAST_MODE": ("defaults", "fast_mode"),
    "CHATGPT_LOCAL_ISSUER": ("account", "issuer"),
    "CHATGPT_LOCAL_LOGIN_BIND": ("account", "login_bind"),
    "CHATGPT_LOCAL_MODEL_REFRESH_INTERVAL": ("models", "refresh_interval_s"),
    "CHATGPT_LOCAL_MODEL_SYNC": ("models", "sync"),
    "CHATGPT_LOCAL_REASONING_COMPAT": ("defaults", "reasoning_compat"),
    "CHATGPT_LOCAL_REASONING_EFFORT": ("defaults", "reasoning_effort"),
    "CHATGPT_LOCAL_REASONING_SUMMARY": ("defaults", "reasoning_summary"),
}
_LOWERED = {"reasoning_compat", "reasoning_effort", "reasoning_summary"}


def from_chatmock(environ: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """
    What ChatMock's variables say.

    @return: Source, section, key and value of each; the value is text.
    @raise ConfigError: They contradict each other.
    """
    found = []
    websocket = _switch(environ, _WEBSOCKET)
    stateful = _switch(environ, _STATEFUL)
    if websocket is not None:
        transport = "websocket" if websocket else "http"
        found.append((_WEBSOCKET, "upstream", "transport", transport))
    if stateful is not None:
        if stateful and websocket is False:
            raise ConfigError(
                f"{_STATEFUL}: true contradicts {_WEBSOCKET}: false; "
                "set both to true, or unset the latter"
            )
        mode = "retained" if stateful else "off"
        found.append((_STATEFUL, "continuity", "mode", mode))
    for name, (section, key) in _SAME.items():
        value = environ.get(name, "").strip()
        if value:
            value = value.lower() if key in _LOWERED else value
            found.append((name, section, key, value))
    return found


def _switch(environ: Mapping[str, str], name: str) -> bool | None:
    text = environ.get(name, "").strip().lower()
    if not text:
        return None
    if text not in TRUE | FALSE:
        raise ConfigError(f"{name}: must be true or false")
    return text in TRUE
