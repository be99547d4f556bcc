"""Decisions: plain values in, plain values out; no Twisted, no I/O, no clock."""
