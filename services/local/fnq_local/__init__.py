"""Start and mend the embedded stack on this machine."""
