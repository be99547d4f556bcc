"""How commands end: the exit statuses, which C{chatmockd --help} lists."""

from __future__ import annotations

from chatmockd.account.issuer import IssuerFailed
from chatmockd.account.login import PortTaken
from chatmockd.errors import (
    ChatmockdError,
    CredentialsMissing,
    UpstreamError,
)
from chatmockd.outbound import Unreachable
from chatmockd.settings import ConfigError

OK = 0
FAILED = 1
USAGE = 2
PORT_TAKEN = 13  # EACCES, in truth; ChatMock's, which scripts know
TEMPORARY = 75  # EX_TEMPFAIL of sysexits.h
NOT_SIGNED_IN = 77  # EX_NOPERM
CONFIGURATION = 78  # EX_CONFIG
INTERRUPTED = 130  # what a shell says of SIGINT

MEANINGS = {
    OK: "done",
    FAILED: "failed",
    USAGE: "the command line makes no sense",
    PORT_TAKEN: "the port is taken",
    TEMPORARY: "the network or the other side failed; later it may work",
    NOT_SIGNED_IN: "nobody is signed in, or the login has ended",
    CONFIGURATION: "the configuration cannot be used",
    INTERRUPTED: "interrupted",
}


def status_of(problem: Exception) -> int | None:
    """The exit status for a problem of the user's; None for a defect of ours."""
    match problem:
        case ConfigError():
            return CONFIGURATION
        case PortTaken():
            return PORT_TAKEN
        case CredentialsMissing():
            return NOT_SIGNED_IN
        case IssuerFailed() | UpstreamError() | Unreachable():
            return TEMPORARY
        case ChatmockdError():
            return FAILED
    return None
