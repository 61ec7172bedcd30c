"""What workers need of a Nomad, and what is there of it."""
