"""Hold a runner, its leases and its connections: the agent of a worker."""
