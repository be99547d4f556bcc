"""An upstream that answers offline, faults included."""
