"""What C{chatmockd} can be told to do, one module each."""
