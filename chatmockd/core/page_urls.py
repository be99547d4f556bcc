"""Where an upstream has what is no turn: its models, and what an account has used."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

# The list depends on which Codex asks for it: models that need a newer one are left
# out. This is the newest whose list has been seen to be as model_list.py reads it.
_CLIENT_VERSION = "0.146.0"


def list_url(profile: str, upstream_url: str) -> str:
    """Where the upstream that turns go to lists its models."""
    url = _beside(upstream_url, "models")
    return f"{url}?client_version={_CLIENT_VERSION}" if profile == "chatgpt" else url


def usage_urls(upstream_url: str) -> tuple[str, ...]:
    """
    Where the ChatGPT backend tells what an account has used, the likelier place first.

    Codex asks at one or the other, depending on how it is configured.
    """
    own = _beside(upstream_url, "usage")
    folder, _, _ = own.rpartition("/")
    if folder.endswith("/codex"):
        return f"{folder.removesuffix('/codex')}/wham/usage", own
    return (own,)


def _beside(upstream_url: str, name: str) -> str:
    """The HTTP URL of what stands next to C{responses}."""
    parts = urlsplit(upstream_url)
    scheme = {"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme)
    path = parts.path.rstrip("/").rpartition("/")[0] + f"/{name}"
    return urlunsplit((scheme, parts.netloc, path, "", ""))
