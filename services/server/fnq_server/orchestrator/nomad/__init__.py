"""Workers as jobs of Nomad: what the server asks of a cluster."""
