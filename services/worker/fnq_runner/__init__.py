"""Run the user's code: the part of a worker with no credentials."""
