"""Where turns are kept, so that a conversation outlives sockets and processes."""
