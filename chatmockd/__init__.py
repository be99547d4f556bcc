"""A daemon that serves the OpenAI Responses API over retained upstream WebSockets."""

from chatmockd._version import __version__

__all__ = ["__version__"]
