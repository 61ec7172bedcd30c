"""What every service shares: Redis and the life cycle of processes."""
