"""What the daemon is compared with: a naive bridge, a raw relay, ChatMock."""
