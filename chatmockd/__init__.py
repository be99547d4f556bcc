"""A daemon that carries the APIs of OpenAI and Ollama over upstream WebSockets."""

from chatmockd._version import __version__

__all__ = ["__version__"]
