"""Accept calls from callers and relay their results."""
