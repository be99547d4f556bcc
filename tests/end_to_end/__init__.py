"""The daemon as its users run it: processes, signals, real sockets, loopback only."""
