# What Nomad's agents may do with Consul, by the token in their `consul` block. What they are
# denied is in their log.

# See the agent of their node: without it no job that offers something is placed.
agent_prefix "" { policy = "read" }

# Register there what the jobs offer, ...
service_prefix "fnq-" { policy = "write" }

# ... and themselves, where they find each other through Consul.
service_prefix "nomad" { policy = "write" }
