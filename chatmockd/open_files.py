"""How many files and connections the process may have open."""

from __future__ import annotations

import resource

# Besides upstream connections and as many clients: the store, the ports, and clients
# that only ask something else.
_OTHERS = 1024


def allow_connections(upstream: int) -> None:
    """
    Raise what is allowed at first to what so many upstream connections take.

    Shells and launchers allow 1,024 or, on macOS, 256. With that in use, no new
    connection can be opened, however many of those kept are idle. What the
    administrator allows at most is not exceeded.

    @param upstream: C{continuity.max_retained}.
    """
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * upstream + _OTHERS
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
        except (ValueError, OSError):
            # macOS has a further limit, which it tells nobody.
            pass
