"""The benchmark: what the daemon costs, beside its peers, in one interleaved run."""
