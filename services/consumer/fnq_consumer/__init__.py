"""Hand queued calls to workers and acknowledge their ends."""
