"""Makes `twistd chatmockd` exist; nothing of the daemon is imported before it runs."""

from twisted.application.service import ServiceMaker

chatmockd = ServiceMaker(
    "chatmockd",
    "chatmockd.tap",
    "Serve the OpenAI Responses API over retained upstream WebSockets.",
    "chatmockd",
)
