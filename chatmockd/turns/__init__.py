"""Turns on their way: how one gets to the upstream, who listens, where it is kept."""
